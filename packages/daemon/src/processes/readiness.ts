/** Whether a process does its work: one attempt of each kind of probe. Layer 4. */

import { lookup } from "node:dns";
import { request } from "node:http";
import type { LookupFunction } from "node:net";
import { unreachable } from "@devenv/diagnostics";
import type { ProbePlan } from "@devenv/protocol";
import { isListening } from "./ports.ts";

/** What an attempt needs of the process. */
export interface ProbeContext {
	/** Of the process, by name. */
	readonly ports: ReadonlyMap<string, number>;
	/** Runs shell text as the process itself runs; its exit status. */
	readonly run: (text: string, milliseconds: number) => Promise<number>;
	/** Whether a line of its output has matched. */
	readonly matched: () => boolean;
}

/** Milliseconds of one attempt. */
const ATTEMPT = 10_000;

/** One attempt. */
export async function isReady(check: ProbePlan["check"], context: ProbeContext): Promise<boolean> {
	switch (check.kind) {
		case "exec":
			return (await context.run(check.exec, ATTEMPT)) === 0;
		case "http":
			return answers(withPort(check.url, context.ports));
		case "port":
			return isListening(context.ports.get(check.port) ?? Number(check.port));
		case "log":
			return context.matched();
		default:
			return unreachable(check);
	}
}

/** The URL with a port's number in place of its name. */
function withPort(url: string, ports: ReadonlyMap<string, number>): string {
	return url.replace(/^(http:\/\/[^/:]+):([a-z][a-z0-9_]*)/, (whole, host: string, name: string) => {
		const port = ports.get(name);
		return port === undefined ? whole : `${host}:${port}`;
	});
}

/** `localhost` is this machine (RFC 6761), also where no /etc/hosts says so. */
const lookupLocal: LookupFunction = (name, options, callback) => {
	if (name !== "localhost") {
		lookup(name, options, callback);
		return;
	}
	const addresses = [
		{ address: "127.0.0.1", family: 4 },
		{ address: "::1", family: 6 },
	];
	if (options.all === true) callback(null, addresses);
	else callback(null, "127.0.0.1", 4);
};

function answers(url: string): Promise<boolean> {
	return new Promise((resolve) => {
		const outgoing = request(url, { timeout: ATTEMPT, agent: false, lookup: lookupLocal }, (response) => {
			response.resume();
			resolve((response.statusCode ?? 500) < 400);
		});
		outgoing.once("timeout", () => {
			outgoing.destroy();
			resolve(false);
		});
		outgoing.once("error", () => {
			resolve(false);
		});
		outgoing.end();
	});
}
