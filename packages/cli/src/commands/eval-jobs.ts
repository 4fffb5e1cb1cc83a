/** `devenv eval-jobs`: all jobs of a set, one line each. Layer 5. */

import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { mkdirSync } from "node:fs";
import { userLayout } from "@devenv/client";
import { fail } from "@devenv/diagnostics";
import { Args, Flags } from "@oclif/core";
import { callerEnvironment } from "../caller.ts";
import { DevenvCommand } from "../devenv-command.ts";
import type { JobSource, JobsRequest } from "../eval-jobs/messages.ts";
import { runEvalJobs } from "../eval-jobs/run-eval-jobs.ts";
import { currentFolder } from "../find-project.ts";
import { writeError } from "../standard-error.ts";

/** Threads by default, at most: each keeps what it has evaluated. */
const MOST_WORKERS = 4;

export default class EvalJobs extends DevenvCommand {
	static override summary = "Print every job (derivation) of a set, one line of JSON each, as it is evaluated";
	static override description = [
		"FILE has a set of derivations, or a function that gives one; sets in it are looked into where their recurseForDerivations is",
		"true. What fails costs its own line, with `error`. Without --impure nothing depends on the machine: variables are empty,",
		"NIX_PATH is not looked at, and what is fetched has to be pinned. Store derivations are written to devenv's store.",
	].join(" ");
	static override examples = [
		"<%= config.bin %> eval-jobs release.nix --workers 2 --max-memory 2048",
		"<%= config.bin %> eval-jobs --impure --readonly -E 'import <nixpkgs> { }' --meta",
		"<%= config.bin %> eval-jobs --flake 'path:/src/project#hydraJobs'",
	];
	static override usage = ["eval-jobs [FILE] [--arg NAME EXPR] [--argstr NAME TEXT]"];
	static override args = {
		file: Args.string({ description: "file with a Nix expression, or a folder with a default.nix" }),
	};
	static override flags = {
		expr: Flags.string({ char: "E", description: "the expression itself", exclusive: ["flake"] }),
		flake: Flags.string({ description: "a flake reference, with #ATTRIBUTE of its outputs (default: hydraJobs)" }),
		attr: Flags.string({ char: "A", description: "the set within the value, dotted", default: "" }),
		arg: Flags.string({ description: "NAME EXPR: argument of a function", multiple: true, multipleNonGreedy: true }),
		argstr: Flags.string({ description: "NAME TEXT: the same, a text", multiple: true, multipleNonGreedy: true }),
		include: Flags.string({
			char: "I",
			description: "[NAME=]PATH: entry of the search path",
			multiple: true,
			multipleNonGreedy: true,
		}),
		workers: Flags.integer({ description: "threads that evaluate", min: 1, max: 64 }),
		"max-memory": Flags.integer({ description: "MiB after which a thread is replaced", default: 4096, min: 64 }),
		timeout: Flags.integer({ description: "seconds for one attribute", min: 1 }),
		impure: Flags.boolean({ description: "let expressions see variables, NIX_PATH, the time and unpinned downloads" }),
		readonly: Flags.boolean({ description: "write nothing to the store", exclusive: ["gc-roots-dir"] }),
		meta: Flags.boolean({ description: "print `meta` too" }),
		"force-recurse": Flags.boolean({ description: "look into every set" }),
		"show-trace": Flags.boolean({ description: "whole traces of errors" }),
		"eval-cache": Flags.boolean({
			description: "use results of earlier walks of which nothing has changed, and keep new ones",
			default: true,
			allowNo: true,
		}),
		"gc-roots-dir": Flags.string({ description: "folder for links that keep the store derivations" }),
	};

	override async run(): Promise<void> {
		const { flags, args } = await this.parse(EvalJobs, joinPairs(this.argv));
		const gcRoots = flags["gc-roots-dir"] === undefined ? undefined : resolve(flags["gc-roots-dir"]);
		if (gcRoots !== undefined) mkdirSync(gcRoots, { recursive: true });
		const request: JobsRequest = {
			source: sourceOf(args.file, flags.expr, flags.flake),
			attrPath: flags.attr,
			args: [
				...(flags.arg ?? []).map((pair) => ({ ...splitPair(pair, "--arg"), kind: "expression" as const })),
				...(flags.argstr ?? []).map((pair) => ({ ...splitPair(pair, "--argstr"), kind: "string" as const })),
			],
			include: flags.include ?? [],
			impure: flags.impure,
			readOnly: flags.readonly,
			meta: flags.meta,
			forceRecurse: flags["force-recurse"],
			showTrace: flags["show-trace"],
			gcRoots,
		};
		const { whole } = await runEvalJobs({
			request,
			layout: userLayout(callerEnvironment(process.env)),
			workers: flags.workers ?? Math.min(MOST_WORKERS, availableParallelism()),
			memory: flags["max-memory"],
			timeout: flags.timeout === undefined ? undefined : flags.timeout * 1000,
			remember: flags["eval-cache"],
			onJob: (job) => process.stdout.write(`${JSON.stringify(job)}\n`),
			onLog: (text) => {
				writeError(`${text}\n`);
			},
		});
		if (!whole) process.exitCode = 1;
	}
}

function sourceOf(file: string | undefined, text: string | undefined, flake: string | undefined): JobSource {
	const given = [file, text, flake].filter((each) => each !== undefined).length;
	if (given !== 1) {
		fail("USAGE_INVALID", given === 0 ? "there is nothing to evaluate" : "several things to evaluate are given", {
			hint: "give one of: a file, --expr, --flake",
		});
	}
	if (text !== undefined) return { kind: "expression", text, baseDir: currentFolder() };
	if (flake !== undefined) {
		const [reference = "", attrPath = "hydraJobs"] = flake.split("#", 2);
		const isPath = /^(?:\.{0,2}\/|\.{1,2}$)/.test(reference);
		return { kind: "flake", reference: isPath ? resolve(reference) : reference, attrPath };
	}
	return { kind: "file", path: resolve(currentFolder(), file ?? "") };
}

/** Flags of two values, as Nix has them, in the form that the parser knows. */
function joinPairs(argv: readonly string[]): string[] {
	const joined: string[] = [];
	for (let at = 0; at < argv.length; at++) {
		const word = argv[at] ?? "";
		if (word === "--") return [...joined, ...argv.slice(at)];
		if ((word === "--arg" || word === "--argstr") && at + 2 < argv.length) {
			joined.push(word, `${argv[at + 1] ?? ""}=${argv[at + 2] ?? ""}`);
			at += 2;
		} else joined.push(word);
	}
	return joined;
}

function splitPair(pair: string, flag: string): { readonly name: string; readonly text: string } {
	const at = pair.indexOf("=");
	if (at <= 0)
		fail("USAGE_INVALID", `${flag} needs a name and a value`, { hint: `for example ${flag} system x86_64-linux` });
	return { name: pair.slice(0, at), text: pair.slice(at + 1) };
}
