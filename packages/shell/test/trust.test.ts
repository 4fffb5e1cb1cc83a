import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { temporaryFolder } from "@devenv/test-support";
import test from "ava";
import { contentDigest, type TrackedPath, Trust } from "../src/index.ts";

const digest = (letter: string): string => letter.repeat(64);

test("a content is allowed in every folder, a folder for whatever it says, a denial before both", (t) => {
	const state = temporaryFolder(t);
	const trust = new Trust(state);
	t.regex(trust.hold("/a", digest("1")) ?? "", /`devenv allow`/);
	trust.allow("/a", digest("1"));
	t.is(trust.hold("/a", digest("1")), null);
	t.is(trust.hold("/worktree", digest("1")), null);
	t.not(trust.hold("/a", digest("2")), null);

	trust.decide("/a", "always");
	t.is(trust.hold("/a", digest("2")), null);
	t.not(trust.hold("/b", digest("2")), null);

	trust.revoke("/a");
	t.regex(trust.hold("/a", digest("1")) ?? "", /`devenv revoke`/);
	t.is(trust.hold("/worktree", digest("1")), null);
	// Allowing again ends the denial, and allows that content only.
	trust.allow("/a", digest("3"));
	t.is(new Trust(state).hold("/a", digest("3")), null);
	t.not(trust.hold("/a", digest("4")), null);
});

test("a decision that is damaged, or speaks of another folder, is none", (t) => {
	const state = temporaryFolder(t);
	const trust = new Trust(state);
	trust.decide("/a", "always");
	const [name = ""] = readdirSync(`${state}/trust/folders`);
	for (const text of [
		"",
		"{",
		"null",
		'{"version":2,"project":"/a","decision":"always"}',
		'{"version":1,"project":"/b","decision":"always"}',
		'{"version":1,"project":"/a","decision":"sometimes"}',
	]) {
		writeFileSync(`${state}/trust/folders/${name}`, text);
		t.is(trust.decision("/a"), null, text);
	}
});

test("the digest is that of what was read, wherever the project lies", (t) => {
	const folder = temporaryFolder(t);
	const make = (name: string): string => {
		const project = `${folder}/${name}`;
		mkdirSync(`${project}/overlays`, { recursive: true });
		writeFileSync(`${project}/env.yaml`, "packages: []\n");
		writeFileSync(`${project}/overlays/a.nix`, "a");
		symlinkSync("a.nix", `${project}/overlays/link.nix`);
		return project;
	};
	const reads = (project: string): TrackedPath[] => [
		{ path: `${project}/env.yaml`, kind: "file" },
		{ path: `${project}/env.local.yaml`, kind: "absent" },
		{ path: `${project}/overlays`, kind: "directory" },
		{ path: `${project}/overlays/link.nix`, kind: "link" },
	];
	const of = (project: string): string => contentDigest(project, reads(project));
	const [one, other] = [make("one"), make("other")];
	t.is(of(one), of(other));
	t.is(contentDigest(one, reads(one).toReversed()), of(one));
	const before = of(one);
	for (const change of [
		() => {
			writeFileSync(`${one}/env.yaml`, "packages: [jq]\n");
		},
		() => {
			writeFileSync(`${one}/overlays/b.nix`, "");
		},
	]) {
		const last = of(one);
		change();
		t.not(of(one), last);
		t.not(of(one), before);
	}
	t.not(contentDigest(other, reads(other).slice(1)), of(other));
});
