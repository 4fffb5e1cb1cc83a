/** `builtin:unpack-deb`: attributes `src` (store path of the .deb), `pname`, `version`. Layer 3. */

import type { BuiltinAttributes, BuiltinContext } from "./builtin-builder.ts";
import { requiredAttribute } from "./attribute.ts";
import { unpackInThread } from "./unpack-pool.ts";

/** Rejects with `DEB_*`, or `BUILTIN_ATTRIBUTE` for a missing attribute. */
export async function unpackDeb(attributes: BuiltinAttributes, context: BuiltinContext): Promise<void> {
	const packageName = requiredAttribute(attributes, "pname");
	await unpackInThread({
		source: context.physical(requiredAttribute(attributes, "src")),
		output: context.output,
		packageName,
		onProgress: (bytes) => {
			context.progress({ phase: "unpack", subject: packageName, done: bytes, unit: "bytes" });
		},
		signal: context.signal,
	});
}
