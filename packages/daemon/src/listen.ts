/**
 * Binding the daemon's socket so that at most one daemon listens. Layer 4.
 *
 * Under the bind lock a daemon first tries to connect: when someone answers, it gives way. Else what lies there is the
 * socket of a daemon that died, is removed, and the daemon binds in its place. The lock is held for that moment only, and
 * the kernel holds it: a daemon killed in that moment blocks nobody, one suspended in it keeps others waiting, so that it
 * cannot remove the socket of another when it goes on.
 */

import { rmSync } from "node:fs";
import { connect, type Server } from "node:net";
import { openSocketAddress, type SocketAddress, withRuntimeLock } from "@devenv/client";
import { type HomeLayout, socketPath, workerSocketPath } from "@devenv/protocol";

/**
 * Makes the server listen on the layout's socket; undefined when another daemon listens there already. The address must be
 * released after the server is closed: closing removes the socket through it.
 */
export async function listenExclusively(server: Server, layout: HomeLayout): Promise<SocketAddress | undefined> {
	const address = openSocketAddress(layout, true);
	try {
		const bound = await withRuntimeLock(layout, "bind", async () => {
			if (await answers(address.path)) return false;
			rmSync(socketPath(layout), { force: true });
			await listen(server, address.path);
			return true;
		});
		if (bound) return address;
	} catch (error) {
		address.release();
		throw error;
	}
	address.release();
	return undefined;
}

/**
 * Makes the server of the worker protocol listen. To be called by the daemon that listens on the other socket, and closed before
 * that one: what lies there is of a daemon that died.
 */
export async function listenForWorkers(server: Server, layout: HomeLayout): Promise<SocketAddress> {
	const address = openSocketAddress(layout, true, workerSocketPath(layout));
	try {
		rmSync(workerSocketPath(layout), { force: true });
		await listen(server, address.path);
		return address;
	} catch (error) {
		address.release();
		throw error;
	}
}

function answers(path: string): Promise<boolean> {
	return new Promise((resolve, reject) => {
		const socket = connect({ path });
		socket.once("connect", () => {
			socket.destroy();
			resolve(true);
		});
		socket.once("error", (error: NodeJS.ErrnoException) => {
			if (error.code === "ENOENT" || error.code === "ECONNREFUSED") resolve(false);
			else if (error.code === "EAGAIN") resolve(true);
			else reject(error);
		});
	});
}

function listen(server: Server, path: string): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen({ path }, () => {
			server.removeListener("error", reject);
			resolve();
		});
	});
}
