/** Whether the mirrors that this machine is configured with answer, and what time they think it is. Layer 3. */

import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Settings } from "../settings.ts";
import { createAgents } from "./http-download.ts";
import { withoutSecrets } from "./http-fetcher.ts";
import { readApt, resolveMirror } from "./mirrors.ts";

export interface MirrorProbe {
	/** As it may be shown. */
	readonly url: string;
	/** Why it is of no use; undefined: it answers. */
	readonly problem: string | undefined;
	readonly milliseconds: number;
	/** Its clock less ours, in seconds; undefined where it does not say. */
	readonly skew: number | undefined;
}

const TIMEOUT = 10_000;
/** What every Debian archive has. */
const PROBED = "mirror://debian/dists/trixie/InRelease";

/** Asks each mirror of the Debian archive at once. Throws `FETCH_NO_MIRROR` where none is configured. */
export async function probeMirrors(
	settings: Pick<Settings, "mirrors">,
	env: Readonly<Record<string, string | undefined>>,
): Promise<readonly MirrorProbe[]> {
	const addresses = resolveMirror(PROBED, { user: settings.mirrors, apt: readApt() });
	const agents = createAgents(env);
	try {
		return await Promise.all(addresses.map((url) => probe(url, agents)));
	} finally {
		agents.http.destroy();
		agents.https.destroy();
	}
}

async function probe(address: string, agents: ReturnType<typeof createAgents>): Promise<MirrorProbe> {
	const started = performance.now();
	const result = (problem: string | undefined, skew?: number): MirrorProbe => ({
		url: withoutSecrets(address),
		problem,
		milliseconds: Math.round(performance.now() - started),
		skew,
	});
	const url = new URL(address);
	if (url.protocol === "file:") {
		return result(
			statSync(fileURLToPath(url), { throwIfNoEntry: false }) === undefined ? "there is no such file" : undefined,
		);
	}
	const secure = url.protocol === "https:";
	const { promise, resolve } = Promise.withResolvers<MirrorProbe>();
	const agent = secure ? agents.https : agents.http;
	const headers = { "user-agent": "devenv" };
	const outgoing = (secure ? httpsRequest : httpRequest)(url, { method: "HEAD", agent, headers, timeout: TIMEOUT });
	outgoing.once("response", (response) => {
		response.resume();
		const status = response.statusCode ?? 0;
		const date = Date.parse(response.headers.date ?? "");
		const skew = Number.isNaN(date) ? undefined : Math.round((date - Date.now()) / 1000);
		resolve(result(status < 400 ? undefined : `HTTP status ${status}`, skew));
	});
	outgoing.once("timeout", () => {
		outgoing.destroy(new Error(`nothing came for ${TIMEOUT / 1000} seconds`));
	});
	outgoing.once("error", (error: NodeJS.ErrnoException) => {
		resolve(result(error.message === "" ? (error.code ?? "it failed") : error.message));
	});
	outgoing.end();
	return promise;
}
