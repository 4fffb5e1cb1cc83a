import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "@devenv/test-support";
import test from "ava";
import { openStore } from "../src/index.ts";
import { ended, startChild } from "./children/run-child.ts";
import { objectNames } from "./sample-store.ts";

test("killed at any moment, a process leaves a sound store and nothing else", async (t) => {
	const root = `${temporaryFolder(t)}/root`;
	openStore({ root }).close();
	let before = 0;
	for (let round = 0; round < 12; round += 1) {
		const { child } = await startChild(t, "add-in-a-loop", [root, String(round)]);
		await sleep(20 + Math.random() * 150);
		child.kill("SIGKILL");
		t.is(await ended(child), "SIGKILL");
		using store = openStore({ root });
		t.deepEqual(await store.verify({ checkContents: true }), []);
		const valid = store.queryAllValidPaths();
		t.true(valid.length >= before, "no registered path is lost");
		before = valid.length;
		t.deepEqual(
			objectNames(store),
			valid.map((path) => path.slice("/nix/store/".length)),
		);
		t.deepEqual(readdirSync(`${root}/nix/var/nix/devenv/tmp`), []);
	}
	t.true(before > 0);
});

test("what a killed process had placed is whole, and can be registered", async (t) => {
	const root = `${temporaryFolder(t)}/root`;
	openStore({ root }).close();
	let placed = 0;
	for (let round = 0; round < 8; round += 1) {
		const { child } = await startChild(t, "place-in-a-loop", [root, String(round)]);
		await sleep(20 + Math.random() * 150);
		child.kill("SIGKILL");
		t.is(await ended(child), "SIGKILL");
		using store = openStore({ root });
		for (const { path, deriver } of store.placed()) {
			placed += 1;
			t.is(readdirSync(store.physical(path)).length, 100);
			await store.registerOutputs([{ path, from: store.physical(path), candidates: [deriver], deriver }]);
		}
		t.deepEqual(await store.verify({ checkContents: true }), []);
		const valid = store.queryAllValidPaths().map((path) => path.slice("/nix/store/".length));
		t.deepEqual(objectNames(store), valid);
		t.deepEqual(readdirSync(`${root}/nix/var/nix/devenv/placed`), []);
	}
	t.log(`${placed} were placed and not registered`);
});

test("processes that open and close the same store are in nobody's way", async (t) => {
	const root = `${temporaryFolder(t)}/root`;
	openStore({ root }).close();
	const started = await Promise.all([1, 2, 3].map(() => startChild(t, "open-and-close", [root, "3000"])));
	t.deepEqual(await Promise.all(started.map(({ child }) => ended(child))), [0, 0, 0]);
	t.deepEqual(readdirSync(`${root}/nix/var/nix/devenv/sessions`), []);
});

test("a collector killed at any moment leaves a sound store, and what is rooted", async (t) => {
	const root = `${temporaryFolder(t)}/root`;
	const first = openStore({ root });
	const rooted = first.addText({ name: "rooted", contents: root });
	first.addRoot(`${root}/result`, rooted);
	first.close();
	for (let round = 0; round < 8; round += 1) {
		const { child } = await startChild(t, "collect-in-a-loop", [root]);
		await sleep(50 + Math.random() * 150);
		child.kill("SIGKILL");
		await ended(child);
		using store = openStore({ root });
		t.deepEqual(await store.verify({ checkContents: true }), []);
		t.true(store.isValid(rooted));
	}
	using store = openStore({ root });
	store.collectGarbage();
	t.deepEqual(store.queryAllValidPaths(), [rooted]);
	t.deepEqual(objectNames(store), [rooted.slice("/nix/store/".length)]);
});
