import { existsSync, readFileSync } from "node:fs";
import { type Derivation, HashesModulo, hashBytes, instantiate, type StorePath } from "@devenv/nix-formats";
import { buildLogPath } from "@devenv/store";
import test from "ava";
import type { EngineEvent } from "../../src/engine-event.ts";
import { failure, makeBuilds, sandboxed, system } from "./build-fixture.ts";

sandboxed("builds inputs first and sees them, and nothing else", async (t) => {
	const { derivation, realise, read, store } = makeBuilds(t);
	const input = derivation("input", "echo from input > $out");
	const inputPath = store.readDerivation(input).outputs.get("out")?.path ?? "";
	const top = derivation(
		"top",
		`{ cat ${inputPath}; ls /nix/store; ls /; echo $NIX_BUILD_CORES $PWD $HOME $given; } > $out`,
		{
			inputs: [input],
			env: { given: "a value" },
		},
	);
	await realise(top);
	const [first, ...rest] = read(top).trimEnd().split("\n");
	t.is(first, "from input");
	const shown = rest.filter((line) => /^[a-z0-9]{32}-/.test(line)).map((line) => line.slice(33));
	t.deepEqual(shown.sort(), ["input", "shell", "top"]);
	t.false(rest.includes("work") || rest.includes("root"));
	t.is(rest.at(-1), "3 /build /homeless-shelter a value");
	const info = store.pathInfo(store.readDerivation(top).outputs.get("out")?.path as StorePath);
	t.is(info.deriver, top);
	t.true(info.references.includes(inputPath as StorePath));
});

sandboxed("makes several outputs", async (t) => {
	const { derivation, realise, read } = makeBuilds(t);
	const drv = derivation("two", "echo one > $out; echo two > $dev", { outputs: ["out", "dev"] });
	await realise(drv);
	t.is(read(drv), "one\n");
	t.is(read(drv, "dev"), "two\n");
});

sandboxed("passes attributes as files, and structured ones as JSON and shell", async (t) => {
	const { derivation, realise, read } = makeBuilds(t);
	const large = "x".repeat(200_000);
	const asFile = derivation("as-file", "cat $bigPath > $out", { env: { passAsFile: "big", big: large } });
	await realise(asFile);
	t.is(read(asFile), large);
	const structured = derivation("structured", ". $NIX_ATTRS_SH_FILE; echo ${list[1]} ${set[k]} > ${outputs[out]}", {
		env: { __json: '{"list":["a","b c"],"set":{"k":"v"}}' },
	});
	await realise(structured);
	t.is(read(structured), "b c v\n");
});

sandboxed("refuses an attribute that no environment can hold, naming it", async (t) => {
	const { derivation, realise } = makeBuilds(t);
	const drv = derivation("large", "true", { env: { big: "x".repeat(200_000) } });
	const { code, message, hint } = await failure(t, realise(drv));
	t.is(code, "BUILD_ENVIRONMENT_SIZE");
	t.regex(message, /'big' of 'large'/);
	t.regex(hint ?? "", /passAsFile/);
});

sandboxed("a failing build is named, with the end of its log and where the whole is", async (t) => {
	const { derivation, realise, logs, store } = makeBuilds(t);
	const bad = derivation("bad", "for i in {1..30}; do echo line $i; done; echo oops >&2; exit 7");
	const top = derivation("top", "echo > $out", { inputs: [bad] });
	const events: EngineEvent[] = [];
	const diagnostic = await failure(t, realise(top, { onEvent: (event) => events.push(event) }));
	t.is(diagnostic.code, "BUILD_FAILED");
	t.is(diagnostic.message, "building 'bad' failed: its builder left with status 7");
	const tail = Array.from({ length: 19 }, (_, index) => `line ${index + 12}`);
	t.is(diagnostic.notes?.[0]?.message, ["the end of its log:", ...tail, "oops"].join("\n"));
	const log = buildLogPath(logs, bad);
	t.is(diagnostic.hint, `the whole log: ${log}`);
	t.is(readFileSync(log, "utf8").split("\n").length, 32);
	t.deepEqual(
		events.filter(({ kind }) => kind === "failed").map((event) => (event.kind === "failed" ? event.name : "")),
		["bad"],
	);
	t.deepEqual(
		store.queryAllValidPaths().filter((path) => !path.endsWith(".drv") && !path.endsWith("-shell")),
		[],
	);
});

sandboxed("says which output a builder did not make", async (t) => {
	const { derivation, realise, store } = makeBuilds(t);
	const drvPath = derivation("half", "echo made > $out", { outputs: ["out", "doc"] });
	const diagnostic = await failure(t, realise(drvPath));
	t.is(diagnostic.code, "BUILD_FAILED");
	const path = store.readDerivation(drvPath).outputs.get("doc")?.path ?? "";
	t.is(diagnostic.message, `building 'half' failed: its builder ended well, but made no output 'doc' at ${path}`);
});

sandboxed("a builder that makes no output fails", async (t) => {
	const { derivation, realise } = makeBuilds(t);
	const { message } = await failure(t, realise(derivation("lazy", "true")));
	t.regex(message, /lazy/);
});

sandboxed("a fixed output must have its hash", async (t) => {
	const { derivation, realise, read, store } = makeBuilds(t);
	const hex = (text: string): string => Buffer.from(hashBytes("sha256", Buffer.from(text)).bytes).toString("hex");
	const good = derivation("good", "echo content > $out", { fixed: hex("content\n") });
	await realise(good);
	t.is(read(good), "content\n");
	const bad = derivation("bad", "echo other > $out", { fixed: hex("content\n") });
	const { code } = await failure(t, realise(bad));
	t.is(code, "STORE_HASH_MISMATCH");
	t.false(store.isValid(store.readDerivation(bad).outputs.get("out")?.path as StorePath));
});

sandboxed("a builder that is not there is named, and not taken for a sandbox that cannot be made", async (t) => {
	const { store, realise } = makeBuilds(t);
	const drv: Derivation = {
		name: "headless",
		outputs: new Map([["out", { path: "", hashAlgo: "", hash: "" }]]),
		inputDrvs: new Map(),
		inputSrcs: [],
		system,
		builder: "/no/such/builder",
		args: [],
		env: new Map([["out", ""]]),
	};
	instantiate(drv, new HashesModulo((path) => store.readDerivation(path)));
	const { code, message, hint } = await failure(t, realise(store.addDerivation(drv)));
	t.is(code, "BUILD_FAILED");
	t.regex(message, /^building 'headless' failed: its builder \/no\/such\/builder cannot be run: /);
	t.regex(hint ?? "", /closure of its inputs/);
});

sandboxed("cancelling kills the builder and leaves nothing", async (t) => {
	const { derivation, realise, store } = makeBuilds(t);
	const drv = derivation("endless", "echo started; while :; do sleep 0.05; done");
	const controller = new AbortController();
	const onEvent = (event: EngineEvent): void => {
		if (event.kind === "log") controller.abort();
	};
	await t.throwsAsync(realise(drv, { signal: controller.signal, onEvent }), { message: "cancelled" });
	t.false(existsSync(store.physical(store.readDerivation(drv).outputs.get("out")?.path ?? "")));
});

sandboxed("a derivation for another machine is refused", async (t) => {
	const { derivation, realise } = makeBuilds(t);
	const { code, message } = await failure(t, realise(derivation("foreign", "true", { system: "riscv64-linux" })));
	t.is(code, "BUILD_SYSTEM");
	t.is(message, "'foreign' is built on riscv64-linux, this machine is x86_64-linux");
});

test("an unknown builtin builder is named", async (t) => {
	const { shell, store, realise } = makeBuilds(t);
	const drv: Derivation = {
		name: "strange",
		outputs: new Map([["out", { path: "", hashAlgo: "", hash: "" }]]),
		inputDrvs: new Map(),
		inputSrcs: [shell.path],
		system,
		builder: "builtin:strange",
		args: [],
		env: new Map([["out", ""]]),
	};
	instantiate(drv, new HashesModulo((path) => store.readDerivation(path)));
	const { code, message } = await failure(t, realise(store.addDerivation(drv)));
	t.is(code, "BUILD_BUILTIN_UNKNOWN");
	t.regex(message, /'builtin:strange'/);
});
