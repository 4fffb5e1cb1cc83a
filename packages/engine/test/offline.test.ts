import { DiagnosticError } from "@devenv/diagnostics";
import test from "ava";
import { requireNoDownloads } from "../src/offline.ts";
import type { Plan, QueueBackend } from "../src/queue/build-queue.ts";

/** A chain `top` → `middle` → twelve downloads, of which some are there. */
function backend(valid: readonly string[]): QueueBackend {
	const names = Array.from({ length: 12 }, (_, index) => `file-${String(index).padStart(2, "0")}`);
	const out = ["out"] as const;
	return {
		plan: (drvPath): Plan => {
			if (valid.includes(drvPath)) return { kind: "valid" };
			if (drvPath === "top") return { kind: "needed", name: "top", slot: "build", inputs: new Map([["middle", out]]) };
			if (drvPath !== "middle") return { kind: "needed", name: drvPath, slot: "fetch", inputs: new Map() };
			return { kind: "needed", name: "middle", slot: "build", inputs: new Map(names.map((name) => [name, out])) };
		},
		realise: () => Promise.reject(new Error("nothing is realised")),
	};
}

test("names the first of what would have to be fetched", (t) => {
	const error = t.throws(() => requireNoDownloads(backend(["file-03"]), new Map([["top", ["out"]]])), {
		instanceOf: DiagnosticError,
	});
	const [first] = error.diagnostics;
	t.is(first?.code, "FETCH_OFFLINE");
	t.is(first?.message, "11 files would have to be fetched, and --offline forbids it");
	t.deepEqual(
		first?.notes?.map(({ message }) => message),
		[..."00 01 02 04 05 06 07 08 09 10".split(" ").map((each) => `file-${each}`), "and 1 more"],
	);
});

test("lets pass what is there, and what is built from it", (t) => {
	t.notThrows(() => requireNoDownloads(backend(["middle"]), new Map([["top", ["out"]]])));
});
