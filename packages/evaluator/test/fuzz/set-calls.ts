/** Random calls of built-in operations that give attribute sets, functions and derivations. */

import { jsonText, nameOf } from "./builtin-calls.ts";
import type { Grammar, Type } from "./grammar.ts";
import { nameText, anyName, quoted, toml, version } from "./literals.ts";
import { atom, expr, letters, part, type Source } from "./source.ts";

export function setCall(grammar: Grammar, type: Type): Source {
	const { choice } = grammar;
	switch (choice.below(15)) {
		case 0:
			return expr`builtins.mapAttrs (name: ${grammar.within([{ name: "name", type: "string" }], () => grammar.lambda(type, type))}) ${grammar.simple({ set: type })}`;
		case 1:
		case 2: {
			const items = choice.many(0, 4, () => part`{ name = ${name(grammar)}; value = ${grammar.expression(type)}; } `);
			return expr`builtins.listToAttrs [ ${items}]`;
		}
		case 3:
			return expr`builtins.listToAttrs (map (e: { name = toString e; value = ${grammar.expression(type)}; }) ${grammar.simple({ list: "string" })})`;
		case 4:
		case 5:
			return expr`removeAttrs ${grammar.simple({ set: type })} ${choice.chance(60) ? names(grammar) : grammar.simple({ list: "string" })}`;
		case 6:
			return expr`builtins.intersectAttrs ${grammar.simple({ set: "null" })} ${grammar.simple({ set: type })}`;
		case 7:
			return expr`builtins.mapAttrs (_: xs: builtins.head xs) (builtins.groupBy (e: toString e) ${grammar.simple({ list: type })})`;
		case 8: {
			const combine = expr`name: values: ${grammar.within([{ name: "values", type: { list: type } }], () => grammar.expression(type))}`;
			return expr`builtins.zipAttrsWith (${combine}) ${grammar.simple({ list: { set: type } })}`;
		}
		case 9:
			return expr`builtins.fromJSON ${jsonText(grammar)}`;
		case 10:
			return expr`builtins.fromTOML "${letters(quoted(toml(choice)).slice(1, -1))}"`;
		case 11:
			return expr`builtins.getContext ${grammar.simple("string")}`;
		case 12:
			return expr`builtins.functionArgs ${grammar.simple({ from: "int", to: type })}`;
		case 13:
			return choice.of([
				() => expr`builtins.tryEval ${grammar.simple(type)}`,
				() => expr`builtins.parseDrvName "${version(choice)}"`,
				() => expr`builtins.partition ${grammar.simple({ from: type, to: "bool" })} ${grammar.simple({ list: type })}`,
				() => expr`builtins.readDir ${choice.chance(80) ? "./dir" : grammar.simple("path")}`,
				() => expr`builtins.functionArgs ({ a, b ? ${grammar.expression(type)}, ... }: a)`,
				() => expr`builtins.groupBy (e: toString e) ${grammar.simple({ list: type })}`,
			])();
		default:
			return expr`builtins.foldl' (acc: e: acc // e) { } ${grammar.simple({ list: { set: type } })}`;
	}
}

function name(grammar: Grammar): Source {
	return grammar.choice.chance(80) ? atom`${quoted(anyName(grammar.choice))}` : grammar.expression("string");
}

function names(grammar: Grammar): Source {
	return atom`[ ${grammar.choice.many(0, 3, () => part`${quoted(anyName(grammar.choice))} `)}]`;
}

export function functionCall(grammar: Grammar, from: Type, to: Type): Source {
	const { choice } = grammar;
	switch (choice.below(4)) {
		case 0:
			return expr`{ __functor = self: ${grammar.lambda(from, to)}; }`;
		case 1:
			return expr`builtins.seq ${grammar.simple(from)}`;
		case 2: {
			const other = grammar.type(1);
			return expr`(${grammar.lambda(other, { from, to })}) ${grammar.simple(other)}`;
		}
		default:
			return expr`${grammar.variableName()}: ${nameText(nameOf(grammar))}: ${grammar.expression(to)}`;
	}
}

const OUTPUTS = ['[ "out" ]', '[ "out" "dev" ]', '[ "dev" "out" ]', '[ "a" ]', "[ ]", '[ "out" "out" ]', '"out dev"'];
const FIXED = [
	'outputHash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="; ',
	'outputHash = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73"; outputHashAlgo = "sha256"; ',
	'outputHashAlgo = "sha256"; outputHashMode = "recursive"; outputHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; ',
	'outputHashAlgo = "md5"; outputHashMode = "flat"; outputHash = "d41d8cd98f00b204e9800998ecf8427e"; ',
	'outputHashAlgo = "sha1"; outputHash = "da39a3ee5e6b4b0d3255bfef95601890afd80709"; ',
	'outputHashAlgo = "sha256"; outputHash = ""; ',
	'outputHashAlgo = "sha512"; outputHash = "00"; ',
	'outputHashAlgo = "sha256"; outputHashMode = "other"; outputHash = ""; ',
];
const FLAGS = [
	"__ignoreNulls = true; ",
	"__structuredAttrs = true; ",
	'passAsFile = [ "a" ]; ',
	"preferLocalBuild = true; ",
	"__ignoreNulls = false; ",
];

export function derivationCall(grammar: Grammar): Source {
	const { choice } = grammar;
	const drvName = choice.chance(85)
		? atom`"${choice.of(["a", "foo-1.2", "x.y", "A_b+c", "1"])}"`
		: grammar.simple("string");
	const bindings = [
		part`name = ${drvName}; `,
		part`builder = ${choice.chance(75) ? '"/bin/sh"' : grammar.expression(choice.of(["string", "path"]))}; `,
		part`system = ${choice.chance(90) ? '"x86_64-linux"' : grammar.expression("string")}; `,
		...choice.many(0, 3, () => part`${nameText(anyName(choice))}1 = ${attributeValue(grammar)}; `),
	];
	if (choice.chance(25)) bindings.push(part`args = ${grammar.expression({ list: "string" })}; `);
	if (choice.chance(30)) bindings.push(part`outputs = ${choice.of(OUTPUTS)}; `);
	if (choice.chance(15)) bindings.push(part`${choice.of(FIXED)}`);
	if (choice.chance(25)) bindings.push(part`${choice.of(FLAGS)}`);
	return atom`(${choice.chance(90) ? "derivation" : "builtins.derivationStrict"} { ${bindings}})`;
}

/** Not a float: structured attributes hold JSON, which later versions write with a point. */
function attributeValue(grammar: Grammar): Source {
	const { choice } = grammar;
	if (choice.chance(10)) return grammar.expression(grammar.type());
	return grammar.expression(
		choice.of<Type>([
			"int",
			"bool",
			"null",
			"string",
			"path",
			"derivation",
			{ list: "string" },
			{ list: "derivation" },
		]),
	);
}
