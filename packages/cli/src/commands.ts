/** The command table that oclif discovers. Layer 5. */

import type { Command } from "@oclif/core";
import Add from "./commands/add.ts";
import Allow from "./commands/allow.ts";
import CacheKey from "./commands/cache/key.ts";
import CacheServe from "./commands/cache/serve.ts";
import Completion from "./commands/completion.ts";
import Copy from "./commands/copy.ts";
import DaemonLogs from "./commands/daemon/logs.ts";
import DaemonStart from "./commands/daemon/start.ts";
import DaemonStatus from "./commands/daemon/status.ts";
import DaemonStop from "./commands/daemon/stop.ts";
import Diff from "./commands/diff.ts";
import Doctor from "./commands/doctor.ts";
import Down from "./commands/down.ts";
import Eval from "./commands/eval.ts";
import EvalJobs from "./commands/eval-jobs.ts";
import Fmt from "./commands/fmt.ts";
import Gc from "./commands/gc.ts";
import ExplainCode from "./commands/explain/code.ts";
import ExplainHost from "./commands/explain/host.ts";
import ExplainPackage from "./commands/explain/package.ts";
import ExplainRebuild from "./commands/explain/rebuild.ts";
import ExplainVariable from "./commands/explain/variable.ts";
import History from "./commands/history.ts";
import Hook from "./commands/hook.ts";
import Info from "./commands/info.ts";
import Init from "./commands/init.ts";
import Lock from "./commands/lock.ts";
import Lsp from "./commands/lsp.ts";
import NixBuild from "./commands/nix-build.ts";
import NixCollectGarbage from "./commands/nix-collect-garbage.ts";
import NixHash from "./commands/nix-hash.ts";
import NixInstantiate from "./commands/nix-instantiate.ts";
import NixCopyClosure from "./commands/nix-copy-closure.ts";
import NixPrefetchUrl from "./commands/nix-prefetch-url.ts";
import NixStore from "./commands/nix-store.ts";
import PrintEnv from "./commands/print-env.ts";
import ProcessesList from "./commands/processes/list.ts";
import ProcessesLogs from "./commands/processes/logs.ts";
import ProcessesRestart from "./commands/processes/restart.ts";
import ProcessesWait from "./commands/processes/wait.ts";
import Reload from "./commands/reload.ts";
import Remove from "./commands/remove.ts";
import Revoke from "./commands/revoke.ts";
import Repl from "./commands/repl.ts";
import Rollback from "./commands/rollback.ts";
import Run from "./commands/run.ts";
import Search from "./commands/search.ts";
import Shell from "./commands/shell.ts";
import Shims from "./commands/shims.ts";
import StoreAdd from "./commands/store/add.ts";
import StoreCat from "./commands/store/cat.ts";
import StoreDelete from "./commands/store/delete.ts";
import StoreDumpDb from "./commands/store/dump-db.ts";
import StoreExport from "./commands/store/export.ts";
import StoreImport from "./commands/store/import.ts";
import StoreLoadDb from "./commands/store/load-db.ts";
import StoreOptimise from "./commands/store/optimise.ts";
import StoreRestore from "./commands/store/restore.ts";
import StoreDiffClosures from "./commands/store/diff-closures.ts";
import StoreDump from "./commands/store/dump.ts";
import StoreLs from "./commands/store/ls.ts";
import StorePathInfo from "./commands/store/path-info.ts";
import StoreQuery from "./commands/store/query.ts";
import StoreRoots from "./commands/store/roots.ts";
import StoreVerify from "./commands/store/verify.ts";
import StoreWhyDepends from "./commands/store/why-depends.ts";
import Up from "./commands/up.ts";
import Update from "./commands/update.ts";

/** By id; a colon separates a topic from its command. */
export const commands: Readonly<Record<string, Command.Class>> = {
	init: Init,
	shell: Shell,
	search: Search,
	add: Add,
	remove: Remove,
	info: Info,
	update: Update,
	lock: Lock,
	explain: ExplainCode,
	"explain:rebuild": ExplainRebuild,
	"explain:package": ExplainPackage,
	"explain:variable": ExplainVariable,
	"explain:host": ExplainHost,
	history: History,
	diff: Diff,
	rollback: Rollback,
	reload: Reload,
	allow: Allow,
	revoke: Revoke,
	doctor: Doctor,
	copy: Copy,
	"cache:key": CacheKey,
	"cache:serve": CacheServe,
	"print-env": PrintEnv,
	shims: Shims,
	run: Run,
	up: Up,
	down: Down,
	"processes:list": ProcessesList,
	"processes:logs": ProcessesLogs,
	"processes:restart": ProcessesRestart,
	"processes:wait": ProcessesWait,
	hook: Hook,
	gc: Gc,
	"store:query": StoreQuery,
	"store:path-info": StorePathInfo,
	"store:why-depends": StoreWhyDepends,
	"store:diff-closures": StoreDiffClosures,
	"store:ls": StoreLs,
	"store:cat": StoreCat,
	"store:add": StoreAdd,
	"store:delete": StoreDelete,
	"store:dump": StoreDump,
	"store:restore": StoreRestore,
	"store:export": StoreExport,
	"store:import": StoreImport,
	"store:dump-db": StoreDumpDb,
	"store:load-db": StoreLoadDb,
	"store:optimise": StoreOptimise,
	"store:roots": StoreRoots,
	"store:verify": StoreVerify,
	eval: Eval,
	"eval-jobs": EvalJobs,
	repl: Repl,
	fmt: Fmt,
	lsp: Lsp,
	"nix-instantiate": NixInstantiate,
	"nix-build": NixBuild,
	"nix-store": NixStore,
	"nix-hash": NixHash,
	"nix-collect-garbage": NixCollectGarbage,
	"nix-prefetch-url": NixPrefetchUrl,
	"nix-copy-closure": NixCopyClosure,
	"daemon:start": DaemonStart,
	"daemon:status": DaemonStatus,
	"daemon:stop": DaemonStop,
	"daemon:logs": DaemonLogs,
	completion: Completion,
};

/* Else oclif would take what is piped in for a missing argument, and read what is meant for others: `while read`, say. */
for (const { args = {} } of Object.values(commands)) {
	for (const argument of Object.values(args)) argument.ignoreStdin = true;
}
