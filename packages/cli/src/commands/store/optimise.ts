/** `devenv store optimise`. Layer 5. */

import type { OptimiseReport } from "@devenv/store";
import { formatBytes } from "../../progress/render-progress.ts";
import { StoreCommand } from "../../store/store-command.ts";

export default class StoreOptimise extends StoreCommand {
	static override summary = "Free disk space: make equal files of store objects hard links of one another";
	static override description = "As `nix-store --optimise` does it. Builds and open shells are not disturbed.";
	static override enableJsonFlag = true;

	override async run(): Promise<OptimiseReport> {
		await this.parse(StoreOptimise);
		const report = await this.withStore((store) => store.optimise(), true);
		this.print(`Freed ${formatBytes(report.bytesFreed)} by linking ${report.filesLinked} files.`);
		return report;
	}
}
