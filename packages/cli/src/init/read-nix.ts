/**
 * flake.nix and shell.nix: the packages that lists of the usual names hold, read from the syntax tree. Nothing is evaluated.
 * Layer 5 (pure).
 */

import { EvalError, type Expr, parseExpr } from "@devenv/evaluator";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { packagesFor } from "./package-names.ts";
import { type Reading, wish, type Wish } from "./reading.ts";

const lists: ReadonlySet<string> = new Set([
	"packages",
	"buildInputs",
	"nativeBuildInputs",
	"propagatedBuildInputs",
	"checkInputs",
	"nativeCheckInputs",
	"devPackages",
]);

export function readNix(text: string): Reading {
	const found = new Finder();
	found.visit(parse(text));
	return { wishes: found.wishes, env: found.env, remarks: [...new Set(found.remarks)] };
}

function parse(text: string): Expr {
	try {
		return parseExpr(bytesFromText(text), {
			base: 1,
			paths: { baseDir: "/", homeDir: "/", pureEval: true },
			describe: () => "here",
		});
	} catch (error) {
		if (error instanceof EvalError) throw new SyntaxError(textFromBytes(error.message), { cause: error });
		throw error;
	}
}

class Finder {
	readonly wishes: Wish[] = [];
	readonly env: [string, string][] = [];
	readonly remarks: string[] = [];

	visit(expr: Expr): void {
		switch (expr.kind) {
			case "attrs":
				for (const definition of expr.definitions.values()) {
					if (definition.kind === "plain") this.#attribute(textFromBytes(definition.name), definition.value);
				}
				for (const { value } of expr.dynamic) this.visit(value);
				break;
			case "lambda":
			case "with":
			case "assert":
				this.visit(expr.body);
				break;
			case "let":
				this.visit(expr.bindings);
				this.visit(expr.body);
				break;
			case "call":
				this.visit(expr.fn);
				for (const argument of expr.args) this.visit(argument);
				break;
			case "binary":
				this.visit(expr.left);
				this.visit(expr.right);
				break;
			case "if":
				this.visit(expr.then);
				this.visit(expr.else);
				break;
			case "select":
				this.visit(expr.subject);
				break;
			default:
				break;
		}
	}

	#attribute(name: string, value: Expr): void {
		if (lists.has(name) && this.#list(value)) return;
		if (name === "shellHook") this.remarks.push("shellHook is not taken over: see enter_shell");
		else if (/^[A-Z][A-Z0-9_]*$/.test(name) && value.kind === "string")
			this.env.push([name, textFromBytes(value.value)]);
		else this.visit(value);
	}

	/** Whether it is a list, which may be put together of several. */
	#list(value: Expr): boolean {
		switch (value.kind) {
			case "list":
				for (const element of value.elements) this.#element(element);
				return true;
			case "with":
			case "let":
				return this.#list(value.body);
			case "binary":
				if (value.operator !== "++") return false;
				return [this.#list(value.left), this.#list(value.right)].some((each) => each);
			case "call":
				// lib.optionals CONDITION [ … ]
				return value.args.map((each) => this.#list(each)).some((each) => each);
			default:
				return false;
		}
	}

	#element(element: Expr): void {
		const path = pathOf(element);
		if (path === undefined) {
			this.remarks.push("a package that an expression makes is not taken over");
			return;
		}
		const [scope = "", name = ""] = path.length > 1 ? path.slice(-2) : ["", path[0]];
		const shown = scope === "" || /^(pkgs|nixpkgs|final|prev|self|super)$/.test(scope) ? name : `${scope}.${name}`;
		this.wishes.push(wish(shown, ...candidatesOf(scope, name)));
	}
}

/** The names of `a.b.c`; undefined for any other expression. */
function pathOf(expr: Expr): string[] | undefined {
	if (expr.kind === "variable") return [textFromBytes(expr.name)];
	if (expr.kind !== "select") return undefined;
	const subject = pathOf(expr.subject);
	const names = expr.path.map((each) => (typeof each === "string" ? textFromBytes(each) : undefined));
	return subject === undefined || !names.every((each) => each !== undefined) ? undefined : [...subject, ...names];
}

function candidatesOf(scope: string, name: string): string[] {
	const plain = name.toLowerCase().replaceAll("_", "-");
	if (/^python3?\d*Packages$/.test(scope)) return [`python3-${plain}`];
	if (/^(perl)\d*Packages$/.test(scope)) return [`lib${plain}-perl`];
	if (/^ruby(Gems|Packages.*)$/.test(scope)) return [`ruby-${plain}`];
	if (/^haskellPackages$/.test(scope)) return [`libghc-${plain}-dev`, plain];
	if (/^php\d*(Packages|Extensions)$/.test(scope)) return [plain, `php-${plain}`];
	if (/^nodePackages(_latest)?$/.test(scope)) return [`node-${plain}`, plain];
	const llvm = /^llvmPackages_(\d+)$/.exec(scope)?.[1];
	return llvm === undefined ? packagesFor(name) : [`${plain}-${llvm}`, plain];
}
