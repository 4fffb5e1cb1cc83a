/** The formatter of the Nix language, an entry of its own: it needs the parser, and nothing of the evaluator. Layer 1, pure. */

export { formatNix } from "./format-nix.ts";
