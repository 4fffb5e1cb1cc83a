/** `devenv copy`: which paths are meant, and their way to a binary cache or from it. Layer 4. */

import { fail } from "@devenv/diagnostics";
import type { Engine } from "@devenv/engine";
import { parseStorePath, type StorePath } from "@devenv/nix-formats";
import type { CopyParams, CopyResult, ProjectParams } from "@devenv/protocol";
import type { RequestContext } from "./handler.ts";
import type { EvaluatedNow } from "./history/history-service.ts";

export interface CopyWorld {
	readonly engine: Engine;
	readonly evaluate: (params: ProjectParams, request: RequestContext) => Promise<EvaluatedNow>;
}

export async function copyStorePaths(
	{ direction, cache, paths, project, variables }: CopyParams,
	{ engine, evaluate }: CopyWorld,
	request: RequestContext,
): Promise<CopyResult> {
	using _ = engine.hold();
	const options = { signal: request.signal, onEvent: request.progress };
	const copy = (wanted: readonly StorePath[]): ReturnType<Engine["copyTo"]> =>
		direction === "to" ? engine.copyTo(cache, wanted, options) : engine.copyFrom(cache, wanted, options);
	if (project === null) {
		if (paths.length === 0)
			fail("COPY_NOTHING", "no store path is given", { hint: "run it in a project, or name paths" });
		const wanted = paths.map((path) => parseStorePath(path));
		return { ...(await copy(wanted)), paths: wanted, diagnostics: [] };
	}
	const { environment, diagnostics } = await evaluate({ project, variables }, request);
	if (direction === "to") await engine.realise([environment.drvPath], options);
	return { ...(await copy([environment.outPath])), paths: [environment.outPath], diagnostics };
}
