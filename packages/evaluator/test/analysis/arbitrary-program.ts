/** Arbitrary programs with few names, so that they shadow each other. Most can be evaluated. */

import fc from "fast-check";

const names = ["a", "b", "c", "d"] as const;
const name = fc.constantFrom(...names);

interface Programs {
	readonly expression: string;
	readonly bindings: string;
}

/** Every name is visible in them from the start. */
export const program: fc.Arbitrary<string> = fc
	.letrec<Programs>((tie) => {
		const any = tie("expression") as fc.Arbitrary<string>;
		const bindings = tie("bindings") as fc.Arbitrary<string>;
		const number = fc.integer({ min: 0, max: 999 }).map(String);
		const assigned = fc
			.uniqueArray(fc.tuple(name, fc.oneof(any, fc.constant(undefined))), { maxLength: 3, selector: ([each]) => each })
			.map((each) => each.map(([key, value]) => (value === undefined ? `inherit ${key};` : `${key} = ${value};`)));
		return {
			bindings: fc
				.tuple(assigned, fc.option(fc.tuple(name, any), { nil: undefined }))
				.map(([some, nested]) =>
					[...some, ...(nested === undefined ? [] : [`n.${nested[0]} = ${nested[1]};`])].join(" "),
				),
			expression: fc.oneof(
				{ depthSize: "small", withCrossShrink: true },
				number,
				name,
				name,
				fc.tuple(bindings, any).map(([each, body]) => `(let ${each} in ${body})`),
				fc.tuple(bindings, name).map(([each, key]) => `(rec { ${each} }.${key} or 7)`),
				bindings.map((each) => `{ ${each} }`),
				fc.tuple(name, any, any).map(([key, body, arg]) => `((${key}: ${body}) ${arg})`),
				fc
					.tuple(name, name, any, any)
					.map(([key, whole, body, arg]) =>
						key === whole ? body : `((${whole}@{ ${key} ? 5, ... }: ${body}) { ${key} = ${arg}; })`,
					),
				fc
					.tuple(name, any, any)
					.map(([key, body, arg]) => `(let f = { ${key} ? 5 }: ${body}; in f { ${key} = ${arg}; })`),
				fc.tuple(bindings, any).map(([each, body]) => `(with { ${each} }; ${body})`),
				fc.tuple(any, any).map(([left, right]) => `[ ${left} ${right} ]`),
				fc
					.tuple(name, name, any)
					.map(([source, key, body]) => `(let inherit ({ ${key} = ${source}; }) ${key}; in ${body})`),
				any.map((each) => `"\${toString ${each}}"`),
			),
		};
	})
	.expression.map((each) => `let a = 1; b = 2; c = 3; d = 4; in ${each}`);
