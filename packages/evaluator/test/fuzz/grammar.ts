/**
 * Random expressions of the Nix language, each built for a type so that most have a value; a share is deliberately of
 * another type than its place wants. Here are the language's own forms; calls of built-in operations are in
 * `builtin-calls.ts` and `set-calls.ts`.
 */

import { anyCall, boolCall, floatCall, intCall, listCall, pathCall, stringCall } from "./builtin-calls.ts";
import type fc from "fast-check";
import { type Choice, chosen } from "./choice.ts";
import {
	anyName,
	float,
	indentedPieces,
	integer,
	NAMES,
	nameText,
	quoted,
	stringBody,
	stringLiteral,
} from "./literals.ts";
import { derivationCall, functionCall, setCall } from "./set-calls.ts";
import { atom, expr, letters, part, simple, type Source } from "./source.ts";
import { table } from "./tables.ts";

/** `index` is a small natural number, for lengths; `json` is what JSON can say, without floats. */
export type Type =
	| "int"
	| "index"
	| "float"
	| "bool"
	| "string"
	| "path"
	| "null"
	| "json"
	| "derivation"
	| { readonly list: Type }
	| { readonly set: Type }
	| { readonly from: Type; readonly to: Type };

interface Variable {
	readonly name: string;
	readonly type: Type;
}

const VARIABLES = ["a", "b", "f", "v", "w", "x", "y", "xs"];

/** Per cent of places that get another type than they want. */
const ILL_TYPED = 2;

export class Grammar {
	readonly choice: Choice;
	readonly #scope: Variable[] = [];
	/** How many more expressions with parts there may be. */
	#fuel: number;
	/** How many more levels there may be below. */
	#depth: number;

	constructor(choice: Choice) {
		this.choice = choice;
		this.#fuel = 6 + choice.below(34);
		this.#depth = 2 + choice.below(5);
	}

	/** An expression for a place of that type. */
	expression(type: Type): Source {
		const wanted = this.choice.chance(ILL_TYPED) ? this.type() : type;
		if (this.#fuel <= 0 || this.#depth <= 0) return this.#leaf(wanted);
		this.#fuel--;
		this.#depth--;
		const roll = this.choice.below(100);
		const source = roll < 10 ? this.#variable(wanted) : roll < 32 ? this.#general(wanted) : undefined;
		const result = source ?? this.#special(wanted);
		this.#depth++;
		return result;
	}

	/** The same, to stand as argument, element or operand. */
	simple(type: Type): Source {
		const source = this.expression(type);
		return this.choice.chance(1) ? source : simple(source);
	}

	/** A type of its own choice. */
	type(depth: number = 2): Type {
		const { choice } = this;
		if (depth > 0 && choice.chance(35)) {
			const inner = this.type(depth - 1);
			const roll = choice.below(10);
			if (roll < 4) return { list: inner };
			return roll < 8 ? { set: inner } : { from: choice.of(["int", "string"]), to: inner };
		}
		return choice.of<Type>([
			"int",
			"int",
			"float",
			"bool",
			"string",
			"string",
			"string",
			"path",
			"null",
			"json",
			"derivation",
		]);
	}

	/** A variable of that type that is in scope. */
	#variable(type: Type): Source | undefined {
		const wanted = JSON.stringify(type);
		const found = this.#scope.filter((each) => JSON.stringify(each.type) === wanted);
		return found.length === 0 ? undefined : atom`${this.choice.of(found).name}`;
	}

	/** What `build` makes with more variables in scope. */
	within(variables: readonly Variable[], build: () => Source): Source {
		this.#scope.push(...variables);
		const result = build();
		this.#scope.splice(this.#scope.length - variables.length);
		return result;
	}

	variableName(): string {
		return this.choice.of(VARIABLES);
	}

	/** `x: …` or with a pattern that takes the same argument. */
	lambda(from: Type, to: Type): Source {
		const name = this.variableName();
		return expr`${name}: ${this.within([{ name, type: from }], () => this.expression(to))}`;
	}

	#leaf(type: Type): Source {
		const known = this.choice.chance(40) ? this.#variable(type) : undefined;
		if (known !== undefined) return known;
		const { choice } = this;
		if (typeof type === "object") {
			if ("list" in type) return choice.chance(40) ? atom`[ ]` : atom`[ ${this.#leaf(type.list)} ]`;
			if ("set" in type)
				return choice.chance(40) ? atom`{ }` : atom`{ ${choice.of(NAMES)} = ${this.#leaf(type.set)}; }`;
			return atom`(${this.variableName()}: ${this.#leaf(type.to)})`;
		}
		switch (type) {
			case "int":
				return integer(choice);
			case "index":
				return atom`${choice.below(5)}`;
			case "float":
				return float(choice);
			case "bool":
				return atom`${choice.of(["true", "false"])}`;
			case "string":
				return stringLiteral(choice);
			case "path":
				return atom`${choice.of(["./a.txt", "./.", "/nonexistent/a/b/c/d/e/f", "./dir", "./dir/../a.txt", "./dir/b.txt", "/nonexistent/a/b/../c/d/e/f/g", "dir/b.txt"])}`;
			case "null":
				return atom`null`;
			case "json":
				return choice.chance(50) ? integer(choice) : stringLiteral(choice);
			case "derivation":
				return atom`(derivation { name = "d"; builder = "/b"; system = "s"; })`;
		}
	}

	/** Forms that have a value of any type. */
	#general(type: Type): Source {
		const { choice } = this;
		switch (choice.below(12)) {
			case 0:
				return expr`if ${this.expression("bool")} then ${this.expression(type)} else ${this.expression(type)}`;
			case 1:
				return this.#let(type);
			case 2:
				return this.#with(type);
			case 3:
				return expr`assert ${choice.chance(85) ? "true" : this.expression("bool")}; ${this.expression(type)}`;
			case 4:
				return this.#application(type);
			case 5:
				return this.#patternApplication(type);
			case 6:
				return this.#selection(type);
			case 7:
				return expr`${this.simple({ set: type })}.${this.#attrPath()} or ${this.simple(type)}`;
			case 8:
				return this.#recursion(type);
			default:
				return anyCall(this, type);
		}
	}

	#let(type: Type): Source {
		const variables = this.choice.many(1, 3, (): Variable => ({ name: this.variableName(), type: this.type(1) }));
		const unique = [...new Map(variables.map((each) => [each.name, each])).values()];
		const bindings = unique.map(({ name, type: bound }, index) => {
			// Earlier ones only, so that most recursion ends; a few see all.
			const visible = this.choice.chance(5) ? unique : unique.slice(0, index);
			return part`${name} = ${this.within(visible, () => this.expression(bound))}; `;
		});
		if (this.choice.chance(6))
			return expr`let { ${bindings}body = ${this.within(unique, () => this.expression(type))}; }`;
		return expr`let ${bindings}in ${this.within(unique, () => this.expression(type))}`;
	}

	#with(type: Type): Source {
		const name = this.variableName();
		const bound = this.type(1);
		const set = expr`{ ${name} = ${this.expression(bound)}; }`;
		const body = this.within([{ name, type: bound }], () => this.expression(type));
		return expr`with ${this.choice.chance(90) ? set : this.expression({ set: bound })}; ${body}`;
	}

	#application(type: Type): Source {
		const from = this.type(1);
		return expr`${this.simple({ from, to: type })} ${this.simple(from)}`;
	}

	#patternApplication(type: Type): Source {
		const { choice } = this;
		const parameters = choice.many(0, 3, (index) => ({
			name: VARIABLES[index] ?? "a",
			type: this.type(1),
			given: choice.chance(70),
		}));
		const whole = choice.chance(40) ? choice.of(["all", "args"]) : undefined;
		const inside: Variable[] = [
			...parameters,
			...(whole === undefined ? [] : [{ name: whole, type: { set: "int" } as Type }]),
		];
		const ellipsis = choice.chance(30);
		const formals = parameters.map((each, index) => {
			const value =
				each.given && choice.chance(70)
					? ""
					: part` ? ${this.within(inside.slice(0, index), () => this.expression(each.type))}`;
			return part`${each.name}${value}, `;
		});
		const pattern = part`{ ${formals}${ellipsis ? "... " : ""}}`;
		const body = this.within(inside, () => this.expression(type));
		const fn =
			whole === undefined
				? part`${pattern}: ${body}`
				: choice.chance(50)
					? part`${whole}@${pattern}: ${body}`
					: part`${pattern}@${whole}: ${body}`;
		const given = parameters
			.filter((each) => each.given)
			.map((each) => part`${each.name} = ${this.expression(each.type)}; `);
		if (choice.chance(ellipsis ? 50 : 4)) given.push(part`extra = ${this.expression("int")}; `);
		return expr`(${fn}) { ${given}}`;
	}

	#selection(type: Type): Source {
		const { choice } = this;
		const name = nameText(anyName(choice));
		const others = choice.many(0, 2, () => this.#binding(this.type(1)));
		const value = part`${choice.chance(20) ? `${name}.${choice.of(NAMES)}` : name} = ${this.expression(type)}; `;
		const set = atom`${choice.chance(25) ? "rec " : ""}{ ${choice.chance(50) ? [value, ...others] : [...others, value]}}`;
		return expr`${set}.${choice.chance(15) ? atom`\${${quoted(name)}}` : name}`;
	}

	#recursion(type: Type): Source {
		if (this.choice.chance(35)) return this.#fixpoint(type);
		const n = this.choice.below(6);
		const step = this.within([{ name: "n", type: "index" }], () => this.expression(type));
		const stop = this.expression(type);
		return expr`let f = n: if n <= 0 then ${stop} else if n == 3 then ${step} else f (n - 1); in f ${n}`;
	}

	/** A set that is made of itself, extended by an overlay, as package sets are. */
	#fixpoint(type: Type): Source {
		const { choice } = this;
		const self: Variable = { name: "self", type: { set: type } };
		const first = part`{ a = ${this.expression(type)}; b = ${choice.of(["self.a", "self.c or self.a", "self.a"])}; }`;
		const overlay = this.within([self, { name: "super", type: { set: type } }], () => {
			return expr`{ c = super.b or self.a; ${choice.of(["a", "b", "d"])} = ${choice.chance(50) ? "super.a" : this.expression(type)}; }`;
		});
		const fix = "fix = f: let x = f x; in x; extend = f: g: self: let super = f self; in super // g self super;";
		return expr`let ${fix} in (fix (extend (self: ${first}) (self: super: ${overlay}))).${choice.of(["a", "b", "c"])}`;
	}

	/** `name`, `"name"`, `${…}` or several with dots. */
	#attrPath(): Source {
		const { choice } = this;
		const step = (): Source => {
			const roll = choice.below(20);
			if (roll === 0) return part`\${${this.expression("string")}}`;
			if (roll === 1) return part`"${letters(stringBody(choice))}"`;
			return part`${nameText(anyName(choice))}`;
		};
		return choice.chance(85) ? step() : part`${step()}.${step()}`;
	}

	#binding(type: Type): Source {
		const { choice } = this;
		const roll = choice.below(30);
		const known = this.#scope.at(-1)?.name;
		if (roll === 0 && known !== undefined) return part`inherit ${known}; `;
		if (roll === 1) return part`inherit (${this.expression({ set: type })}) ${nameText(choice.of(NAMES))}; `;
		if (roll === 2)
			return part`\${${choice.chance(80) ? this.expression("string") : "null"}} = ${this.expression(type)}; `;
		if (roll < 6) return part`${choice.of(NAMES)}.${nameText(anyName(choice))} = ${this.expression(type)}; `;
		if (roll < 8) return part`${this.#attrPath()} = ${this.expression(type)}; `;
		return part`${nameText(anyName(choice))} = ${this.expression(type)}; `;
	}

	/** A set in which several definitions have a part of the same name. */
	#overlapping(type: Type, depth: number = 2): Source {
		const { choice } = this;
		const bindings = choice.many(1, 4, () => {
			const path = choice.many(1, 3, () => choice.of(["a", "b", "c", '"a"', '${"b"}'])).join(".");
			const nested = depth > 0 && choice.chance(40);
			return part`${path} = ${nested ? this.#overlapping(type, depth - 1) : this.expression(type)}; `;
		});
		return atom`${choice.chance(20) ? "rec " : ""}{ ${bindings}}`;
	}

	/** A set with values of a type, as written. */
	setLiteral(type: Type): Source {
		if (this.choice.chance(8)) return this.#overlapping(type);
		const bindings = this.choice.many(0, 4, () => this.#binding(type));
		// Most names once: that a name is given twice is seldom of interest.
		const unique = this.choice.chance(90)
			? [...new Map(bindings.map((each) => [String(each.pieces[0]), each])).values()]
			: bindings;
		return atom`${this.choice.chance(15) ? "rec " : ""}{ ${unique}}`;
	}

	listLiteral(type: Type): Source {
		return atom`[ ${this.choice.many(0, 4, () => part`${this.simple(type)} `)}]`;
	}

	/** `a OPERATOR b`, mostly with parentheses where an operand needs them. */
	binary(operators: readonly string[], left: Type, right: Type): Source {
		const operand = (type: Type): Source => (this.choice.chance(70) ? this.simple(type) : this.expression(type));
		return expr`${operand(left)} ${this.choice.of(operators)} ${operand(right)}`;
	}

	/** A string with interpolations. */
	interpolated(): Source {
		const { choice } = this;
		const hole = (): Source => {
			const roll = choice.below(20);
			if (roll === 0) return this.expression("path");
			if (roll === 1) return this.expression("derivation");
			if (roll === 2) return expr`{ __toString = self: ${this.expression("string")}; }`;
			return roll === 3 ? expr`{ outPath = ${this.expression("string")}; }` : this.expression("string");
		};
		if (choice.chance(35)) return atom`''${indentedPieces(choice, hole)}''`;
		const pieces = choice.many(1, 4, () => (choice.chance(50) ? letters(stringBody(choice)) : atom`\${${hole()}}`));
		return atom`"${pieces}"`;
	}

	#special(type: Type): Source {
		const { choice } = this;
		if (typeof type === "object") {
			if ("list" in type) {
				if (choice.chance(40)) return this.listLiteral(type.list);
				return choice.chance(15) ? this.binary(["++"], type, type) : listCall(this, type.list);
			}
			if ("set" in type) {
				if (choice.chance(40)) return this.setLiteral(type.set);
				return choice.chance(20) ? this.binary(["//"], type, type) : setCall(this, type.set);
			}
			return choice.chance(60) ? this.lambda(type.from, type.to) : functionCall(this, type.from, type.to);
		}
		switch (type) {
			case "int":
				if (choice.chance(10)) return expr`-${this.simple("int")}`;
				return choice.chance(45) ? this.binary(["+", "-", "*", "/"], "int", "int") : intCall(this);
			case "index":
				return this.#leaf("index");
			case "float": {
				if (choice.chance(10)) return expr`-${this.simple("float")}`;
				if (choice.chance(40)) return floatCall(this);
				const [left, right] = choice.of<readonly [Type, Type]>([
					["float", "float"],
					["int", "float"],
					["float", "int"],
				]);
				return this.binary(["+", "-", "*", "/"], left, right);
			}
			case "bool":
				return choice.chance(60) ? this.#boolean() : boolCall(this);
			case "string":
				if (choice.chance(35)) return this.interpolated();
				return choice.chance(15)
					? this.binary(["+"], "string", choice.chance(85) ? "string" : "path")
					: stringCall(this);
			case "path":
				if (choice.chance(30)) return this.binary(["+"], "path", choice.chance(70) ? "string" : "path");
				if (choice.chance(20))
					return atom`${choice.of(["./", "/nonexistent/a/b/c/", "./a", "/nonexistent/b-"])}\${${this.expression("string")}}${choice.of(["", "/c", ".d"])}`;
				return choice.chance(40) ? this.#leaf("path") : pathCall(this);
			case "null":
				return this.#leaf("null");
			case "json":
				return this.expression(
					choice.of<Type>(["int", "string", "bool", "null", { list: "json" }, { set: "json" }, { list: "string" }]),
				);
			case "derivation":
				return derivationCall(this);
		}
	}

	#boolean(): Source {
		const { choice } = this;
		const type = choice.of<Type>(["int", "float", "string", "string", "path", { list: "int" }, { list: "string" }]);
		switch (choice.below(8)) {
			case 0:
			case 1: {
				const other: Type = type === "int" && choice.chance(40) ? "float" : type;
				return this.binary(["<", "<=", ">", ">="], type, other);
			}
			case 2:
			case 3: {
				const compared = choice.chance(50) ? type : this.type();
				return this.binary(["==", "!="], compared, choice.chance(85) ? compared : this.type());
			}
			case 4:
				return expr`!${this.simple("bool")}`;
			case 5:
				return expr`${this.simple({ set: this.type(1) })} ? ${this.#attrPath()}`;
			default:
				return this.binary(["&&", "||", "->"], "bool", "bool");
		}
	}
}

/** An expression for `nix-instantiate --eval`. */
export const expressions: fc.Arbitrary<Source> = chosen((choice): Source => {
	const grammar = new Grammar(choice);
	return choice.chance(20) ? table(grammar) : grammar.expression(grammar.type());
});
