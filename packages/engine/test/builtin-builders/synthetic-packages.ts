/** Unpacked packages made by hand, one of them a small userland from the host's programs, and a way to compose them. */

import { removeFolder } from "@devenv/test-support";
import { execFileSync } from "node:child_process";
import {
	chmodSync,
	copyFileSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	realpathSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { detectSandbox, type Sandbox } from "@devenv/builder";
import type { BuiltinContext } from "../../src/builtin-builders/builtin-builder.ts";
import { composeRoot } from "../../src/builtin-builders/compose-root.ts";
import type { FirstStage } from "../../src/builtin-builders/root/first-stage.ts";
import type { ReadyStage } from "../../src/builtin-builders/root/ready-stage.ts";
import type { ComposeRootAttributes } from "../../src/builtin-builders/compose-root-attributes.ts";

/** Contents by path; `-> target` is a symbolic link, a key that ends in `/` an empty folder. */
export type Files = Readonly<Record<string, string>>;

export interface SyntheticPackage {
	readonly name: string;
	readonly version?: string;
	readonly fields?: readonly string[];
	readonly files?: Files;
	/** Shell text of the postinst, without its first line. */
	readonly postinst?: string;
	/** Further control files. */
	readonly control?: Files;
}

const repository: string = join(import.meta.dirname, "../../../..");

/** Programs that the tests' scripts and our stubs call. */
const programs: readonly string[] = [
	"cat",
	"chmod",
	"chown",
	"cp",
	"cut",
	"dirname",
	"grep",
	"id",
	"ln",
	"ls",
	"mkdir",
	"mknod",
	"mv",
	"rm",
	"sed",
	"sleep",
	"touch",
	"tr",
	"true",
];

export class Workshop {
	readonly folder: string;
	readonly sandboxes: readonly Sandbox[];
	readonly log: string[] = [];

	private constructor(folder: string, sandboxes: readonly Sandbox[]) {
		this.folder = folder;
		this.sandboxes = sandboxes;
	}

	/** With our helper (where there is a compiler) first, then bwrap (where there is one). */
	static async open(): Promise<Workshop> {
		const folder = mkdtempSync(join(tmpdir(), "devenv-compose-test-"));
		const helper = join(folder, "devenv-helper");
		const found: Sandbox[] = [];
		try {
			execFileSync("sh", [join(repository, "native/build.sh"), helper], { stdio: ["ignore", "ignore", "pipe"] });
			found.push(await detectSandbox({ helper, searchPath: [] }));
		} catch (error) {
			if ((error as { status?: number }).status !== 3) throw error;
		}
		found.push(await detectSandbox({ helper: join(folder, "none") }));
		const workshop = new Workshop(
			folder,
			found.filter(({ kind }) => kind !== "none"),
		);
		workshop.#addUserland();
		return workshop;
	}

	remove(): void {
		removeFolder(this.folder);
	}

	/** Adds a package and gives the host folder that it is in. */
	add(made: SyntheticPackage): string {
		const root = mkdtempSync(join(this.folder, `${made.name}-`));
		for (const [path, contents] of Object.entries(made.files ?? {})) writeEntry(join(root, path), contents);
		const control = join(root, "var/lib/devenv/control", made.name);
		mkdirSync(control, { recursive: true });
		const architecture =
			made.fields?.some((field) => field.startsWith("Architecture:")) === true ? [] : ["Architecture: all"];
		const lines = [
			`Package: ${made.name}`,
			`Version: ${made.version ?? "1.0"}`,
			...architecture,
			...(made.fields ?? []),
			"",
		];
		writeFileSync(join(control, "control"), lines.join("\n"));
		for (const [name, contents] of Object.entries(made.control ?? {})) writeFileSync(join(control, name), contents);
		if (made.postinst !== undefined)
			writeFileSync(join(control, "postinst"), `#!/bin/sh\nset -e\n${made.postinst}\n`, { mode: 0o755 });
		return root;
	}

	#addUserland(): void {
		const root = this.add({
			name: "userland",
			fields: ["Essential: yes"],
			files: { "etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "root:x:0:\n" },
		});
		const wanted = ["sh", ...programs];
		const libraries = new Set<string>();
		mkdirSync(join(root, "usr/bin"), { recursive: true });
		for (const name of wanted) {
			const found = ["/usr/bin", "/bin"].map((folder) => join(folder, name)).find((path) => existsSync(path));
			if (found === undefined) throw new Error(`the tests need the program ${name}`);
			const program = realpathSync(found);
			copyFileSync(program, join(root, "usr/bin", name));
			chmodSync(join(root, "usr/bin", name), 0o755);
			for (const match of execFileSync("ldd", [program], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g))
				libraries.add(match[1] ?? "");
		}
		for (const library of libraries) {
			/* Where the loader looks for it, with `/lib*` below `/usr`. */
			const path = join(root, library.startsWith("/usr/") ? library : `/usr${library}`);
			mkdirSync(dirname(path), { recursive: true });
			copyFileSync(realpathSync(library), path);
			chmodSync(path, 0o755);
		}
		this.userland = root;
	}

	userland = "";

	/** Composes the userland and packages (host folders, in order of configuration); gives the root's host folder. */
	compose(
		folders: readonly string[],
		change: Partial<ComposeRootAttributes> = {},
		sandbox: Sandbox | undefined = this.sandboxes[0],
	): Promise<string> {
		return this.composeWith({ folders, change, sandbox });
	}

	/** As {@link compose}, with outcomes kept in `cache`. */
	async composeWith(options: {
		readonly folders: readonly string[];
		readonly change?: Partial<ComposeRootAttributes>;
		readonly sandbox?: Sandbox | undefined;
		readonly cache?: string;
		readonly readyStage?: ReadyStage<FirstStage>;
		readonly onLog?: (line: string) => void;
	}): Promise<string> {
		const { folders, change = {}, sandbox = this.sandboxes[0], cache, readyStage, onLog } = options;
		if (sandbox === undefined) throw new Error("no sandbox works on this machine");
		const work = mkdtempSync(join(this.folder, "work-"));
		mkdirSync(join(work, "scratch"));
		const member = (path: string) => ({ name: basename(path).replace(/-[^-]*$/, ""), version: "1.0", path });
		const json = { architecture: "amd64", packages: [this.userland, ...folders].map(member), ...change };
		const context: BuiltinContext = {
			physical: (path) => path,
			output: join(work, "root"),
			scratch: join(work, "scratch"),
			...(cache === undefined ? {} : { cache }),
			...(readyStage === undefined ? {} : { readyStage }),
			log: onLog ?? ((line) => this.log.push(line)),
			progress: () => undefined,
			signal: new AbortController().signal,
			fetcher: {
				fetch: () => Promise.reject(new Error("no fetching here")),
				resolve: (url) => [url],
				close: () => undefined,
			},
			sandbox,
		};
		const env = new Map([["__json", Buffer.from(JSON.stringify(json)).toString("latin1")]]);
		await composeRoot({ name: "root", system: "x86_64-linux", env, outPath: "/nix/store/x-root" }, context);
		return join(work, "root");
	}
}

function writeEntry(path: string, contents: string): void {
	if (path.endsWith("/")) {
		mkdirSync(path, { recursive: true });
		return;
	}
	mkdirSync(dirname(path), { recursive: true });
	if (contents.startsWith("-> ")) symlinkSync(contents.slice(3), path);
	else writeFileSync(path, contents);
}

/** Every path of a tree with what a store object keeps of it: contents, executable bit, link target. */
export function treeDigest(root: string): string {
	const hash = createHash("sha256");
	const visit = (path: string): void => {
		const full = join(root, path);
		for (const entry of readdirSync(full, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
			const name = `${path}/${entry.name}`;
			if (entry.isDirectory()) {
				hash.update(`${name}/\n`);
				visit(name);
			} else if (entry.isSymbolicLink()) hash.update(`${name} -> ${readlinkSync(join(root, name))}\n`);
			else hash.update(`${name} ${statSync(join(root, name)).mode & 0o111}\n`).update(readFileSync(join(root, name)));
		}
	};
	visit("");
	return hash.digest("hex");
}
