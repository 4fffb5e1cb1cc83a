/** What client and daemon say to each other, and where their files lie. Layer 1 (pure). */

export { arrayOf, type Decoder, DecodeError } from "./decoder.ts";
export { diagnostic } from "./diagnostic-decoder.ts";
export {
	daemonLogPath,
	type HomeFacts,
	type HomeLayout,
	homeLayout,
	SOCKET_ADDRESS_LIMIT,
	socketPath,
} from "./home-layout.ts";
export {
	daemonStatus,
	daemonStop,
	environmentInfo,
	type EvalParams,
	type EvalResult,
	evaluateExpression,
	handshake,
	type HandshakeParams,
	type HandshakeResult,
	type InfoResult,
	type InputChange,
	type InputInfo,
	type Method,
	type NoParams,
	type NoResult,
	type PackageInfo,
	prepareEnvironment,
	type PrepareParams,
	type PrepareResult,
	type ProjectParams,
	type SearchHit,
	searchPackages,
	type SearchParams,
	type SearchResult,
	type StatusResult,
	type StopParams,
	updateInputs,
	type UpdateParams,
	type UpdateResult,
} from "./methods.ts";
export {
	decideTrust,
	reloadShells,
	type ReloadResult,
	type TrustParams,
	type TrustResult,
	wakeDaemon,
} from "./shell-methods.ts";
export { type Phase, type ProgressEvent, progressEvent } from "./progress.ts";
export {
	type CancelNotification,
	cancelNotification,
	errorCodes,
	errorFromWire,
	MAX_REQUEST_BYTES,
	MAX_RESPONSE_BYTES,
	type ProgressNotification,
	progressNotification,
	PROTOCOL_VERSION,
	type WireError,
	wireError,
} from "./wire.ts";
