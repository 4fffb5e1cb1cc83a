/** Homes of their own for tests that start daemons. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectOrStart, type DaemonClient, userLayout } from "@devenv/client";
import { evaluateExpression, type EvalParams, type HomeLayout } from "@devenv/protocol";
import type { ExecutionContext } from "ava";

const entry = fileURLToPath(new URL("fake-daemon.ts", import.meta.url));

export interface TestHome {
	readonly home: string;
	readonly layout: HomeLayout;
	/** Connects as a client of a version, starting a daemon of that version if need be. */
	connect(version?: string, environment?: Readonly<Record<string, string>>): Promise<DaemonClient>;
	/** Connects to a daemon that runs. */
	find(version?: string): Promise<DaemonClient>;
	writeConfig(text: string): void;
}

/** A home below a temporary folder; its daemon is killed and the folder removed when the test ends. */
export function makeHome(t: ExecutionContext, name = "home"): TestHome {
	const folder = mkdtempSync(join(tmpdir(), "devenv-daemon-"));
	const home = join(folder, name);
	mkdirSync(home, { recursive: true });
	const layout = userLayout({ DEVENV_HOME: home });
	const pids = new Set<number>();
	const seen = (client: DaemonClient): DaemonClient => {
		if (client.daemon.pid !== process.pid) pids.add(client.daemon.pid);
		return client;
	};
	t.teardown(() => {
		for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGKILL");
		rmSync(folder, { recursive: true, force: true });
	});
	return {
		home,
		layout,
		connect: async (version = "1.0.0", environment = {}) =>
			seen(
				await connectOrStart({
					layout,
					version,
					start: {
						argv: [process.execPath, entry],
						environment: { ...process.env, DEVENV_HOME: home, FAKE_VERSION: version, ...environment },
					},
				}),
			),
		find: async (version = "1.0.0") => seen(await connectOrStart({ layout, version })),
		writeConfig: (text) => {
			mkdirSync(layout.config, { recursive: true });
			writeFileSync(join(layout.config, "config.yaml"), text);
		},
	};
}

/** Parameters of `expression.eval` for an expression of the fake daemon. */
export function evaluation(expression: string): EvalParams {
	return {
		project: null,
		variables: {},
		expression,
		name: "<test>",
		baseDir: "/",
		attrPath: "",
		format: "nix",
		strict: false,
	};
}

export async function evaluate(client: DaemonClient, expression: string): Promise<string> {
	const { text } = await client.call(evaluateExpression, evaluation(expression));
	return text;
}

export function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
}

/** Waits until something holds; fails after ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
	const end = Date.now() + 10_000;
	while (!(await condition())) {
		if (Date.now() > end) throw new Error(`did not happen in time: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}
