import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { diagnose, DiagnosticError } from "@devenv/diagnostics";
import { BuildCancelled } from "@devenv/engine";
import type { LiveShellProcess } from "@devenv/shell";
import { temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { type Prepared, ProjectFollower } from "../../src/live/project-follower.ts";

interface Following {
	/** Environment objects, by the names of their packages. */
	readonly make: (name: string) => { readonly environment: string; readonly root: string };
	/** Has the shell brought to an environment; settle it with the functions. */
	readonly save: (name: string) => Promise<Saved>;
	readonly roots: string[];
	/** What the shell reads before its next prompt. */
	readonly text: () => string;
}

/** Both resolve when the shell has what comes of it. */
interface Saved {
	readonly keep: () => Promise<void>;
	readonly refuse: (error: unknown) => Promise<void>;
}

/** A follower of one shell, which this process stands for; `registered`: of the environment that it begins with. */
async function follow(t: ExecutionContext, registered: Promise<void> = Promise.resolve()): Promise<Following> {
	const folder = temporaryFolder(t);
	const roots: string[] = [];
	const make: Following["make"] = (name) => {
		const [environment, root] = [join(folder, name, "environment"), join(folder, name, "root")];
		mkdirSync(environment, { recursive: true });
		mkdirSync(join(root, "var/lib/dpkg"), { recursive: true });
		writeFileSync(join(root, "var/lib/dpkg/status"), "Package: libc6\nVersion: 2.41-1\n\n");
		const packages = [{ attr: name, name, version: "1" }];
		const described = { version: 1, name: "x", root: null, storePaths: [], path: [], variables: {}, enterShell: "" };
		writeFileSync(join(environment, "environment.json"), JSON.stringify({ ...described, packages }));
		return { environment, root };
	};
	const prepared = (name: string, registered: Promise<void>): Prepared => {
		const { environment, root } = make(name);
		const registration = { root, etc: null, promptName: null, aliases: {} };
		const changes = [{ kind: "set", name: "PACKAGE", value: name }];
		const outcome = { lasting: true, registration, changes };
		return { outcome, environment, watched: [], reload: "auto", registered } as unknown as Prepared;
	};
	let next = prepared("first", registered);
	const { promise: looked, resolve: look } = Promise.withResolvers<undefined>();
	const follower = new ProjectFollower({
		project: folder,
		folder,
		log: { write: () => undefined, close: () => undefined },
		prepare: () => {
			look(undefined);
			return Promise.resolve(next);
		},
		hold: () => null,
		swap: (_, { root }) => {
			roots.push(root);
			return Promise.resolve();
		},
	});
	t.teardown(() => follower.close());
	const save: Following["save"] = async (name) => {
		const { promise: registered, resolve, reject } = Promise.withResolvers<undefined>();
		next = prepared(name, registered);
		await follower.reload();
		return {
			keep: () => {
				resolve(undefined);
				return sleep(0);
			},
			refuse: (error) => {
				rmSync(join(folder, name), { recursive: true });
				reject(error);
				return sleep(0);
			},
		};
	};
	follower.setShells([
		{
			...{ pid: process.pid, project: folder, shell: "bash", variables: {}, uid: 0, gid: 0, groups: [], asUser: false },
			...{ clean: false, profile: null, etc: null, swappable: true, promptName: null, aliases: {}, outside: false },
			...make("first"),
		} satisfies LiveShellProcess,
	]);
	await looked;
	const text = (): string => {
		const generation = readFileSync(join(folder, `${process.pid}.generation`), "utf8").trim();
		return readFileSync(join(folder, `${process.pid}.${generation}.change`), "utf8");
	};
	return { make, save, roots, text };
}

const refused = new DiagnosticError(diagnose("STORE_DISK_FULL", "cannot register: the disk is full"));

test("an environment that is refused after shells were given it gives way to the last one that stayed", async (t) => {
	const { save, roots, text, make } = await follow(t);
	const good = await save("good");
	await good.keep();
	const bad = await save("bad");
	t.regex(text(), /PACKAGE 'bad'/);
	await bad.refuse(refused);
	t.deepEqual(roots, [make("good").root, make("bad").root, make("good").root]);
	t.regex(text(), /PACKAGE 'good'/);
	t.regex(text(), /STORE_DISK_FULL.*cannot register: the disk is full/s);
	t.regex(text(), /devenv: \+ good 1, - bad/);
});

test("where a newer environment was given meanwhile, it stays", async (t) => {
	const { save, roots, text, make } = await follow(t);
	const bad = await save("bad");
	const newer = await save("newer");
	await bad.refuse(refused);
	await newer.keep();
	t.deepEqual(roots, [make("bad").root, make("newer").root]);
	t.regex(text(), /PACKAGE 'newer'/);
});

test("without one that stayed, the shell is told what it has", async (t) => {
	const { save, text } = await follow(t, Promise.withResolvers<never>().promise);
	const bad = await save("bad");
	await bad.refuse(refused);
	t.regex(text(), /the disk is full.*this shell.*s environment is not in the store any more/s);
});

test("a daemon that ends takes nothing back: the next one registers what is placed", async (t) => {
	const { save, text } = await follow(t);
	const ending = await save("placed");
	await ending.refuse(new BuildCancelled());
	t.regex(text(), /PACKAGE 'placed'/);
});
