import { DiagnosticError } from "@devenv/diagnostics";
import test from "ava";
import { type HomeLayout, homeLayout } from "../src/home-layout.ts";

const free = { nixOwnsStore: false };

const cases: readonly (readonly [string, Record<string, string>, number, boolean, HomeLayout])[] = [
	[
		"DEVENV_HOME moves everything",
		{ DEVENV_HOME: "/d//", XDG_STATE_HOME: "/x", HOME: "/h" },
		0,
		false,
		{ storeRoot: "/d/root", state: "/d/state", cache: "/d/cache", config: "/d/config", runtime: "/d/run" },
	],
	[
		"a user's XDG folders by default",
		{ HOME: "/h" },
		1000,
		false,
		{
			storeRoot: "/h/.local/share/devenv/root",
			state: "/h/.local/state/devenv",
			cache: "/h/.cache/devenv",
			config: "/h/.config/devenv",
			runtime: "/h/.local/state/devenv/run",
		},
	],
	[
		"XDG variables, of which relative ones count as unset",
		{
			HOME: "/h/",
			XDG_RUNTIME_DIR: "/run/user/5",
			XDG_CACHE_HOME: "/c",
			XDG_STATE_HOME: "state",
			XDG_DATA_HOME: "/da",
		},
		1000,
		false,
		{
			storeRoot: "/da/devenv/root",
			state: "/h/.local/state/devenv",
			cache: "/c/devenv",
			config: "/h/.config/devenv",
			runtime: "/run/user/5/devenv",
		},
	],
	[
		"root's store lies at /",
		{ HOME: "/root" },
		0,
		false,
		{
			storeRoot: "/",
			state: "/root/.local/state/devenv",
			cache: "/root/.cache/devenv",
			config: "/root/.config/devenv",
			runtime: "/root/.local/state/devenv/run",
		},
	],
];

for (const [title, environment, uid, nixOwnsStore, expected] of cases) {
	test(title, (t) => {
		t.deepEqual(homeLayout(environment, uid, { nixOwnsStore }), expected);
	});
}

test("root's store lies in the data folder where real Nix owns /nix/store", (t) => {
	t.is(homeLayout({ HOME: "/root" }, 0, { nixOwnsStore: true }).storeRoot, "/root/.local/share/devenv/root");
});

for (const environment of [{ DEVENV_HOME: "relative" }, {}, { HOME: "relative" }]) {
	test(`refuses ${JSON.stringify(environment)}`, (t) => {
		const error = t.throws(() => homeLayout(environment, 1000, free), { instanceOf: DiagnosticError });
		t.is(error.diagnostics[0]?.code, "HOME_INVALID");
	});
}
