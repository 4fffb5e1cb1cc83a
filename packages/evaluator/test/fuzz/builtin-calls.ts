/** Random calls of built-in operations that give numbers, booleans, strings, paths and lists. */

import type { Grammar, Type } from "./grammar.ts";
import { json, NAMES, pattern, plainWord, quoted, version } from "./literals.ts";
import { atom, expr, letters, part, type Source } from "./source.ts";

const HASHES = ["md5", "sha1", "sha256", "sha512"];

/** Calls that give a value of any type. */
export function anyCall(grammar: Grammar, type: Type): Source {
	const { choice } = grammar;
	switch (choice.below(12)) {
		case 0:
			return expr`builtins.head ${grammar.simple({ list: type })}`;
		case 1:
			return expr`builtins.elemAt ${grammar.listLiteral(type)} ${grammar.simple("index")}`;
		case 2:
			return expr`builtins.getAttr ${grammar.simple("string")} ${grammar.simple({ set: type })}`;
		case 3:
			return expr`builtins.seq ${grammar.simple(grammar.type(1))} ${grammar.simple(type)}`;
		case 4:
			return expr`builtins.deepSeq ${grammar.simple(grammar.type(1))} ${grammar.simple(type)}`;
		case 5:
			return expr`(builtins.tryEval ${grammar.simple(type)}).value`;
		case 6:
			return choice.chance(25) ? failing(grammar) : grammar.expression(type);
		case 7:
			return expr`builtins.addErrorContext ${grammar.simple("string")} ${grammar.simple(type)}`;
		case 8: {
			const fold = grammar.within([{ name: "acc", type }], () => grammar.lambda("int", type));
			return expr`builtins.foldl' (acc: ${fold}) ${grammar.simple(type)} ${grammar.simple({ list: "int" })}`;
		}
		case 9:
			return expr`import ./dir/id.nix ${grammar.simple(type)}`;
		case 10:
			return expr`builtins.scopedImport { v = ${grammar.expression(type)}; } ./dir/v.nix`;
		default:
			return expr`({ __functor = self: ${grammar.lambda("int", type)}; }) ${grammar.simple("int")}`;
	}
}

function failing(grammar: Grammar): Source {
	return expr`${grammar.choice.of(["throw", "abort", "builtins.throw", "throw"])} ${grammar.simple("string")}`;
}

export function intCall(grammar: Grammar): Source {
	const { choice } = grammar;
	switch (choice.below(9)) {
		case 0:
			return expr`builtins.length ${grammar.simple({ list: grammar.type(1) })}`;
		case 1:
			return expr`builtins.stringLength ${grammar.simple("string")}`;
		case 2:
		case 3:
			return expr`builtins.${choice.of(["bitAnd", "bitOr", "bitXor"])} ${grammar.simple("int")} ${grammar.simple("int")}`;
		case 4:
			return expr`builtins.${choice.of(["add", "sub", "mul", "div"])} ${grammar.simple("int")} ${grammar.simple("int")}`;
		case 5:
			return expr`builtins.${choice.of(["ceil", "floor"])} ${grammar.simple(choice.of(["float", "float", "int"]))}`;
		case 6:
			return expr`builtins.compareVersions ${versionText(grammar)} ${versionText(grammar)}`;
		case 7:
			return expr`builtins.foldl' ${choice.of(["builtins.add", "builtins.mul", "(a: b: a - b)"])} 0 ${grammar.simple({ list: "int" })}`;
		default:
			return expr`builtins.fromJSON ${grammar.simple("string")}`;
	}
}

export function floatCall(grammar: Grammar): Source {
	const { choice } = grammar;
	if (choice.chance(30))
		return expr`builtins.fromJSON "${choice.below(100)}.${choice.below(1000)}${choice.of(["", "e5", "E-12", "e300"])}"`;
	const operation = choice.of(["add", "sub", "mul", "div"]);
	return expr`builtins.${operation} ${grammar.simple("float")} ${grammar.simple(choice.of(["float", "int"]))}`;
}

export function versionText(grammar: Grammar): Source {
	return grammar.choice.chance(90) ? atom`"${letters(version(grammar.choice))}"` : grammar.simple("string");
}

export function boolCall(grammar: Grammar): Source {
	const { choice } = grammar;
	const type = grammar.type(1);
	switch (choice.below(11)) {
		case 0:
			return expr`builtins.elem ${grammar.simple(type)} ${grammar.simple({ list: type })}`;
		case 1:
		case 2:
			return expr`builtins.${choice.of(["any", "all"])} ${grammar.simple({ from: type, to: "bool" })} ${grammar.simple({ list: type })}`;
		case 3:
			return expr`builtins.hasAttr ${grammar.simple("string")} ${grammar.simple({ set: type })}`;
		case 4:
			return expr`builtins.${choice.of(["isInt", "isFloat", "isString", "isBool", "isNull", "isAttrs", "isList", "isFunction", "isPath"])} ${grammar.simple(type)}`;
		case 5:
			return expr`builtins.hasContext ${grammar.simple("string")}`;
		case 6:
			return expr`builtins.lessThan ${grammar.simple("int")} ${grammar.simple(choice.of(["int", "float"]))}`;
		case 7:
			return expr`builtins.pathExists ${grammar.simple("path")}`;
		case 8:
		case 9:
			return expr`(builtins.tryEval ${grammar.simple(type)}).success`;
		default:
			return expr`builtins.match ${patternText(grammar)} ${grammar.simple("string")} ${choice.of(["!=", "=="])} null`;
	}
}

export function patternText(grammar: Grammar): Source {
	const text = pattern(grammar.choice);
	return atom`"${letters(text.replace(/["\\]/g, "\\$&"))}"`;
}

export function wordText(grammar: Grammar): Source {
	return grammar.choice.chance(75) ? atom`"${letters(plainWord(grammar.choice))}"` : grammar.simple("string");
}

export function stringCall(grammar: Grammar): Source {
	const { choice } = grammar;
	switch (choice.below(22)) {
		case 0:
		case 1:
			return expr`builtins.concatStringsSep ${grammar.simple("string")} ${grammar.simple({ list: "string" })}`;
		case 2:
		case 3:
			return expr`builtins.substring ${grammar.simple("index")} ${choice.chance(80) ? grammar.simple("index") : choice.of(["(-1)", "100"])} ${grammar.simple("string")}`;
		case 4:
		case 5: {
			const count = choice.below(4);
			const words = (): Source => atom`[ ${Array.from({ length: count }, () => part`${wordText(grammar)} `)}]`;
			return expr`builtins.replaceStrings ${words()} ${words()} ${grammar.simple("string")}`;
		}
		case 6:
		case 7:
			return expr`toString ${grammar.simple(choice.chance(60) ? grammar.type() : choice.of<Type>(["int", "float", { list: "string" }]))}`;
		case 8:
			return expr`builtins.typeOf ${grammar.simple(grammar.type())}`;
		case 9:
		case 10:
			return expr`builtins.toJSON ${grammar.simple(choice.chance(85) ? "json" : grammar.type())}`;
		case 11:
			return expr`builtins.toXML ${grammar.simple(grammar.type())}`;
		case 12:
			return expr`builtins.hashString "${choice.of(HASHES)}" ${grammar.simple("string")}`;
		case 13:
			return expr`${choice.of(["baseNameOf", "dirOf"])} ${grammar.simple("string")}`;
		case 14:
			return expr`builtins.${choice.of(["unsafeDiscardStringContext", "unsafeDiscardOutputDependency"])} ${grammar.simple("string")}`;
		case 15:
			return expr`(builtins.parseDrvName ${versionText(grammar)}).${choice.of(["name", "version"])}`;
		case 16:
			return expr`builtins.toFile ${wordText(grammar)} ${grammar.simple("string")}`;
		case 17:
			return expr`builtins.placeholder ${wordText(grammar)}`;
		case 18: {
			const drv = grammar.simple("derivation");
			return choice.chance(50)
				? expr`builtins.unsafeDiscardStringContext ${drv}.drvPath`
				: expr`${drv}.${choice.of(["outPath", "name", "drvPath"])}`;
		}
		case 19:
			return expr`builtins.readFile ${choice.chance(80) ? "./a.txt" : grammar.simple("path")}`;
		case 20:
			return expr`builtins.appendContext ${grammar.simple("string")} ${contextSet(grammar)}`;
		default:
			return expr`"\${${grammar.simple("derivation")}}"`;
	}
}

/** An argument of `appendContext`: that of another string, or one made up. */
function contextSet(grammar: Grammar): Source {
	const { choice } = grammar;
	if (choice.chance(60)) return atom`(builtins.getContext ${grammar.simple("string")})`;
	const path = `/nix/store/00000000000000000000000000000000-${choice.of(["x", "x.drv"])}`;
	const wanted = choice.of(["path = true;", 'outputs = [ "out" ];', "allOutputs = true;", "path = false;", ""]);
	return atom`{ "${path}" = { ${wanted} }; }`;
}

export function pathCall(grammar: Grammar): Source {
	const { choice } = grammar;
	if (choice.chance(50)) return expr`dirOf ${grammar.simple("path")}`;
	if (choice.chance(10)) return choice.of([atom`<nowhere>`, atom`<nowhere/a>`]);
	return expr`builtins.elemAt [ ${grammar.simple("path")} ${grammar.simple("path")} ] ${choice.below(3)}`;
}

export function listCall(grammar: Grammar, type: Type): Source {
	const { choice } = grammar;
	if (type === "string" && choice.chance(50)) return stringListCall(grammar);
	const from = grammar.type(1);
	switch (choice.below(13)) {
		case 0:
		case 1:
			return expr`map ${grammar.simple({ from, to: type })} ${grammar.simple({ list: from })}`;
		case 2:
			return expr`builtins.filter ${grammar.simple({ from: type, to: "bool" })} ${grammar.simple({ list: type })}`;
		case 3:
			return expr`builtins.genList ${grammar.simple({ from: "int", to: type })} ${grammar.simple("index")}`;
		case 4:
			return expr`builtins.concatLists ${grammar.simple({ list: { list: type } })}`;
		case 5:
			return expr`builtins.concatMap ${grammar.simple({ from, to: { list: type } })} ${grammar.simple({ list: from })}`;
		case 6:
			return expr`builtins.tail ${grammar.simple({ list: type })}`;
		case 7:
			return sorted(grammar, type);
		case 8:
			return expr`builtins.attrValues ${grammar.simple({ set: type })}`;
		case 9:
			return expr`builtins.catAttrs ${grammar.simple("string")} ${grammar.simple({ list: { set: type } })}`;
		case 10:
			return expr`(builtins.partition ${grammar.simple({ from: type, to: "bool" })} ${grammar.simple({ list: type })}).${choice.of(["right", "wrong"])}`;
		case 11:
			return expr`builtins.foldl' (acc: ${grammar.variableName()}: acc ++ ${grammar.simple({ list: type })}) [ ] ${grammar.simple({ list: "int" })}`;
		default:
			return closure(grammar, type);
	}
}

/** Only comparisons that are orders: what others give is not defined. */
function sorted(grammar: Grammar, type: Type): Source {
	const { choice } = grammar;
	const list = grammar.simple({ list: type });
	const comparison = choice.of(["builtins.lessThan", "(a: b: a < b)", "(a: b: a > b)", "(_: _: false)"]);
	if (!["int", "string", "float", "path"].includes(type as string) && choice.chance(90))
		return expr`builtins.sort (_: _: false) ${list}`;
	if (choice.chance(20))
		return expr`map (e: e.value) (builtins.sort (a: b: a.key < b.key) (map (value: { inherit value; key = toString value; }) ${list}))`;
	return expr`builtins.sort ${comparison} ${list}`;
}

function closure(grammar: Grammar, type: Type): Source {
	const { choice } = grammar;
	const start = atom`[ ${choice.many(0, 3, () => part`{ key = ${choice.chance(80) ? `${choice.below(8)}` : grammar.expression("string")}; } `)}]`;
	const step = choice.of([
		"e: if e.key > 10 then [ ] else [ { key = e.key + 3; } { key = e.key * 2 + 1; } ]",
		"e: [ ]",
		"e: [ { key = 1; } ]",
		"e: [ e ]",
		"e: if builtins.isInt e.key then [ { key = toString e.key; } ] else [ ]",
	]);
	const keys = atom`(builtins.genericClosure { startSet = ${start}; operator = ${step}; })`;
	return expr`map (e: builtins.seq e.key ${grammar.simple(type)}) ${keys}`;
}

function stringListCall(grammar: Grammar): Source {
	const { choice } = grammar;
	switch (choice.below(5)) {
		case 0:
			return expr`builtins.attrNames ${grammar.simple({ set: grammar.type(1) })}`;
		case 1:
			return expr`builtins.splitVersion ${versionText(grammar)}`;
		case 2:
			return expr`builtins.filter builtins.isString (builtins.split ${patternText(grammar)} ${wordText(grammar)})`;
		case 3:
			return expr`builtins.split ${patternText(grammar)} ${wordText(grammar)}`;
		default:
			return expr`builtins.match ${patternText(grammar)} ${wordText(grammar)}`;
	}
}

/** Text of JSON as an argument. */
export function jsonText(grammar: Grammar): Source {
	const text = json(grammar.choice);
	return atom`"${letters(quoted(text).slice(1, -1))}"`;
}

export function nameOf(grammar: Grammar): string {
	return grammar.choice.of(NAMES);
}
