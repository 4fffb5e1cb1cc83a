import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { INDEX_FORMAT } from "@devenv/package-set";
import { openStore } from "@devenv/store";
import { formatHash } from "@devenv/nix-formats";
import { removeFolder } from "@devenv/test-support";
import test from "ava";
import { hashIndex, type IndexObject, layOutIndex, shardOf, snapshotMoment } from "../../src/debian/index-object.ts";
import { PackageCatalog } from "../../src/debian/package-catalog.ts";
import { buildPackageTable } from "../../src/debian/package-table.ts";
import { recordsOf } from "./stanzas.ts";

const packages = [
	{ Package: "jq", Version: "1.7.1-6", Depends: "libjq1 (= 1.7.1-6)", Description: "JSON processor" },
	{ Package: "libjq1", Version: "1.7.1-6", Description: "JSON processor - shared library" },
	{ Package: "yq", Description: "like jq for YAML", Provides: "json-tool, yaml-tool (= 2)" },
	{ Package: "python3", Provides: "json-tool", Essential: "yes" },
] as const;

function layOut(): IndexObject {
	return layOutIndex(buildPackageTable(recordsOf(packages)), {
		suite: "trixie",
		system: "x86_64-linux",
		architecture: "amd64",
		suites: [{ suite: "trixie", archive: "debian", date: "2026-02-01T00:00:00Z" }],
	});
}

function inFolder<T>(run: (folder: string) => T): T {
	const folder = mkdtempSync(join(tmpdir(), "devenv-index-"));
	try {
		for (const [path, contents] of layOut().files) {
			const file = join(folder, "index", path);
			mkdirSync(dirname(file), { recursive: true });
			writeFileSync(file, contents);
		}
		return run(folder);
	} finally {
		removeFolder(folder);
	}
}

function json(object: IndexObject, path: string): Record<string, unknown> {
	return JSON.parse(Buffer.from(object.files.get(path) ?? []).toString()) as Record<string, unknown>;
}

test("equal inputs give equal bytes", (t) => {
	t.deepEqual([...layOut().files], [...layOut().files]);
});

test("describes the index and its packages", (t) => {
	const object = layOut();
	t.is(object.name, "debian-index-trixie-x86_64-linux");
	t.deepEqual(json(object, "meta.json"), {
		format: INDEX_FORMAT,
		system: "x86_64-linux",
		architecture: "amd64",
		suite: "trixie",
		suites: [{ suite: "trixie", archive: "debian", date: "2026-02-01T00:00:00Z" }],
		snapshots: { trixie: "20260201T120000Z" },
		essential: ["python3"],
	});
	t.deepEqual(Object.keys(json(object, "versions.json")), ["jq", "libjq1", "python3", "yq"]);
	const entry = JSON.parse(String(json(object, `shards/${shardOf("jq")}.json`)["jq"])) as Record<string, unknown>;
	t.like(entry, {
		version: "1.7.1-6",
		architecture: "amd64",
		url: "mirror://debian/pool/main/j/jq/jq_1.7.1-6_amd64.deb",
		depends: ["libjq1 (= 1.7.1-6)"],
		candidates: ["libjq1"],
	});
	t.false("suite" in entry);
	const virtual = json(object, `shards/${shardOf("json-tool")}.json`)["virtual:json-tool"];
	t.is(virtual, '[["python3"],["yq"]]');
});

test("its hash is that of its NAR", (t) => {
	inFolder((folder) => {
		const store = openStore({ root: join(folder, "root") });
		try {
			const path = store.addPath({ name: layOut().name, source: join(folder, "index") });
			t.is(hashIndex(layOut()), formatHash(store.pathInfo(path).narHash, "sri"));
		} finally {
			store.close();
		}
	});
});

test("the snapshot archive is asked for half a day later", (t) => {
	t.is(snapshotMoment("2026-12-31T18:00:00Z").toISOString(), "2027-01-01T06:00:00.000Z");
});

test("a catalog finds packages by all words, the name itself first", (t) => {
	inFolder((folder) => {
		const catalog = new PackageCatalog(join(folder, "index"));
		const names = (query: string, limit = 10): string[] => catalog.search(query, limit).hits.map((each) => each.name);
		t.deepEqual(names("jq"), ["jq", "libjq1", "yq"]);
		t.deepEqual(names("json library"), ["libjq1"]);
		t.deepEqual(names("JSON"), ["jq", "libjq1"]);
		t.deepEqual(names("nothing"), []);
		t.deepEqual(catalog.search("jq", 1), {
			hits: [{ name: "jq", version: "1.7.1-6", section: "misc", description: "JSON processor" }],
			total: 3,
		});
		t.is(catalog.versionOf("libjq1"), "1.7.1-6");
		t.is(catalog.versionOf("gone"), undefined);
	});
});

test("a catalog suggests providers of a virtual name, else names like it", (t) => {
	inFolder((folder) => {
		const catalog = new PackageCatalog(join(folder, "index"));
		t.deepEqual(catalog.suggest("json-tool"), ["python3", "yq"]);
		t.deepEqual(catalog.suggest("pyhton3"), ["python3"]);
		t.deepEqual(catalog.suggest("python"), ["python3"]);
		t.deepEqual(catalog.suggest("constructor"), []);
	});
});
