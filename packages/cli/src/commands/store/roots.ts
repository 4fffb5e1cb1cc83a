/** `devenv store roots`. Layer 5. */

import type { GcRoot } from "@devenv/store";
import { StoreCommand } from "../../store/store-command.ts";
import { formatTable } from "../../text-table.ts";

export default class StoreRoots extends StoreCommand {
	static override summary = "List what keeps store objects from being collected";
	static override description = "Links, what commands under way use ({temp:PID}), and what running programs have open.";
	static override enableJsonFlag = true;

	override async run(): Promise<readonly GcRoot[]> {
		await this.parse(StoreRoots);
		const roots = await this.withStore((store) => store.roots());
		if (roots.length > 0) this.print(formatTable(roots.map(({ link, path }) => [link, path])));
		return roots;
	}
}
