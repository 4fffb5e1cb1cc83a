/** Nix's formats, byte for byte: hashes, store paths, derivations, NAR, narinfo, signatures. Layer 1, pure. */

export {
	formatDerivation,
	parseDerivation,
	quoteString,
	type ParseDerivationOptions,
} from "./aterm.ts";
export { base32Length, decodeBase32, encodeBase32, isBase32 } from "./base32.ts";
export {
	bufferFromBytes,
	bytesFromBuffer,
	bytesFromText,
	compareBytes,
	textFromBytes,
	type ByteString,
} from "./byte-string.ts";
export {
	derivationReferences,
	fixedOutput,
	formatFixedOutput,
	isFixedOutput,
	parseFixedOutput,
	type Derivation,
	type DerivationOutput,
	type FixedOutputPromise,
} from "./derivation.ts";
export {
	equalHashes,
	formatHash,
	hashBytes,
	hashSize,
	isHashAlgo,
	parseHash,
	parseHashAlgo,
	sha256Hex,
	zeroHash,
	type Hash,
	type HashAlgo,
	type HashFormat,
} from "./hash.ts";
export {
	EXPORT_END,
	EXPORT_OBJECT,
	ExportParser,
	formatExportedObject,
	type ExportedObject,
	type ExportReceiver,
} from "./export-stream.ts";
export {
	computeDrvPath,
	expectedOutputPaths,
	hashDerivationModulo,
	HashesModulo,
	instantiate,
	type HashModulo,
	type Instantiated,
	type ReadDerivation,
} from "./instantiate.ts";
export { NAR_BUFFER_SIZE, NarEncoder, type FillContents, type NarSink } from "./nar-encoder.ts";
export { MAX_NAR_DEPTH, NAR_MAGIC, narNameFault, type NarEvent } from "./nar-event.ts";
export { NarParser } from "./nar-parser.ts";
export { formatNarInfo, parseNarInfo, type NarInfo, type ParseNarInfoOptions } from "./narinfo.ts";
export {
	fingerprint,
	formatPublicKey,
	formatSecretKey,
	generateKey,
	parsePublicKey,
	parseSecretKey,
	publicKeyOf,
	signObject,
	verifySignature,
	type PublicKey,
	type SecretKey,
	type SignedObject,
} from "./signature.ts";
export {
	makeFixedOutputPath,
	makeOutputPath,
	makeStorePath,
	makeTextPath,
	outputPathName,
	type ContentAddressMethod,
	type FixedOutput,
	type References,
	type TextObject,
} from "./store-path-computation.ts";
export {
	checkStoreName,
	DEFAULT_STORE_DIR,
	HASH_PART_LENGTH,
	drvPathName,
	isDrvPath,
	isStorePath,
	parseDrvPath,
	parseStorePath,
	splitStorePath,
	storeNameFault,
	storePathBase,
	storePathHashPart,
	storePathName,
	type DrvPath,
	type StorePath,
} from "./store-path.ts";
export { readBasicDerivation, readStorePaths } from "./wire-objects.ts";
export { WireEncoder } from "./wire-encoder.ts";
export { ByteSource, type FramedSource, ProtocolError } from "./wire-source.ts";
export {
	formatRegistrations,
	parseRegistrations,
	type ValidityRegistration,
} from "./validity-registration.ts";
