/**
 * Flake references: URL-like texts and the attributes that they stand for. Layer 1, pure.
 *
 * Source: Nix manual, "nix flake", "Flake references". Failures are texts worded as Nix words them.
 */

export type InputAttribute = string | number | boolean;
export type InputAttributes = ReadonlyMap<string, InputAttribute>;

/** A reference that is none; the message is a byte string. */
export class FlakeReferenceError extends Error {
	override readonly name = "FlakeReferenceError";
}

const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
const REF = /^(?![.-])(?!.*(?:\.\.|\/\/|@\{|\.lock(?:\/|$)))[A-Za-z0-9_.@%+/-]+$/;
const FLAKE_ID = /^[a-zA-Z][a-zA-Z0-9_-]*$/;
const TARBALL = /\.(?:zip|tar|tgz|tar\.gz|tar\.xz|tar\.bz2|tar\.zst)$/;

/** Attributes of git inputs that are on or off. */
const gitSwitches = new Set(["shallow", "submodules", "lfs", "exportIgnore", "allRefs", "verifyCommit"]);
const gitTexts = new Set(["rev", "ref", "keytype", "publicKey", "publicKeys"]);

interface Url {
	readonly scheme: string;
	/** Undefined where there is no `//`. */
	readonly authority: string | undefined;
	readonly path: string;
	readonly query: ReadonlyMap<string, string>;
}

export interface ParseOptions {
	/** Addresses of files that do not look like tarballs are tarballs all the same: flakes are. */
	readonly requireTree: boolean;
	/** Says what a plain path means. */
	readonly onPath: (path: string, query: ReadonlyMap<string, string>) => InputAttributes;
}

/** The attributes of a reference, `dir` and `narHash` among them. Throws a FlakeReferenceError. */
export function parseFlakeReference(text: string, options: ParseOptions): InputAttributes {
	if (text.includes("#")) throw new FlakeReferenceError(`unexpected fragment in flake reference '${text}'`);
	const named = /^([a-zA-Z][a-zA-Z0-9_-]*)((?:\/[^/?]+){0,2})$/.exec(text);
	if (named !== null) return indirect(text, text.split("/"));
	const url = parseUrl(text);
	if (url === undefined) {
		const [path = "", query = ""] = text.split("?", 2);
		return options.onPath(decode(path, text), parseQuery(query, text));
	}
	const query = new Map(url.query);
	const dir = query.get("dir");
	query.delete("dir");
	const input = fromUrl(text, { ...url, query }, options.requireTree);
	return dir === undefined ? input : new Map([...input, ["dir", dir]]);
}

function fromUrl(text: string, url: Url, requireTree: boolean): InputAttributes {
	const { scheme } = url;
	switch (scheme) {
		case "flake":
			return indirect(text, segments(url));
		case "path":
			return fromPath(text, url);
		case "github":
		case "gitlab":
		case "sourcehut":
			return fromForge(text, url);
		case "git":
			return fromGit(url);
	}
	const [application, transport] = scheme.includes("+") ? scheme.split("+", 2) : ["", scheme];
	if (transport === undefined) throw unsupported(text);
	if (application === "git") return fromGit({ ...url, scheme: transport });
	if (!["http", "https", "file"].includes(transport)) throw unsupported(text);
	const isTree = application === "tarball" || (application === "" && (requireTree || TARBALL.test(url.path)));
	if (isTree) return fromFile("tarball", { ...url, scheme: transport });
	if (application === "file" || application === "") return fromFile("file", { ...url, scheme: transport });
	throw unsupported(text);
}

function unsupported(text: string): FlakeReferenceError {
	return new FlakeReferenceError(`input '${text}' is unsupported`);
}

function indirect(text: string, [id = "", second, third, ...more]: readonly string[]): InputAttributes {
	if (more.length > 0) throw new FlakeReferenceError(`GitHub URL '${text}' is invalid`);
	if (!FLAKE_ID.test(id)) throw new FlakeReferenceError(`'${id}' is not a valid flake ID`);
	const attributes = new Map<string, InputAttribute>([
		["type", "indirect"],
		["id", id],
	]);
	if (second !== undefined && third === undefined) setCommitOrRef(attributes, second, text);
	if (second !== undefined && third !== undefined) {
		if (!REF.test(second))
			throw new FlakeReferenceError(`in flake URL '${text}', '${second}' is not a branch/tag name`);
		if (!COMMIT.test(third)) throw new FlakeReferenceError(`in flake URL '${text}', '${third}' is not a commit hash`);
		attributes.set("ref", second).set("rev", third);
	}
	return attributes;
}

function setCommitOrRef(attributes: Map<string, InputAttribute>, word: string, text: string): void {
	if (COMMIT.test(word)) attributes.set("rev", word);
	else if (REF.test(word)) attributes.set("ref", word);
	else throw new FlakeReferenceError(`in URL '${text}', '${word}' is not a commit hash or branch/tag name`);
}

function fromPath(text: string, { authority, path, query }: Url): InputAttributes {
	if (authority !== undefined && authority !== "") {
		throw new FlakeReferenceError(`path URL '${text}' should not have an authority ('${authority}')`);
	}
	return pathInput(path, query, text);
}

/** A `path` input; `text` is the whole reference, for messages. */
export function pathInput(path: string, query: ReadonlyMap<string, string>, text: string): Map<string, InputAttribute> {
	const attributes = new Map<string, InputAttribute>([
		["type", "path"],
		["path", path],
	]);
	for (const [name, value] of query) {
		if (name === "rev" || name === "narHash") attributes.set(name, value);
		else if (name === "revCount" || name === "lastModified") attributes.set(name, wholeNumber(name, value, text));
		else throw new FlakeReferenceError(`path URL '${text}' has unsupported parameter '${name}'`);
	}
	return attributes;
}

function wholeNumber(name: string, value: string, text: string): number {
	if (!/^\d{1,15}$/.test(value)) {
		throw new FlakeReferenceError(`path URL '${text}' has invalid parameter '${name}'`);
	}
	return Number(value);
}

function fromForge(text: string, url: Url): InputAttributes {
	const [owner = "", repo = "", ...rest] = segments(url);
	if (owner === "" || repo === "") throw new FlakeReferenceError(`URL '${text}' is invalid`);
	const attributes = new Map<string, InputAttribute>([
		["type", url.scheme],
		["owner", owner],
		["repo", repo],
	]);
	if (rest.length > 0) setCommitOrRef(attributes, rest.join("/"), text);
	for (const [name, value] of url.query) {
		if (name === "rev" || name === "ref") {
			if (attributes.has("rev") || attributes.has("ref")) {
				throw new FlakeReferenceError(
					attributes.has("rev") && name === "rev"
						? `URL '${text}' contains multiple commit hashes`
						: `URL '${text}' contains both a commit hash and a branch/tag name ${value}`,
				);
			}
			if (name === "ref" && !REF.test(value)) {
				throw new FlakeReferenceError(`URL '${text}' contains an invalid branch/tag name`);
			}
			attributes.set(name, value);
		} else if (name === "host" || name === "narHash" || name === "treeHash") {
			attributes.set(name, value);
		}
	}
	return attributes;
}

function fromGit(url: Url): InputAttributes {
	const attributes = new Map<string, InputAttribute>([["type", "git"]]);
	const rest = new Map<string, string>();
	for (const [name, value] of url.query) {
		if (gitTexts.has(name)) attributes.set(name, value);
		else if (gitSwitches.has(name)) attributes.set(name, value === "1");
		else rest.set(name, value);
	}
	return attributes.set("url", printUrl({ ...url, query: rest }));
}

function fromFile(type: "tarball" | "file", url: Url): InputAttributes {
	const attributes = new Map<string, InputAttribute>([["type", type]]);
	const rest = new Map<string, string>();
	for (const [name, value] of url.query) {
		if (name === "rev" || name === "narHash") attributes.set(name, value);
		else if ((name === "revCount" || name === "lastModified") && /^\d{1,15}$/.test(value)) {
			attributes.set(name, Number(value));
		} else rest.set(name, value);
	}
	return attributes.set("url", printUrl({ ...url, query: rest }));
}

/** The text of an input. Throws a FlakeReferenceError. */
export function printFlakeReference(input: InputAttributes): string {
	const text = (name: string): string | undefined => {
		const value = input.get(name);
		return value === undefined ? undefined : String(value);
	};
	const need = (name: string): string => {
		const value = text(name);
		if (value === undefined) throw new FlakeReferenceError(`input attribute '${name}' is missing`);
		return value;
	};
	const only = (...names: readonly string[]): Map<string, string> =>
		new Map(
			[...names].sort().flatMap((name) => {
				const value = text(name);
				return value === undefined ? [] : [[name, value] as const];
			}),
		);
	const type = need("type");
	switch (type) {
		case "indirect": {
			const words = [need("id"), text("ref"), text("rev")].filter((word) => word !== undefined);
			return `flake:${words.join("/")}${printQuery(only("dir"))}`;
		}
		case "path": {
			const query = only("dir", "lastModified", "narHash", "rev", "revCount");
			return `path:${encode(need("path"))}${printQuery(query)}`;
		}
		case "github":
		case "gitlab":
		case "sourcehut": {
			const [ref, rev] = [text("ref"), text("rev")];
			if (ref !== undefined && rev !== undefined) {
				throw new FlakeReferenceError(`input has both a commit hash and a branch/tag name`);
			}
			const word = ref ?? rev;
			const path = [need("owner"), need("repo"), ...(word === undefined ? [] : [word])].map(encode).join("/");
			return `${type}:${path}${printQuery(only("dir", "host", "narHash"))}`;
		}
		case "git": {
			const url = need("url");
			const query = only("dir", "ref", "rev");
			for (const name of gitSwitches) if (input.get(name) === true) query.set(name, "1");
			const sorted = new Map([...query].sort(([a], [b]) => (a < b ? -1 : 1)));
			return withQuery(url.startsWith("git:") ? url : `git+${url}`, sorted);
		}
		case "tarball":
		case "file": {
			const url = need("url");
			const isPlain = TARBALL.test(url.replace(/[?#].*$/, "")) === (type === "tarball");
			return withQuery(isPlain ? url : `${type}+${url}`, only("dir", "lastModified", "narHash", "rev", "revCount"));
		}
		default:
			throw new FlakeReferenceError(`input type '${type}' is not supported`);
	}
}

function withQuery(url: string, query: ReadonlyMap<string, string>): string {
	if (query.size === 0) return url;
	return url.includes("?") ? `${url}&${printQuery(query).slice(1)}` : url + printQuery(query);
}

function printQuery(query: ReadonlyMap<string, string>): string {
	if (query.size === 0) return "";
	return `?${[...query].map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&")}`;
}

function printUrl({ scheme, authority, path, query }: Url): string {
	return `${scheme}:${authority === undefined ? "" : `//${authority}`}${encode(path)}${printQuery(query)}`;
}

function segments({ path }: Url): string[] {
	return path
		.replace(/^\/+/, "")
		.split("/")
		.filter((part) => part !== "");
}

/** Undefined for what has no scheme, which is a path. */
function parseUrl(text: string): Url | undefined {
	const found = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?$/.exec(text);
	if (found === null) return undefined;
	const [, scheme = "", authority, path = "", query = ""] = found;
	return { scheme, authority, path: decode(path, text), query: parseQuery(query, text) };
}

function parseQuery(query: string, text: string): Map<string, string> {
	const pairs = new Map<string, string>();
	for (const pair of query.split("&")) {
		const at = pair.indexOf("=");
		if (at > 0) pairs.set(pair.slice(0, at), decode(pair.slice(at + 1), text));
	}
	return pairs;
}

function decode(part: string, whole: string): string {
	return part.replace(/%(.{0,2})/gs, (_, digits: string) => {
		if (!/^[0-9A-Fa-f]{2}$/.test(digits))
			throw new FlakeReferenceError(`invalid URI parameter '%${digits}' in '${whole}'`);
		return String.fromCharCode(Number.parseInt(digits, 16));
	});
}

/** Byte strings in, ASCII out. */
function encode(part: string): string {
	return part.replace(
		/[^A-Za-z0-9._~/:@?-]/g,
		(byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
	);
}
