/**
 * One session of the REPL: variables, and what a line does. Layer 5, synchronous; in a thread that evaluates.
 *
 * Commands are named as in `nix repl`.
 */

import { basename, resolve } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import {
	Attrs,
	AttrsBuilder,
	attrsFromEntries,
	EvalError,
	EvalIoError,
	isString,
	type Lazy,
	NixPath,
	NO_POSITION,
	stringText,
	typeOf,
	type Value,
} from "@devenv/evaluator";
import { bytesFromText, type StorePath, textFromBytes } from "@devenv/nix-formats";
import type { OpenEvaluation } from "../evaluation/open-evaluation.ts";
import type { LineOutcome } from "./messages.ts";
import { attributeWord, showRaw, showValue } from "./show-value.ts";

export interface ReplWorld {
	readonly evaluation: OpenEvaluation;
	/** Makes the outputs of a store derivation valid. */
	readonly realise: (drvPath: string) => void;
	/** The text of a build log, undefined where there is none. */
	readonly buildLog: (drvPath: string) => string | undefined;
	readonly print: (text: string) => void;
	readonly printError: (text: string) => void;
}

interface Command {
	readonly names: readonly string[];
	readonly usage: string;
	readonly summary: string;
	readonly run: (session: ReplSession, argument: string) => LineOutcome;
}

/** Of the language: completed, and no names of variables. */
const keywords = ["assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"];

export class ReplSession {
	readonly #world: ReplWorld;
	#scope: Attrs = attrsFromEntries([]);
	/** Files and flakes, in the order in which they were loaded. */
	readonly #loaded: (() => Attrs)[] = [];
	#showTrace = false;

	constructor(world: ReplWorld) {
		this.#world = world;
	}

	/** Runs a line, or several that belong together. */
	run(text: string): LineOutcome {
		const { evaluator } = this.#world.evaluation;
		// Its user changes folders between two lines.
		evaluator.forgetFolders();
		try {
			return this.#run(text.trim());
		} catch (error) {
			if (error instanceof EvalIoError || error instanceof DiagnosticError) {
				const lines = error instanceof EvalIoError ? [error.message] : error.diagnostics.map(({ message }) => message);
				for (const line of lines) this.#world.printError(`error: ${line}`);
				return "failed";
			}
			if (!(error instanceof EvalError)) throw error;
			if (error.kind === "syntax" && error.message.includes("unexpected end of file")) return "incomplete";
			this.#world.printError(textFromBytes(evaluator.formatError(error, { showTrace: this.#showTrace })));
			return "failed";
		}
	}

	#run(text: string): LineOutcome {
		if (text === "" || text.startsWith("#")) return "done";
		const [, name, argument = ""] = /^:(\S+)\s*(.*)$/s.exec(text) ?? [];
		if (name !== undefined) {
			const command = commands.find(({ names }) => names.includes(name));
			if (command !== undefined) return command.run(this, argument.trim());
			this.#world.printError(`error: unknown command ':${name}'; :? lists the commands`);
			return "failed";
		}
		const [, variable, value] = /^([a-zA-Z_][\w'-]*)\s*=(?!=)(.*?);?$/s.exec(text) ?? [];
		if (variable !== undefined && value !== undefined && !keywords.includes(variable)) {
			this.#add([[bytesFromText(variable), this.#delayed(value)]]);
			return "done";
		}
		this.show(this.evaluate(text), 1);
		return "done";
	}

	evaluate(text: string): Value {
		const { evaluator } = this.#world.evaluation;
		const expr = evaluator.parse(bytesFromText(text), bytesFromText(process.cwd()));
		return evaluator.evalExprIn(expr, this.#scope);
	}

	/** For a variable: evaluated when it is used. */
	#delayed(text: string): Lazy {
		const { evaluator } = this.#world.evaluation;
		const expr = evaluator.parse(bytesFromText(text), bytesFromText(process.cwd()));
		return evaluator.delayExprIn(expr, this.#scope);
	}

	#add(entries: readonly (readonly [name: string, value: Lazy])[]): void {
		const builder = new AttrsBuilder();
		for (const [index, name] of this.#scope.names.entries()) builder.set(name, this.#scope.values[index] as Lazy);
		for (const [name, value] of entries) builder.set(name, value);
		this.#scope = builder.build();
	}

	addAttributes(attrs: Attrs): void {
		this.#add(attrs.names.map((name, index) => [name, attrs.values[index] as Lazy]));
		this.#world.print(`Added ${attrs.size} variable${attrs.size === 1 ? "" : "s"}.`);
	}

	/** Loads now, and again on `:r`. */
	load(make: () => Attrs): void {
		this.addAttributes(make());
		this.#loaded.push(make);
	}

	reload(): void {
		this.#world.evaluation.evaluator.forgetFiles();
		this.#scope = attrsFromEntries([]);
		for (const make of this.#loaded) this.addAttributes(make());
	}

	/** The set that a file evaluates to, functions called with defaults. */
	fileAttributes(file: string): Attrs {
		const { evaluator } = this.#world.evaluation;
		const value = /^<.+>$/.test(file)
			? evaluator.call(evaluator.runtime.builtins.get("import") ?? null, this.evaluate(file))
			: evaluator.evalFile(bytesFromText(resolve(file)));
		return this.#expectAttrs(evaluator.autoCall(value), `'${file}'`);
	}

	flakeAttributes(reference: string): Attrs {
		const { evaluator } = this.#world.evaluation;
		const isPath = /^(?:\.{0,2}\/|\.{1,2}$)/.test(reference);
		const getFlake = evaluator.runtime.builtins.get("getFlake") ?? null;
		const flake = evaluator.call(getFlake, bytesFromText(isPath ? resolve(reference) : reference));
		return this.#expectAttrs(flake, `'${reference}'`);
	}

	expressionAttributes(text: string): Attrs {
		return this.#expectAttrs(this.#world.evaluation.evaluator.autoCall(this.evaluate(text)), "the expression");
	}

	#expectAttrs(value: Value, what: string): Attrs {
		if (value instanceof Attrs) return value;
		throw new EvalError("type", bytesFromText(`${what} evaluates to no set, but to a value of type ${typeOf(value)}`));
	}

	show(value: Lazy, depth: number): void {
		this.#world.print(textFromBytes(showValue(this.#world.evaluation.evaluator, value, depth)));
	}

	showRaw(value: Lazy): void {
		this.#world.print(textFromBytes(showRaw(this.#world.evaluation.evaluator, value)));
	}

	print(text: string): void {
		this.#world.print(text);
	}

	toggleTrace(): void {
		this.#showTrace = !this.#showTrace;
		this.#world.print(this.#showTrace ? "showing whole traces" : "showing short traces");
	}

	/** The store derivation of an expression's value, written to the store. */
	derivation(text: string): string {
		const { evaluator, io } = this.#world.evaluation;
		const value = evaluator.autoCall(this.evaluate(text));
		if (!evaluator.runtime.isDerivation(value))
			throw new EvalError("type", "the expression evaluates to no derivation");
		const path = value.get("drvPath") ?? null;
		const drvPath = textFromBytes(evaluator.runtime.expectText(path, NO_POSITION, "while evaluating a derivation"));
		io.write([drvPath]);
		return drvPath;
	}

	/** Builds; with `link`, makes links that keep the outputs. */
	build(text: string, link: boolean): void {
		const { store } = this.#world.evaluation;
		const drvPath = this.derivation(text);
		this.#world.realise(drvPath);
		this.#world.print("This derivation produced the following outputs:");
		for (const [name, { path }] of store.readDerivation(drvPath as never).outputs) {
			this.#world.print(`  ${name} -> ${path}`);
			if (link) {
				const place = resolve(`repl-result-${name}`);
				store.addRoot(place, path as StorePath);
				this.#world.print(`  ${place}`);
			}
		}
	}

	showLog(text: string): boolean {
		const drvPath = text.endsWith(".drv") && text.startsWith("/") ? text : this.derivation(text);
		const log = this.#world.buildLog(drvPath);
		if (log === undefined) this.#world.printError(`error: there is no build log of ${basename(drvPath)}`);
		else this.#world.print(log);
		return log !== undefined;
	}

	/** Where a value is written: `file:line`; of a function, or of a package by its `meta.position`. */
	place(text: string): { readonly file: string; readonly line: number } | undefined {
		const { evaluator } = this.#world.evaluation;
		const value = this.evaluate(text);
		if (value instanceof NixPath) return { file: textFromBytes(value.path), line: 1 };
		const position = this.#metaPosition(value);
		if (position !== undefined) return position;
		const code = value as { readonly code?: { readonly position?: number } };
		const at = code.code?.position === undefined ? undefined : evaluator.locate(code.code.position);
		return at === undefined ? undefined : { file: at.file, line: at.line };
	}

	#metaPosition(value: Value): { readonly file: string; readonly line: number } | undefined {
		const { evaluator } = this.#world.evaluation;
		if (!(value instanceof Attrs)) return undefined;
		const meta = evaluator.force(value.get("meta") ?? null);
		const position = meta instanceof Attrs ? evaluator.force(meta.get("position") ?? null) : null;
		const [, file, line] = isString(position) ? (/^(.+):(\d+)$/.exec(textFromBytes(stringText(position))) ?? []) : [];
		return file === undefined ? undefined : { file, line: Number(line) };
	}

	document(text: string): void {
		const { evaluator } = this.#world.evaluation;
		const value = this.evaluate(text);
		const found = evaluator.documentation(value);
		if (found === undefined) throw new EvalError("eval", "there is no documentation of this value");
		this.#world.print(
			`${found.name === undefined ? "" : `${textFromBytes(found.name)}\n\n`}${textFromBytes(found.text)}`,
		);
	}

	typeName(text: string): string {
		return typeOf(this.evaluate(text));
	}

	/** What could stand for the last word of a line, whole words. Nothing where what comes before cannot be evaluated. */
	complete(line: string): { readonly word: string; readonly names: readonly string[] } {
		const command = /^\s*(:\S*)$/.exec(line)?.[1];
		if (command !== undefined) {
			const names = commands.flatMap((each) => each.names).map((name) => `:${name}`);
			return { word: command, names: names.filter((name) => name.startsWith(command)) };
		}
		const [word = "", path, last = ""] = /(?:((?:[a-zA-Z_][\w'-]*\.)+))?([a-zA-Z_][\w'-]*)?$/.exec(line) ?? [];
		if (path === undefined) {
			if (word === "") return { word, names: [] };
			const names = [...this.#scope.names.map(textFromBytes), ...this.#globals(), ...keywords];
			return { word, names: [...new Set(names)].filter((name) => name.startsWith(word)).sort() };
		}
		try {
			const value = this.evaluate(path.slice(0, -1));
			if (!(value instanceof Attrs)) return { word, names: [] };
			const names = value.names.map((name) => textFromBytes(name)).filter((name) => name.startsWith(last));
			return { word, names: names.map((name) => path + textFromBytes(attributeWord(bytesFromText(name)))) };
		} catch (error) {
			if (error instanceof EvalError) return { word, names: [] };
			throw error;
		}
	}

	#globals(): string[] {
		return this.#world.evaluation.evaluator.globalNames.filter((name) => !name.startsWith("__")).map(textFromBytes);
	}
}

function need(argument: string, what: string): string {
	if (argument !== "") return argument;
	throw new EvalError("eval", `this command needs ${what}; :? lists the commands`);
}

const commands: readonly Command[] = [
	{
		names: ["?", "help"],
		usage: ":?",
		summary: "show this list",
		run: (session) => {
			const rows = [
				["EXPR", "evaluate and show a value"],
				["NAME = EXPR", "make a variable"],
				...commands.map(({ usage, summary }) => [usage, summary]),
			];
			session.print(rows.map(([usage = "", summary = ""]) => `  ${usage.padEnd(18)} ${summary}`).join("\n"));
			return "done";
		},
	},
	{
		names: ["a", "add"],
		usage: ":a EXPR",
		summary: "add the attributes of a set to the variables",
		run: (session, argument) => {
			session.addAttributes(session.expressionAttributes(need(argument, "an expression")));
			return "done";
		},
	},
	{
		names: ["b"],
		usage: ":b EXPR",
		summary: "build a derivation",
		run: (session, argument) => {
			session.build(need(argument, "an expression"), false);
			return "done";
		},
	},
	{
		names: ["bl"],
		usage: ":bl EXPR",
		summary: "build a derivation, and keep it by links in the current folder",
		run: (session, argument) => {
			session.build(need(argument, "an expression"), true);
			return "done";
		},
	},
	{
		names: ["doc"],
		usage: ":doc EXPR",
		summary: "show the documentation of a function",
		run: (session, argument) => {
			session.document(need(argument, "an expression"));
			return "done";
		},
	},
	{
		names: ["e", "edit"],
		usage: ":e EXPR",
		summary: "say where a package or function is written",
		run: (session, argument) => {
			const place = session.place(need(argument, "an expression"));
			if (place === undefined) throw new EvalError("eval", "it is not known where this is written");
			session.print(`${place.file}:${place.line}`);
			return "done";
		},
	},
	{
		names: ["l", "load"],
		usage: ":l FILE",
		summary: "load a file, and add its attributes to the variables",
		run: (session, argument) => {
			const file = need(argument, "a file");
			session.load(() => session.fileAttributes(file));
			return "done";
		},
	},
	{
		names: ["lf", "load-flake"],
		usage: ":lf REF",
		summary: "load a flake, and add its outputs to the variables",
		run: (session, argument) => {
			const reference = need(argument, "a flake reference");
			session.load(() => session.flakeAttributes(reference));
			return "done";
		},
	},
	{
		names: ["log"],
		usage: ":log EXPR",
		summary: "show the build log of a derivation",
		run: (session, argument) => (session.showLog(need(argument, "an expression")) ? "done" : "failed"),
	},
	{
		names: ["p", "print"],
		usage: ":p EXPR",
		summary: "evaluate and show a value completely",
		run: (session, argument) => {
			session.show(session.evaluate(need(argument, "an expression")), Number.POSITIVE_INFINITY);
			return "done";
		},
	},
	{
		names: ["ps", "print-string"],
		usage: ":ps EXPR",
		summary: "show a string as it is",
		run: (session, argument) => {
			session.showRaw(session.evaluate(need(argument, "an expression")));
			return "done";
		},
	},
	{ names: ["q", "quit"], usage: ":q", summary: "leave (also Ctrl-D)", run: () => "quit" },
	{
		names: ["r", "reload"],
		usage: ":r",
		summary: "load all files again",
		run: (session) => {
			session.reload();
			return "done";
		},
	},
	{
		names: ["t"],
		usage: ":t EXPR",
		summary: "show the type of a value",
		run: (session, argument) => {
			session.print(`a value of type ${session.typeName(need(argument, "an expression"))}`);
			return "done";
		},
	},
	{
		names: ["te", "trace-enable"],
		usage: ":te",
		summary: "show whole traces of errors, or no longer",
		run: (session) => {
			session.toggleTrace();
			return "done";
		},
	},
];
