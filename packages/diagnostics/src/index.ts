export {
	DiagnosticError,
	diagnose,
	fail,
	type Diagnostic,
	type DiagnosticDetail,
	type DiagnosticNote,
	type Location,
	type Severity,
} from "./diagnostic.ts";
export { printable, renderDiagnostic, type RenderOptions } from "./render.ts";
export { failed, ok, unreachable, type Result } from "./result.ts";
export { Source } from "./source.ts";
export { editDistance, nearestNames } from "./suggest.ts";
