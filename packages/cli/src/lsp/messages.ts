/** What the language server and its evaluating thread say to each other. Layer 5: plain data. */

/** `workerData` of the evaluating thread. */
export interface EvaluationSetup {
	readonly storeRoot: string;
	/** Folder for what can be fetched again. */
	readonly cache: string;
}

/** Texts are byte strings; relative paths in them start from `baseDir`. */
export type EvaluationRequest =
	/** The attributes of the set that a text evaluates to, those that begin with `prefix`. */
	| {
			readonly kind: "attributes";
			readonly id: number;
			readonly text: string;
			readonly baseDir: string;
			readonly prefix: string;
	  }
	/** What one attribute of it is. */
	| {
			readonly kind: "attribute";
			readonly id: number;
			readonly text: string;
			readonly baseDir: string;
			readonly name: string;
	  }
	/** Files have changed. */
	| { readonly kind: "forget" };

export interface FoundAttributes {
	/** As written behind a dot, in order. */
	readonly names: readonly string[];
	/** There are more. */
	readonly more: boolean;
}

export interface FoundAttribute {
	readonly type: string | undefined;
	/** Of a number, string, path, … that is short. */
	readonly value: string | undefined;
	readonly documentation: string | undefined;
	readonly place: FoundPlace | undefined;
}

/** As a diagnostic's location has it. */
export interface FoundPlace {
	readonly file: string;
	readonly line: number;
	readonly column: number;
	readonly lineText: string;
}

/** What is found is undefined where the text has no such value. */
export type EvaluationAnswer =
	/** Questions are worked on from now on. */
	| { readonly kind: "ready" }
	| { readonly kind: "attributes"; readonly id: number; readonly found: FoundAttributes | undefined }
	| { readonly kind: "attribute"; readonly id: number; readonly found: FoundAttribute | undefined };
