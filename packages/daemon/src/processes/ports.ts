/** The ports of processes: free ones found, taken ones told. Layer 4. */

import type { ProcessPlan } from "@devenv/protocol";
import { connect, createServer } from "node:net";

/** Ports by process and name. */
export type PortTable = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** A free port of this machine: nobody listened on it a moment ago. */
function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const address = server.address();
			server.close(() => {
				if (typeof address === "object" && address !== null) resolve(address.port);
				else reject(new Error("no address"));
			});
		});
	});
}

/** The ports of all processes; `auto` ones keep what they had in `before`. */
export async function assignPorts(plans: readonly ProcessPlan[], before: PortTable): Promise<PortTable> {
	const table = new Map<string, Map<string, number>>();
	for (const { name, ports } of plans) {
		const own = new Map<string, number>();
		for (const { name: port, port: number } of ports) {
			own.set(port, number === "auto" ? (before.get(name)?.get(port) ?? (await freePort())) : number);
		}
		table.set(name, own);
	}
	return table;
}

/** Whether somebody listens on a port of this machine. */
export function isListening(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect({ port, host: "127.0.0.1" });
		const settle = (answer: boolean): void => {
			socket.destroy();
			resolve(answer);
		};
		socket.setTimeout(1000, () => {
			settle(false);
		});
		socket.once("connect", () => {
			settle(true);
		});
		socket.once("error", () => {
			settle(false);
		});
	});
}

/** Variables that say all ports, `PROCESS_NAME_PORT`, and for a process with one port that as `PORT`. */
export function portVariables(table: PortTable, process: string): Record<string, string> {
	const variables: Record<string, string> = {};
	for (const [name, ports] of table) {
		for (const [port, number] of ports) {
			variables[`${name}_${port}_PORT`.toUpperCase().replaceAll("-", "_")] = String(number);
		}
	}
	const own = [...(table.get(process)?.values() ?? [])];
	if (own.length === 1) variables["PORT"] = String(own[0]);
	return variables;
}
