import test from "ava";
import { callerLocales, callerShell } from "../src/caller-needs.ts";

test("the shell is the one asked for, else the caller's if it can be had, else bash", (t) => {
	t.is(callerShell("fish", { SHELL: "/bin/zsh" }), "fish");
	t.is(callerShell("auto", { SHELL: "/usr/bin/zsh" }), "zsh");
	t.is(callerShell("auto", { SHELL: "/usr/local/bin/fish" }), "fish");
	t.is(callerShell("auto", { SHELL: "/bin/tcsh" }), "bash");
	t.is(callerShell("auto", {}), "bash");
});

test("locales are those in UTF-8 that the caller's variables name", (t) => {
	t.deepEqual(callerLocales({}), []);
	t.deepEqual(callerLocales({ LANG: "C.UTF-8", LC_ALL: "POSIX", LC_TIME: "" }), []);
	t.deepEqual(
		callerLocales({
			LANG: "en_US.utf8",
			LC_TIME: "de_DE.UTF-8",
			LC_CTYPE: "de_DE.UTF-8",
			LC_COLLATE: "ca_ES.UTF-8@valencia",
		}),
		["ca_ES.UTF-8@valencia", "de_DE.UTF-8", "en_US.UTF-8"],
	);
	t.deepEqual(callerLocales({ LANG: "de_DE.ISO-8859-1", LC_ALL: "../../etc.UTF-8", LANGUAGE: "fr_FR.UTF-8" }), []);
});
