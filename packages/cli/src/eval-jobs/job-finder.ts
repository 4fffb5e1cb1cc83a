/**
 * What lies at an attribute path of a set of jobs. Layer 5, synchronous; in a thread that evaluates.
 *
 * A set is looked into at the top, and below where `recurseForDerivations` is true, as Nix and Hydra do.
 */

import { basename, join } from "node:path";
import {
	Attrs,
	attrsFromEntries,
	type AutoArgs,
	EvalError,
	type Lazy,
	NO_POSITION,
	type Value,
} from "@devenv/evaluator";
import { bytesFromText, type StorePath, textFromBytes } from "@devenv/nix-formats";
import type { OpenEvaluation } from "../evaluation/open-evaluation.ts";
import type { Found, Job, JobsRequest } from "./messages.ts";

export class JobFinder {
	readonly #evaluation: OpenEvaluation;
	readonly #request: JobsRequest;
	#args: AutoArgs | undefined;
	#root: Value | undefined;

	constructor(evaluation: OpenEvaluation, request: JobsRequest) {
		this.#evaluation = evaluation;
		this.#request = request;
	}

	/** Evaluates the set of jobs itself, where that succeeds. */
	prepare(): void {
		try {
			this.#top();
		} catch (error) {
			if (!(error instanceof EvalError)) throw error;
		}
	}

	/** Errors of the evaluation are a job with `error`. */
	find(attrPath: readonly string[]): Found {
		const { evaluator } = this.#evaluation;
		try {
			return this.#find(attrPath);
		} catch (error) {
			if (!(error instanceof EvalError)) throw error;
			// A message shows where files lie.
			this.#evaluation.io.notePlace();
			const message = evaluator.formatError(error, { showTrace: this.#request.showTrace });
			return { kind: "job", job: { ...this.#place(attrPath), error: textFromBytes(message) } };
		}
	}

	#find(attrPath: readonly string[]): Found {
		const { runtime } = this.#evaluation.evaluator;
		const value = this.#at(attrPath);
		if (runtime.isDerivation(value)) return { kind: "job", job: this.#job(attrPath, value) };
		if (!(value instanceof Attrs) || !this.#recurses(attrPath, value)) return { kind: "nothing" };
		return { kind: "set", names: value.names.filter((name) => name !== "recurseForDerivations").map(textFromBytes) };
	}

	#recurses(attrPath: readonly string[], value: Attrs): boolean {
		if (attrPath.length === 0 || this.#request.forceRecurse) return true;
		const recurse = value.get("recurseForDerivations");
		if (recurse === undefined) return false;
		const what = "while evaluating the attribute `recurseForDerivations`";
		return this.#evaluation.evaluator.runtime.expectBool(recurse, value.positionOf("recurseForDerivations"), what);
	}

	#at(attrPath: readonly string[]): Value {
		const { evaluator } = this.#evaluation;
		let value = this.#top();
		for (const part of attrPath) {
			const name = bytesFromText(part);
			const next = value instanceof Attrs ? value.get(name) : undefined;
			if (next === undefined) throw new EvalError("eval", `attribute '${name}' is not there any more`);
			try {
				value = evaluator.autoCall(next, this.#autoArgs());
			} catch (error) {
				if (!(error instanceof EvalError) || !(value instanceof Attrs)) throw error;
				throw error.withFrame(value.positionOf(name), `while evaluating the attribute '${name}'`);
			}
		}
		return value;
	}

	#top(): Value {
		const { evaluator } = this.#evaluation;
		const { source, attrPath } = this.#request;
		if (this.#root !== undefined) return this.#root;
		const selected = evaluator.select(this.#value(), bytesFromText(attrPath), this.#autoArgs()).value;
		const root = evaluator.autoCall(selected, this.#autoArgs());
		if (!(root instanceof Attrs)) {
			const where = source.kind === "file" ? bytesFromText(source.path) : "the expression";
			throw new EvalError("type", `${where} evaluates to no set of jobs`);
		}
		this.#root = root;
		return root;
	}

	#value(): Lazy {
		const { evaluator } = this.#evaluation;
		const { source } = this.#request;
		switch (source.kind) {
			case "file":
				return evaluator.evalFile(bytesFromText(source.path));
			case "expression":
				return evaluator.evalString(bytesFromText(source.text), bytesFromText(source.baseDir));
			case "flake": {
				const getFlake = evaluator.runtime.builtins.get("getFlake") ?? null;
				const flake = evaluator.call(getFlake, bytesFromText(source.reference));
				return evaluator.select(flake, bytesFromText(`outputs.${source.attrPath}`)).value;
			}
		}
	}

	#autoArgs(): AutoArgs {
		const { evaluator } = this.#evaluation;
		this.#args ??= attrsFromEntries(
			this.#request.args.map(({ name, kind, text }): [string, Lazy] => {
				const bytes = bytesFromText(text);
				const here = bytesFromText(process.cwd());
				if (kind === "string") return [bytesFromText(name), bytes];
				return [bytesFromText(name), evaluator.runtime.lazy(() => evaluator.evalString(bytes, here))];
			}),
		);
		return this.#args;
	}

	#job(attrPath: readonly string[], derivation: Attrs): Job {
		const { io, store } = this.#evaluation;
		const { gcRoots, readOnly, meta } = this.#request;
		const drvPath = this.#text(derivation, "drvPath");
		const job: Job = {
			...this.#place(attrPath),
			name: this.#text(derivation, "name"),
			system: this.#text(derivation, "system"),
			drvPath,
			outputs: Object.fromEntries(
				[...io.readDerivation(drvPath).outputs].map(([name, { path }]) => [textFromBytes(name), path]),
			),
			...(meta ? { meta: this.#meta(derivation) } : {}),
		};
		if (!readOnly) io.write([drvPath]);
		if (gcRoots !== undefined) store.addRoot(join(gcRoots, basename(drvPath)), drvPath as StorePath);
		return job;
	}

	#text(derivation: Attrs, name: string): string {
		const { runtime } = this.#evaluation.evaluator;
		const what = `while evaluating the '${name}' attribute of a derivation`;
		const given = derivation.get(name);
		if (given === undefined) throw new EvalError("eval", `derivation does not contain a '${name}' attribute`);
		return textFromBytes(runtime.expectText(given, NO_POSITION, what));
	}

	/** What of `meta` is plain data; what is not, or fails, is left out: it says nothing about the build. */
	#meta(derivation: Attrs): Record<string, unknown> {
		const { evaluator } = this.#evaluation;
		const found: Record<string, unknown> = {};
		const given = derivation.get("meta");
		try {
			const meta = given === undefined ? undefined : evaluator.force(given);
			if (!(meta instanceof Attrs)) return found;
			for (const [index, name] of meta.names.entries()) {
				const value = this.#plain(meta.values[index] as Lazy);
				if (value !== undefined) found[textFromBytes(name)] = value;
			}
		} catch (error) {
			if (!(error instanceof EvalError)) throw error;
		}
		return found;
	}

	#plain(value: Lazy): unknown {
		const { evaluator } = this.#evaluation;
		try {
			return JSON.parse(textFromBytes(evaluator.toJson(value))) as unknown;
		} catch (error) {
			if (error instanceof EvalError) return undefined;
			throw error;
		}
	}

	#place(attrPath: readonly string[]): Pick<Job, "attr" | "attrPath"> {
		return { attr: attributeText(attrPath), attrPath };
	}
}

/** An attribute path as one writes it: names with dots or quotes in them are quoted. */
export function attributeText(attrPath: readonly string[]): string {
	return attrPath.map((name) => (/^[^."\\]+$/.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`)).join(".");
}
