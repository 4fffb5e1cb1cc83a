/** Where inputs of the several types lie. Layer 3, pure. Source: Nix manual, "Flake references", "Types". */

export interface Forge {
	/** What git can be asked about refs. */
	readonly remote: string;
	/** The address of a commit's tarball. */
	readonly archive: (rev: string) => string;
}

interface ForgeNames {
	readonly owner: string;
	readonly repo: string;
	readonly host: string | undefined;
}

const forges: Readonly<Record<string, (names: ForgeNames) => Forge>> = {
	github: ({ owner, repo, host = "github.com" }) => ({
		remote: `https://${host}/${owner}/${repo}`,
		archive: (rev) =>
			host === "github.com"
				? `https://github.com/${owner}/${repo}/archive/${rev}.tar.gz`
				: `https://${host}/api/v3/repos/${owner}/${repo}/tarball/${rev}`,
	}),
	gitlab: ({ owner, repo, host = "gitlab.com" }) => ({
		remote: `https://${host}/${decodeURIComponent(owner)}/${repo}`,
		archive: (rev) =>
			`https://${host}/api/v4/projects/${encodeURIComponent(decodeURIComponent(owner))}%2F${repo}/repository/archive.tar.gz?sha=${rev}`,
	}),
	sourcehut: ({ owner, repo, host = "git.sr.ht" }) => ({
		remote: `https://${host}/${owner}/${repo}`,
		archive: (rev) => `https://${host}/${owner}/${repo}/archive/${rev}.tar.gz`,
	}),
};

export function isForge(type: string): boolean {
	return forges[type] !== undefined;
}

export function forgeOf(type: string, names: ForgeNames): Forge {
	const make = forges[type];
	if (make === undefined) throw new Error(`'${type}' is no forge`);
	return make(names);
}

/** Of all types. */
const common = ["type", "narHash", "lastModified"];
const forgeAttributes = ["owner", "repo", "ref", "rev", "host", "treeHash"];

const attributes: Readonly<Record<string, readonly string[]>> = {
	git: [
		...["url", "ref", "rev", "revCount", "name", "allRefs", "shallow", "submodules", "exportIgnore", "dirtyRev"],
		...["dirtyShortRev", "lfs"],
	],
	path: ["path", "rev", "revCount"],
	tarball: ["url", "rev", "revCount"],
	file: ["url", "rev", "revCount"],
	indirect: ["id", "ref", "rev"],
	github: forgeAttributes,
	gitlab: forgeAttributes,
	sourcehut: forgeAttributes,
};

/** The attributes that an input of a type may have; undefined for a type that is not supported. */
export function inputAttributes(type: string): ReadonlySet<string> | undefined {
	const own = attributes[type];
	return own === undefined ? undefined : new Set([...common, ...own]);
}

/** What git is told, from what `fetchGit` takes: URLs, absolute paths, `user@host:path`. */
export function fixGitUrl(url: string): string {
	if (url.startsWith("git+")) return url.slice("git+".length);
	const [, user, path] = /^([^/:]+@[^/:]+):(.*)$/.exec(url) ?? [];
	return user === undefined || path === undefined ? url : `ssh://${user}/${path}`;
}
