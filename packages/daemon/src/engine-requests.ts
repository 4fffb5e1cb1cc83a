/** Which method of the protocol is answered by what. Layer 4. */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { OWN_STORE_MARKER } from "@devenv/client";
import { fail } from "@devenv/diagnostics";
import { createEngine, NarThread } from "@devenv/engine";
import {
	collectGarbage,
	copyPaths,
	decideTrust,
	diffGenerations,
	editPackages,
	environmentInfo,
	evaluateExpression,
	explainHost,
	explainPackage,
	explainRebuild,
	explainVariable,
	listGenerations,
	lockInputs,
	prepareEnvironment,
	prepareProcesses,
	printEnvironment,
	reloadShells,
	resolveLock,
	rollBack,
	searchPackages,
	updateInputs,
	wakeDaemon,
} from "@devenv/protocol";
import type { DaemonService } from "./daemon.ts";
import { EngineService } from "./engine-service.ts";
import { handle } from "./handler.ts";
import { quickHandler } from "./prepare-quickly.ts";
import type { ServiceContext } from "./run-daemon.ts";
import { WorkerClients } from "./worker-protocol/worker-clients.ts";

/** Makes the engine and the requests that it answers. `helper` is where the compiled native helper is, if there is one. */
export function engineService(context: ServiceContext, helper: string): DaemonService {
	const { layout, settings, log } = context;
	if (layout.storeRoot === "/") claimStore();
	const engine = createEngine({
		storeRoot: layout.storeRoot,
		state: layout.state,
		cache: layout.cache,
		settings,
		helper,
		journal: true,
		warm: true,
		onWarning: (message) => log.write("warning", "engine", { message }),
	});
	const service = new EngineService(engine, context, existsSync(helper) ? helper : null);
	const place = { root: layout.storeRoot, autoOptimise: settings.autoOptimiseStore };
	const workers = new WorkerClients({
		engine,
		nars: new NarThread(place),
		place,
		version: context.version,
		log,
	});
	return {
		handlers: [
			handle(prepareEnvironment, service.prepare),
			quickHandler(service.prepare),
			handle(printEnvironment, (params, request) => service.print(params, request)),
			handle(prepareProcesses, (params, request) => service.prepareProcesses(params, request)),
			handle(editPackages, (params, request) => service.edit(params, request)),
			handle(updateInputs, (params, request) => service.locks.update(params, request)),
			handle(lockInputs, (params, request) => service.locks.lock(params, request)),
			handle(resolveLock, (params) => service.locks.resolve(params)),
			handle(copyPaths, (params, request) => service.copy(params, request)),
			handle(collectGarbage, (params) => service.collect(params)),
			handle(environmentInfo, (params, request) => service.info(params, request)),
			handle(searchPackages, (params, request) => service.search(params, request)),
			handle(evaluateExpression, (params, request) => service.evaluate(params, request)),
			handle(reloadShells, (params) => service.reload(params)),
			handle(decideTrust, (params, request) => service.decideTrust(params, request)),
			handle(listGenerations, (params) => service.history.list(params)),
			handle(diffGenerations, (params, request) => service.history.diff(params, request)),
			handle(explainRebuild, (params) => service.history.explainRebuild(params)),
			handle(explainPackage, (params, request) => service.explanations.package(params, request)),
			handle(explainVariable, (params, request) => service.explanations.variable(params, request)),
			handle(explainHost, (params, request) => service.explanations.host(params, request)),
			handle(rollBack, (params, request) => service.history.rollBack(params, request)),
			handle(wakeDaemon, () => ({})),
		],
		serveWorker: (socket, events) => workers.serve(socket, events),
		followed: () => service.followed,
		follow: (onChange) => service.follow(onChange),
		running: () =>
			engine.running.map(({ drvPath, name, since }) => ({ drvPath, name, seconds: (Date.now() - since) / 1000 })),
		whenIdle: () => engine.whenIdle(),
		resume: () => {
			engine.resume();
		},
		close: async () => {
			await service.close();
			await workers.close();
			await engine.close();
		},
	};
}

/** Marks the store at `/` as ours before it exists, so that it is not taken for that of a real Nix afterwards. */
function claimStore(): void {
	try {
		mkdirSync(dirname(OWN_STORE_MARKER), { recursive: true });
		writeFileSync(OWN_STORE_MARKER, "");
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		fail("STORE_UNWRITABLE", `cannot write ${OWN_STORE_MARKER}: ${String(code)}`, {
			hint: "set DEVENV_HOME to a folder that can be written",
		});
	}
}
