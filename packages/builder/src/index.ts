export type {
	BuildLimits,
	BuildOutcome,
	BuildRequest,
	RunningBuild,
	SandboxBind,
	SandboxFile,
	SandboxRoot,
} from "./build-request.ts";
export { detectSandbox, describeSandboxFailure, type DetectOptions, type Sandbox } from "./detect-sandbox.ts";
export { runBuild } from "./run-build.ts";
