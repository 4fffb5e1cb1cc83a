/**
 * Runs the language tests of a Nix checkout against our evaluator, as Nix's own `lang.sh` runs them against Nix:
 *
 *     node scripts/conformance/lang.ts NIX/tests/functional/lang [--verbose] [NAME-PREFIX…]
 *
 * Prints the cases that fail, with both outputs where `--verbose` is given, and a count for each kind. The checkout is
 * only read.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { isMainThread, Worker } from "node:worker_threads";
import { basename, join, resolve } from "node:path";
import { readdirSync } from "node:fs";
import {
	Attrs,
	AttrsBuilder,
	EvalError,
	Evaluator,
	type Lazy,
	type Lints,
} from "../../packages/evaluator/src/index.ts";
import { ReadOnlyIo } from "../../packages/evaluator/test/read-only-io.ts";

Error.stackTraceLimit = 0;

type LintLevel = Lints["urlLiterals"];

interface Outcome {
	readonly status: number;
	readonly out: string;
	readonly err: string;
}

interface Flags {
	strict: boolean;
	showTrace: boolean;
	xml: boolean;
	location: boolean;
	maxCallDepth: number;
	readonly lints: Record<string, LintLevel>;
	readonly features: Set<string>;
	readonly searchPath: string[];
	readonly attrs: string[];
	readonly args: { name: string; text: string; kind: "expr" | "string" }[];
	readonly unknown: string[];
}

function parseFlags(words: readonly string[]): Flags {
	const flags: Flags = {
		strict: false,
		showTrace: true,
		xml: false,
		location: true,
		maxCallDepth: 10_000,
		lints: {},
		features: new Set(["flakes"]),
		searchPath: [],
		attrs: [],
		args: [],
		unknown: [],
	};
	const rest = [...words];
	const next = (): string => rest.shift() ?? "";
	for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
		if (word === "--strict") flags.strict = true;
		else if (word === "--show-trace") flags.showTrace = true;
		else if (word === "--no-show-trace") flags.showTrace = false;
		else if (word === "--max-call-depth") flags.maxCallDepth = Number(next());
		else if (word === "--extra-experimental-features") flags.features.add(next());
		else if (word.startsWith("--lint-")) flags.lints[word.slice(2)] = next() as LintLevel;
		else if (word === "-I") flags.searchPath.push(next());
		else if (word === "-A") flags.attrs.push(next());
		else if (word === "--arg") flags.args.push({ name: next(), text: next(), kind: "expr" });
		else if (word === "--argstr") flags.args.push({ name: next(), text: next(), kind: "string" });
		else if (word !== "--eval" && word !== "--impure") flags.unknown.push(word, next());
	}
	return flags;
}

const bytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const text = (latin1: string): string => Buffer.from(latin1, "latin1").toString("utf8");

class Suite {
	readonly #root: string;
	readonly #lang: string;

	constructor(directory: string) {
		this.#lang = resolve(directory);
		this.#root = resolve(directory, "..");
	}

	evaluator(flags: Flags, io: ReadOnlyIo): Evaluator {
		const entries = [...flags.searchPath, ...(process.env["LANG_NIX_PATH"] ?? "lang/dir3:lang/dir4").split(":")];
		return new Evaluator({
			io,
			currentSystem: "x86_64-linux",
			homeDir: "/fake-home",
			maxCallDepth: flags.maxCallDepth,
			experimentalFeatures: flags.features,
			lints: {
				urlLiterals: flags.lints["lint-url-literals"] ?? "ignore",
				absolutePathLiterals: flags.lints["lint-absolute-path-literals"] ?? "ignore",
				shortPathLiterals: flags.lints["lint-short-path-literals"] ?? "ignore",
			},
			nixPath: entries.map((entry) => {
				const [prefix, path] = entry.includes("=") ? (entry.split("=", 2) as [string, string]) : ["", entry];
				return { prefix, path: resolve(this.#root, path) };
			}),
		});
	}

	evaluate(name: string, flags: Flags): Outcome {
		const io = new ReadOnlyIo(
			new Map([
				["TEST_VAR", "foo"],
				["HOME", "/fake-home"],
				["NIX_STORE_DIR", "/nix/store"],
			]),
		);
		const evaluator = this.evaluator(flags, io);
		const file = join(this.#lang, `${name}.nix`);
		return this.#capture(evaluator, { io, flags }, () => {
			let value: Lazy = evaluator.evalFile(bytes(file));
			const args = this.#args(evaluator, flags);
			for (const path of flags.attrs.length > 0 ? flags.attrs : [""]) value = evaluator.select(value, path, args).value;
			if (args.size > 0) value = evaluator.autoCall(value, args);
			if (flags.xml) return evaluator.toXml(evaluator.force(value), { strict: flags.strict, location: flags.location });
			return `${evaluator.print(evaluator.force(value), { strict: flags.strict })}\n`;
		});
	}

	#args(evaluator: Evaluator, flags: Flags): Attrs {
		const builder = new AttrsBuilder();
		for (const { name, text: value, kind } of flags.args) {
			builder.set(name, kind === "string" ? bytes(value) : evaluator.evalString(bytes(value), this.#root));
		}
		return builder.build();
	}

	parse(name: string): Outcome {
		const flags = parseFlags([]);
		const io = new ReadOnlyIo();
		const evaluator = this.evaluator(flags, io);
		const source = readFileSync(join(this.#lang, `${name}.nix`), "latin1");
		return this.#capture(evaluator, { io, flags: { ...flags, showTrace: true } }, () => {
			return `${evaluator.printAst(evaluator.check(source, bytes(this.#root), { kind: "stdin" }))}\n`;
		});
	}

	#capture(evaluator: Evaluator, run: { io: ReadOnlyIo; flags: Flags }, work: () => string): Outcome {
		const shown = (latin1: string): string => text(latin1).replaceAll(this.#root, "/pwd");
		try {
			const out = work();
			return { status: 0, out: shown(out), err: shown(run.io.messages.map((each) => `${each}\n`).join("")) };
		} catch (error) {
			if (!(error instanceof EvalError)) throw error;
			const message = evaluator.formatError(error, { showTrace: run.flags.showTrace });
			return { status: 1, out: "", err: shown([...run.io.messages, message].map((each) => `${each}\n`).join("")) };
		}
	}

	/** What `NAME.postprocess` makes of the outputs, which lie in files `STEM.err` and `STEM.out`. */
	postprocess(name: string, outcome: Outcome): Outcome {
		const script = join(this.#lang, `${name}.postprocess`);
		if (!existsSync(script)) return outcome;
		const folder = mkdtempSync(join(tmpdir(), "lang-"));
		try {
			symlinkSync(this.#lang, join(folder, "lang"));
			const stem = join(folder, name);
			writeFileSync(`${stem}.out`, outcome.out);
			writeFileSync(`${stem}.err`, outcome.err);
			execFileSync("bash", [script, stem], { stdio: "ignore" });
			const read = (file: string): string => (existsSync(file) ? readFileSync(file, "utf8") : "");
			return { ...outcome, out: read(`${stem}.out`), err: read(`${stem}.err`) };
		} finally {
			rmSync(folder, { recursive: true });
		}
	}

	expected(name: string, extension: string): string | undefined {
		const file = join(this.#lang, `${name}.${extension}`);
		return existsSync(file) ? readFileSync(file, "utf8") : undefined;
	}

	names(kind: string): string[] {
		return readdirSync(this.#lang)
			.filter((file) => file.startsWith(kind) && file.endsWith(".nix"))
			.map((file) => basename(file, ".nix"));
	}

	flagsOf(name: string, otherwise: readonly string[]): Flags {
		const written = this.expected(name, "flags");
		if (written === undefined) return parseFlags(otherwise);
		const words = written
			.replace(/#.*/g, "")
			.split(/\s+/)
			.filter((word) => word !== "");
		return parseFlags([...(name.startsWith("eval-okay") ? [...words, "--strict"] : words)]);
	}

	/** The differences of one case, none where it passes. */
	differences(kind: string, name: string): string[] {
		const compare = (what: string, got: string, wanted: string | undefined): string[] =>
			got.trimEnd() === (wanted ?? "").trimEnd() ? [] : [`${what}\n--- wanted\n${wanted ?? ""}\n--- got\n${got}`];
		if (kind === "parse-fail" || kind === "parse-okay") {
			const outcome = this.postprocess(name, this.parse(name));
			if (outcome.status !== (kind === "parse-fail" ? 1 : 0)) return [`status ${outcome.status}\n${outcome.err}`];
			return [
				...compare("err", outcome.err, this.expected(name, "err.exp")),
				...(kind === "parse-okay" ? compare("out", outcome.out, this.expected(name, "exp")) : []),
			];
		}
		if (kind === "eval-fail") {
			const flags = this.flagsOf(name, ["--eval", "--strict", "--show-trace"]);
			const outcome = this.postprocess(name, this.evaluate(name, flags));
			if (outcome.status !== 1) return [`status 0\n${outcome.out}`];
			return compare("err", outcome.err, this.expected(name, "err.exp"));
		}
		if (existsSync(join(this.#lang, `${name}.exp-disabled`))) return [];
		const xml = this.expected(name, "exp.xml");
		const flags = this.flagsOf(name, ["--strict"]);
		if (xml !== undefined) {
			const outcome = this.evaluate(name, { ...flags, xml: true, location: false });
			return outcome.status === 0 ? compare("xml", outcome.out, xml) : [`status 1\n${outcome.err}`];
		}
		const outcome = this.postprocess(name, this.evaluate(name, flags));
		if (outcome.status !== 0) return [`status 1\n${outcome.err}`];
		return [
			...compare("out", outcome.out, this.expected(name, "exp")),
			...compare("err", outcome.err, this.expected(name, "err.exp")),
		];
	}
}

/** Runs the cases that were asked for; false where one failed. */
function runSuite(suite: Suite, options: { readonly prefixes: readonly string[]; readonly verbose: boolean }): boolean {
	let allPassed = true;
	for (const kind of ["parse-okay", "parse-fail", "eval-okay", "eval-fail"]) {
		let passed = 0;
		let failed = 0;
		for (const name of suite.names(kind)) {
			if (options.prefixes.length > 0 && !options.prefixes.some((prefix) => name.startsWith(prefix))) continue;
			const differences = suite.differences(kind, name);
			if (differences.length === 0) passed++;
			else {
				failed++;
				console.log(`FAIL ${name}${options.verbose ? `\n${differences.join("\n")}` : ""}`);
			}
		}
		if (failed > 0) allPassed = false;
		console.log(`${kind}: ${passed} passed, ${failed} failed`);
	}
	return allPassed;
}

const words = process.argv.slice(2);
const verbose = words.includes("--verbose");
const [directory, ...prefixes] = words.filter((word) => word !== "--verbose");
if (directory === undefined) {
	console.error("usage: lang.ts DIRECTORY [--verbose] [NAME-PREFIX…]");
	process.exitCode = 2;
} else if (isMainThread) {
	// Deep recursion needs the stack that evaluation has in the daemon.
	const worker = new Worker(new URL(import.meta.url), { argv: words, resourceLimits: { stackSizeMb: 256 } });
	worker.once("exit", (code) => {
		process.exitCode = code;
	});
} else if (!runSuite(new Suite(directory), { prefixes, verbose })) process.exitCode = 1;
