/** The Nix language: parser, evaluator, built-in operations. Layer 1, pure: the world is the injected EvalIO. */

export {
	EvalIoError,
	type AddPathRequest,
	type EvalIO,
	type FetchRequest,
	type FileType,
	formatLog,
	type LogLevel,
	type IngestionMethod,
} from "./io.ts";
export { EvalError, type EvalErrorKind, type TraceFrame } from "./eval/error.ts";
export { type CoerceOptions, type Lints, type Runtime, type RuntimeSettings } from "./eval/runtime.ts";
export { Evaluator, type AutoArgs, type EvaluatorOptions } from "./evaluator.ts";
export { NIX_VERSION, valueToJson, valueToXml } from "./builtins/index.ts";
export { builtinDocumentation } from "./builtins/documentation.ts";
export { formatFloat } from "./value/format-float.ts";
export { ReadSet, ReadTracker, type Tracked } from "./eval/read-sets.ts";
export { type RenderErrorOptions } from "./eval/render-error.ts";
export { TomlError, TomlTable, type TomlValue, parseToml } from "./builtins/toml-parser.ts";
export { printIdentifier, printString } from "./syntax/print-expr.ts";
export { type Expr } from "./syntax/ast.ts";
export { parseExpr, type ParseOptions } from "./syntax/parser.ts";
export { NO_POSITION, type Origin, type Position, type ResolvedPosition } from "./syntax/position.ts";
export { Attrs, AttrsBuilder, attrsFromEntries, mergeAttrs } from "./value/attrs.ts";
export { type StringContext, mergeContexts, NO_CONTEXT, parseContextElement } from "./value/context.ts";
export { Lambda, PartialApplication, PrimOp } from "./value/function.ts";
export { type NixInt } from "./value/integer.ts";
export { Thunk } from "./value/thunk.ts";
export { describeType, typeOf, type TypeName } from "./value/type-name.ts";
export {
	ContextString,
	isInt,
	isList,
	isString,
	type Lazy,
	type List,
	NixFloat,
	NixPath,
	type NixString,
	stringText,
	stringWithContext,
	type Value,
} from "./value/value.ts";
