/** What evaluation came to, on either side. */

export type Outcome =
	| { readonly kind: "value"; readonly text: string }
	| {
			readonly kind: "failure";
			readonly message: string;
			/** Of parts of the value that fail too: which is reached first, is in no order that versions of Nix share. */
			readonly others?: readonly string[];
	  }
	/** No answer: a crash, too much time or memory. */
	| { readonly kind: "crash"; readonly message: string };

/** How a value is printed: options of `nix-instantiate --eval --strict`. */
export type Mode = "print" | "json" | "xml";

export const modeOptions: Readonly<Record<Mode, readonly string[]>> = {
	print: [],
	json: ["--json"],
	xml: ["--xml", "--no-location"],
};
