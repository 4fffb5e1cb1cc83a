/** What the inputs of a project are as package sets: its archive with overlays and overrides, and folders of files. Layer 3. */

import { join } from "node:path";
import { DEFAULT_INPUT, DEFAULT_INPUT_URL, type EnvSpec, type LockFile } from "@devenv/env-file";
import { fail } from "@devenv/diagnostics";
import type { StorePath } from "@devenv/nix-formats";
import type { EnvironmentRequest, WorkOptions } from "../engine-interface.ts";
import type { Inputs } from "../inputs/inputs.ts";
import type { LocatedPackageSet } from "./located-package-set.ts";
import type { TreeSetRequest } from "./messages.ts";
import { requireOneArchive } from "./require-one-archive.ts";

export class PackageSets {
	readonly #inputs: Inputs;
	readonly #system: string;

	constructor(inputs: Inputs, system: string) {
		this.#inputs = inputs;
		this.#system = system;
	}

	/** Brings the input of the spec's packages into the store. */
	async packageSet(request: EnvironmentRequest, options: WorkOptions): Promise<LocatedPackageSet> {
		const { spec, lock } = request;
		const name = this.archive(spec, lock);
		const index = await this.#inputs.ensure(lock, name, options);
		const input = spec.inputs.find((each) => each.name === name);
		const sources = new Set<StorePath>();
		const overlays: string[] = [];
		for (const overlay of [...(input?.overlays ?? []), ...spec.overlays]) {
			const located = await this.#inputs.overlayFile(overlay, request, options);
			if (located.source !== undefined) sources.add(located.source);
			overlays.push(located.file);
		}
		const overrides = spec.overrides.map(({ attr, changes }) => ({
			attr,
			changes: changes.map(([field, value]): (typeof changes)[number] => {
				return field === "src" && typeof value === "string" ? [field, join(request.project, value)] : [field, value];
			}),
		}));
		const trees = await this.trees(request, options);
		for (const source of trees.sources) sources.add(source);
		return { index, overlays, overrides, trees: trees.sets, system: this.#system, sources: [...sources] };
	}

	/** The archive that the packages of a spec, and with them the root, come from. */
	archive({ inputs, packages }: EnvSpec, lock: LockFile, name?: string): string {
		const isArchive = (input: string): boolean => !this.#inputs.isTree(lock, input);
		const own = packages.filter(({ input }) => isArchive(input));
		const archives = inputs.map((input) => input.name).filter(isArchive);
		const usual = archives.includes(DEFAULT_INPUT) ? DEFAULT_INPUT : archives[0];
		const chosen = name ?? own[0]?.input ?? usual;
		if (chosen === undefined) {
			fail("ENV_NO_ARCHIVE", "none of the inputs is a Debian archive, which the environment's root is made of", {
				hint: `for example inputs: { ${DEFAULT_INPUT}: { url: ${DEFAULT_INPUT_URL} } }`,
			});
		}
		return requireOneArchive(own, chosen);
	}

	/** The folders of files that packages are asked of. */
	async trees(
		request: EnvironmentRequest,
		options: WorkOptions,
	): Promise<{ readonly sets: readonly TreeSetRequest[]; readonly sources: readonly StorePath[] }> {
		const { spec, lock } = request;
		const sets: TreeSetRequest[] = [];
		const sources: StorePath[] = [];
		for (const { input: name, location } of spec.packages) {
			if (!this.#inputs.isTree(lock, name) || sets.some((each) => each.name === name)) continue;
			const source = await this.#inputs.ensurePackages({ name, ...(location && { location }) }, request, options);
			sources.push(source);
			const overlays: string[] = [];
			for (const overlay of spec.inputs.find((each) => each.name === name)?.overlays ?? []) {
				const located = await this.#inputs.overlayFile(overlay, request, options);
				if (located.source !== undefined) sources.push(located.source);
				overlays.push(located.file);
			}
			sets.push({ name, source, overlays });
		}
		return { sets, sources };
	}
}
