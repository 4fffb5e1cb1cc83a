/**
 * The daemon's socket folder and address. Layer 2.
 *
 * Node cannot ask a Unix socket who is at the other end (SO_PEERCRED), so the folder does it: it belongs to the caller, is
 * a real folder with mode 0700, and therefore only processes of the same user (and root) reach the socket. Both ends
 * check this before every bind and connect.
 *
 * A socket address holds 107 bytes. A longer path is reached through the folder's file descriptor:
 * `/proc/self/fd/N/daemon.sock`.
 */

import { closeSync, constants, fstatSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { fail } from "@devenv/diagnostics";
import { type HomeLayout, SOCKET_ADDRESS_LIMIT, socketPath } from "@devenv/protocol";

export interface SocketAddress {
	/** What to bind or connect. Valid until `release`. */
	readonly path: string;
	/** Closes the folder's descriptor. */
	release(): void;
}

/**
 * Checks the socket folder and gives the address of a socket in it, by default of the daemon's own. Creates the folder when
 * `create` is set; without it an absent folder is reported by an `ENOENT` error. Throws `HOME_UNSAFE` when others could
 * reach the socket.
 */
export function openSocketAddress(
	layout: HomeLayout,
	create: boolean,
	path: string = socketPath(layout),
): SocketAddress {
	const folder = layout.runtime;
	if (create) makePrivateFolder(folder);
	const descriptor = openFolder(folder);
	try {
		const { uid, mode } = fstatSync(descriptor);
		const caller = process.geteuid?.() ?? uid;
		if (uid !== caller || (mode & 0o077) !== 0) {
			fail("HOME_UNSAFE", `the folder of the daemon's socket is open to other users: ${folder}`, {
				hint: `it must belong to you with mode 0700: chmod 700 '${folder}', or remove it`,
			});
		}
	} catch (error) {
		closeSync(descriptor);
		throw error;
	}
	if (Buffer.byteLength(path) <= SOCKET_ADDRESS_LIMIT) {
		closeSync(descriptor);
		return { path, release: () => undefined };
	}
	let open = true;
	return {
		path: `/proc/self/fd/${descriptor}${path.slice(folder.length)}`,
		release: () => {
			if (open) closeSync(descriptor);
			open = false;
		},
	};
}

function makePrivateFolder(folder: string): void {
	try {
		mkdirSync(dirname(folder), { recursive: true });
		mkdirSync(folder, { mode: 0o700 });
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "EEXIST") return;
		fail("HOME_UNWRITABLE", `cannot make the folder ${folder}: ${String(code)}`, {
			hint: "make its parent writable, or set DEVENV_HOME to a folder that you may write",
		});
	}
}

function openFolder(folder: string): number {
	try {
		return openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOENT") throw error;
		fail("HOME_UNSAFE", `the folder of the daemon's socket cannot be used: ${folder}: ${String(code)}`, {
			hint: "it must be a folder of your own, not a link",
		});
	}
}
