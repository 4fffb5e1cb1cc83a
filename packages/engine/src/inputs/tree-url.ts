/** URLs of inputs that are folders of files. Layer 3, pure. */

import { fail } from "@devenv/diagnostics";

export type TreeUrl =
	/** As written: absolute, or relative to the folder of env.yaml. */
	| { readonly kind: "path"; readonly path: string }
	/** An archive, in whose one top folder the files are. */
	| { readonly kind: "archive"; readonly url: string }
	| {
			readonly kind: "git";
			/** What git is told to fetch from. */
			readonly remote: string;
			/** A branch or tag; absent: the remote's HEAD. */
			readonly ref?: string;
			/** A commit, in base 16. */
			readonly rev?: string;
	  };

/** Whether a URL is that of a folder of files, and not of a package set. */
export function isTreeUrl(url: string): boolean {
	return /^(?:path:|git\+|github:|https?:)/.test(url);
}

/** Fails with `INPUT_URL`. */
export function parseTreeUrl(url: string): TreeUrl {
	const path = /^path:([^\s?#]+)$/.exec(url)?.[1];
	if (path !== undefined) return { kind: "path", path };
	if (/^https?:\/\/[^\s#]+\.(?:tar(?:\.(?:gz|xz|zst|bz2))?|tgz)$/.test(url)) return { kind: "archive", url };
	const [, owner, repository, branch] =
		/^github:([A-Za-z0-9-]+)\/([\w.-]+)(?:\/([A-Za-z0-9][\w./-]*))?$/.exec(url) ?? [];
	if (owner !== undefined && repository !== undefined) {
		return { kind: "git", remote: `https://github.com/${owner}/${repository}`, ...commitOrRef(branch) };
	}
	const [, remote, key, value] =
		/^git\+((?:https|file):\/\/[^\s?#]+)(?:\?(ref|rev)=([A-Za-z0-9][\w./-]*))?$/.exec(url) ?? [];
	if (remote === undefined) {
		return fail("INPUT_URL", `'${url}' names no folder of files`, {
			hint: "for example path:../tools, https://example.org/tools.tar.gz, git+https://example.org/tools?ref=main, github:owner/repository",
		});
	}
	if (key === "rev" && !isCommit(value)) {
		return fail("INPUT_URL", `'${String(value)}' in '${url}' is not a commit`, {
			hint: "write all 40 digits, or ?ref= and a branch or tag",
		});
	}
	return { kind: "git", remote, ...commitOrRef(value) };
}

function commitOrRef(text: string | undefined): { readonly ref?: string; readonly rev?: string } {
	if (text === undefined) return {};
	return isCommit(text) ? { rev: text } : { ref: text };
}

/** Whether a text is a whole commit id. */
export function isCommit(text: string | undefined): boolean {
	return /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(text ?? "");
}
