/**
 * Real Nix as a judge: many expressions in one process, which ends at the first that fails; the next process goes on
 * behind it. On no store, with folders of its own.
 */

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { modeOptions, type Mode, type Outcome } from "./outcome.ts";

const PROGRAM = "nix-instantiate";
const SECONDS = 30;
/** What one process may allocate, KiB. */
const MEMORY = 4 * 2 ** 20;

/** The version of real Nix, undefined where there is none. */
export function realNixVersion(): string | undefined {
	const run = spawnSync(PROGRAM, ["--version"], { encoding: "utf8" });
	return run.status === 0 ? /[0-9]+(\.[0-9]+)+/.exec(run.stdout)?.[0] : undefined;
}

export class RealNix {
	/** Where relative paths start. */
	readonly #baseDir: string;
	readonly #storeRoot: string;
	readonly #environment: Record<string, string | undefined>;

	constructor(baseDir: string, stateDir: string) {
		this.#baseDir = baseDir;
		this.#storeRoot = join(stateDir, "root");
		for (const name of ["state", "conf", "log", "home"]) mkdirSync(join(stateDir, name), { recursive: true });
		this.#environment = {
			PATH: process.env["PATH"],
			HOME: join(stateDir, "home"),
			NIX_STATE_DIR: join(stateDir, "state"),
			NIX_CONF_DIR: join(stateDir, "conf"),
			NIX_LOG_DIR: join(stateDir, "log"),
			NIX_STORE_DIR: "/nix/store",
		};
	}

	/** The outcome of each expression. */
	async evaluate(expressions: readonly string[], mode: Mode = "print"): Promise<Outcome[]> {
		const outcomes: Outcome[] = [];
		while (outcomes.length < expressions.length) {
			const rest = expressions.slice(outcomes.length, outcomes.length + 400);
			const options = ["--eval", "--strict", ...modeOptions[mode]];
			// A leading minus would be an option. A value may have line ends in it: after each comes one that no expression has.
			const texts = rest.flatMap((each, index) => [` ${each}`, `"${MARK}${index}${MARK}"`]);
			const run = await this.#run([...options, "-E", ...texts]);
			const values = splitValues(run.stdout).slice(0, rest.length);
			for (const text of values) outcomes.push({ kind: "value", text });
			if (values.length === rest.length) continue;
			const message = messageOf(run.stderr);
			if (run.code !== 1) outcomes.push({ kind: "crash", message: `exit ${run.code ?? "by a signal"}` });
			else {
				const again = WANTS_STORE.test(message) && (await this.#valueInStore(rest[values.length] ?? "", options));
				outcomes.push(again === false ? { kind: "failure", message } : again);
			}
		}
		return outcomes;
	}

	/** The value of one that needs the derivations it makes, in a store that is written; false where it fails there too. */
	async #valueInStore(expression: string, options: readonly string[]): Promise<Outcome | false> {
		const store = [this.#storeRoot, "--read-write-mode", "--max-jobs", "0", "--option", "substituters", ""];
		const run = await this.#run([...options, "-E", ` ${expression}`], { store });
		return run.code === 0 && { kind: "value", text: run.stdout.replace(/\n$/, "") };
	}

	/** Whether each text is in the language: that it can be parsed and has no undefined variables. */
	async accepts(texts: readonly string[]): Promise<boolean[]> {
		const accepted: boolean[] = [];
		for (const text of texts) accepted.push((await this.#run(["--parse", "-"], { input: text })).code === 0);
		return accepted;
	}

	#run(
		options: readonly string[],
		{ input = "", store = ["dummy://", "--readonly-mode"] } = {},
	): Promise<{ code: number | null; stdout: string; stderr: string }> {
		const limited = ["-c", `ulimit -v ${MEMORY}; exec "$@"`, "sh", PROGRAM];
		const child = spawn("sh", [...limited, "--store", ...store, ...options], {
			cwd: this.#baseDir,
			env: this.#environment,
			timeout: SECONDS * 1000,
			killSignal: "SIGKILL",
			stdio: ["pipe", "pipe", "pipe"],
		});
		const out: Buffer[] = [];
		const err: Buffer[] = [];
		child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
		child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
		child.stdin.on("error", () => undefined);
		child.stdin.end(Buffer.from(input, "latin1"));
		return new Promise((done, fail) => {
			child.on("error", fail);
			child.on("close", (code) => {
				done({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
			});
		});
	}
}

const MARK = "@-@";

/** Where a derivation needs another one's closure. */
const WANTS_STORE = /^path '\/nix\/store\/[^']*\.drv' is not valid$/;

/** The values before each mark. */
function splitValues(output: string): string[] {
	const values: string[] = [];
	const marks = new RegExp(
		`(?:<\\?xml[^>]*>\\n<expr>\\n *<string value=)?"${MARK}[0-9]+${MARK}"(?: />\\n</expr>)?\\n?`,
		"g",
	);
	let start = 0;
	for (const mark of output.matchAll(marks)) {
		values.push(output.slice(start, mark.index).replace(/\n$/, ""));
		start = mark.index + mark[0].length;
	}
	return values;
}

/** The message of what Nix writes when it fails, without places, hints and trace. */
function messageOf(stderr: string): string {
	const lines = stderr.split("\n");
	// An empty message leaves no "error:"; warnings stand before.
	const start = lines.findLastIndex((line) => line.startsWith("error:"));
	if (start < 0) return "";
	const message: string[] = [];
	for (const line of lines.slice(start)) {
		if (/^ {7}(at |Did you mean |… )/.test(line) || line.startsWith("(use '--show-trace'")) break;
		message.push(line.slice(7));
	}
	return message.join("\n").trimEnd();
}
