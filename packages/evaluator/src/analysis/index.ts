/** What a text of the Nix language says without being evaluated, an entry of its own: for editors. Layer 1, pure. */

export type { AttrNode, Node } from "../format/cst.ts";
export type { KnownAttribute, KnownSet } from "./attributes.ts";
export { type CompletionContext, completionContext } from "./completion-context.ts";
export { type Named, NixDocument } from "./document.ts";
export { evaluationText } from "./evaluation-text.ts";
export { findIssues, type Issue } from "./issues.ts";
export { foldings, outline, type OutlineEntry, valueKind } from "./outline.ts";
export { planRename, renameable } from "./rename.ts";
export { type Scope, staticName, type Variable } from "./scopes.ts";
export { lastAtMost } from "../syntax/position.ts";
export { type Span, spanOf } from "./span.ts";
export { findUnused } from "./unused.ts";
export { type BuiltinName, builtinNames } from "./builtin-names.ts";
