/** What evaluators ask for while they work, done by the main thread. Layer 3. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import type { AnswerValue, Question } from "../evaluation/messages.ts";
import type { Fetcher } from "../fetch/fetcher.ts";
import { unpackTarball } from "../inputs/unpack-tarball.ts";
import { refuseDownload } from "../offline.ts";
import { fetchGitTree, resolveRef } from "./git-tree.ts";

/** Most bytes of an archive that is fetched. */
const MOST_ARCHIVE: number = 2 ** 30;

export interface AnsweringWorld {
	readonly fetcher: Fetcher;
	/** Folder for git repositories; made when missing. */
	readonly repositories: string;
	readonly realise: (drvPath: string, outputs: readonly string[]) => Promise<void>;
	readonly offline: boolean;
	readonly signal?: AbortSignal | undefined;
}

/** Rejects with `BUILD_…`, `FETCH_…` and `INPUT_…`. */
export async function answerQuestion(question: Question, world: AnsweringWorld): Promise<AnswerValue> {
	const { fetcher, signal } = world;
	if (question.kind === "realise") {
		await world.realise(question.drvPath, question.outputs);
		return null;
	}
	if (question.kind === "resolve-ref") {
		const { remote, ref } = question;
		if (world.offline) refuseDownload(`the ref '${ref}' of ${remote}`);
		return { rev: await resolveRef(remote, ref, signal) };
	}
	if (question.kind === "git") {
		const { request, destination, scratch } = question;
		if (world.offline && !/^(?:\/|file:)/.test(request.url)) refuseDownload(`the repository ${request.url}`);
		return fetchGitTree(request, { cache: world.repositories, destination, scratch, signal });
	}
	const { kind, url, destination } = question;
	if (world.offline && !url.startsWith("file:")) refuseDownload(`'${url}'`);
	const abort = signal === undefined ? {} : { signal };
	if (kind === "fetch") {
		await fetcher.fetch({ url, destination, ...abort });
		return null;
	}
	const archive = join(destination, "..", "archive");
	await fetcher.fetch({ url, destination: archive, maximum: MOST_ARCHIVE, ...abort });
	try {
		return { lastModified: await unpackTarball(archive, url, destination) };
	} finally {
		rmSync(archive, { force: true });
	}
}
