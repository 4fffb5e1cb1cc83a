import test from "ava";
import { evaluate } from "../evaluate.ts";

/** Expression → all of what Nix writes to stderr. */
const failing: readonly (readonly [string, string])[] = [
	[
		"let x = 1; in y",
		`error: undefined variable 'y'
       at «string»:1:15:
            1| let x = 1; in y
             |               ^`,
	],
	[
		"with { a = 1; }; b",
		`error: undefined variable 'b'
       at «string»:1:18:
            1| with { a = 1; }; b
             |                  ^`,
	],
	[
		"{ foo = 1; }.fo",
		`error:
       … while evaluating the attribute 'fo'
         at «string»:1:1:
            1| { foo = 1; }.fo
             | ^

       error: attribute 'fo' missing
       Did you mean foo?`,
	],
	[
		'1 + "a"',
		`error: cannot add a string to an integer
       at «string»:1:5:
            1| 1 + "a"
             |     ^`,
	],
	[
		'"${1}"',
		`error:
       … while evaluating a path segment
         at «string»:1:2:
            1| "\${1}"
             |  ^

       error: cannot coerce an integer to a string: 1`,
	],
	[
		"if 1 then 2 else 3",
		`error:
       … while evaluating a branch condition

       error: expected a Boolean but found an integer: 1`,
	],
	[
		"let x = x; in x",
		`error:
       … entering the infinite recursion

       error: infinite recursion encountered
       at «string»:1:9:
            1| let x = x; in x
             |         ^`,
	],
	[
		"let f = { a, b ? 1 }: a; in f { a = 1; c = 2; }",
		`error:
       … from call site
         at «string»:1:29:
            1| let f = { a, b ? 1 }: a; in f { a = 1; c = 2; }
             |                             ^

       error: function 'f' called with unexpected argument 'c'
       at «string»:1:9:
            1| let f = { a, b ? 1 }: a; in f { a = 1; c = 2; }
             |         ^
       Did you mean one of a or b?`,
	],
	[
		"({ a }: a) { }",
		`error:
       … from call site
         at «string»:1:1:
            1| ({ a }: a) { }
             | ^

       error: function 'anonymous lambda' called without required argument 'a'
       at «string»:1:2:
            1| ({ a }: a) { }
             |  ^`,
	],
	[
		"1 2",
		`error: attempt to call something which is not a function but an integer: 1
       at «string»:1:1:
            1| 1 2
             | ^`,
	],
	[
		"assert 1 == 2; 3",
		`error:
       … while evaluating the condition of the assertion '(1 == 2)'
         at «string»:1:1:
            1| assert 1 == 2; 3
             | ^

       error: an integer with value '1' is not equal to an integer with value '2'`,
	],
	[
		"9223372036854775807 + 1",
		`error: integer overflow in adding 9223372036854775807 + 1
       at «string»:1:23:
            1| 9223372036854775807 + 1
             |                       ^`,
	],
	[
		'{ ${"a"} = 1; ${"a" + ""} = 2; }',
		`error: dynamic attribute 'a' already defined at «string»:1:3
       at «string»:1:15:
            1| { \${"a"} = 1; \${"a" + ""} = 2; }
             |               ^`,
	],
];

for (const [expression, wanted] of failing) {
	test(`says what is wrong with ${expression}`, (t) => {
		t.is(evaluate(expression), wanted);
	});
}

test("what cannot be JSON is named by its type, evaluated", (t) => {
	t.regex(evaluate("builtins.toJSON { x = (a: 0); }"), /error: cannot convert a function to JSON/);
});

test("a trace is cut unless all of it is wanted", (t) => {
	const chain = 'let a = b + 1; b = c + 1; c = d + 1; d = e + 1; e = throw "end"; in a';
	t.regex(evaluate(chain), /\(stack trace truncated; use '--show-trace' to show the full, detailed trace\)/);
	t.notRegex(evaluate(chain, { showTrace: true }), /truncated/);
	const loop = 'let f = n: if n == 0 then throw "end" else 1 + f (n - 1); in f 20';
	t.regex(evaluate(loop), /\(19 duplicate frames omitted\)/);
	t.regex(evaluate(loop, { showTrace: true }), /… while calling 'f'/);
});

test("calls may only be nested so deep", (t) => {
	const expression = "let f = n: 1 + f (n + 1); in f 0";
	t.regex(evaluate(expression, { maxCallDepth: 100 }), /error: stack overflow; max-call-depth exceeded/);
});

test("running out of stack is an error of the program's", (t) => {
	const expression = "let f = n: 1 + f (n + 1); in f 0";
	t.is(evaluate(expression, { maxCallDepth: 1_000_000_000 }), "error: stack overflow (possible infinite recursion)");
});

test("a string that no memory holds is an error of the program's", (t) => {
	const expression = 'let f = n: s: if n == 0 then builtins.stringLength s else f (n - 1) (s + s); in f 40 "abc"';
	t.regex(evaluate(expression), /error: out of memory$/);
});

test("a value that contains itself is no text, but an error", (t) => {
	for (const builtin of ["toXML", "toJSON"]) {
		const text = evaluate(`let x = { a = [ x ]; }; in builtins.${builtin} x`, { maxCallDepth: 1000 });
		t.regex(text, /error: stack overflow; max-call-depth exceeded/, builtin);
	}
});

test("a failed thunk keeps the error, with the frames that its first user added, as Nix has it", (t) => {
	const expression = `
		let
			a = throw "nope";
			b = builtins.addErrorContext "in b" a;
			c = builtins.addErrorContext "in c" a;
		in builtins.seq (builtins.tryEval b) (builtins.seq (builtins.tryEval (builtins.addErrorContext "in d" a)) c)`;
	const text = evaluate(expression);
	t.regex(text, /… in c/);
	t.regex(text, /… in b/);
	t.notRegex(text, /… in d/);
});
