import test from "ava";
import { callerEnvironment, nodeEnvironment } from "../src/caller.ts";

const launched = {
	HOME: "/home/a",
	LD_LIBRARY_PATH: "/opt/devenv/build/lib:/opt/mine",
	DEVENV_CALLER_LD_LIBRARY_PATH: "=/opt/mine",
	DEVENV_CALLER_NODE_EXTRA_CA_CERTS: "=/etc/company.pem",
	DEVENV_CALLER_NODE_OPTIONS: "=--inspect",
};

test("gives the caller's variables back", (t) => {
	t.deepEqual(callerEnvironment(launched), {
		HOME: "/home/a",
		LD_LIBRARY_PATH: "/opt/mine",
		NODE_EXTRA_CA_CERTS: "/etc/company.pem",
		NODE_OPTIONS: "--inspect",
	});
});

test("tells an unset variable from an empty one", (t) => {
	t.deepEqual(callerEnvironment({ LD_LIBRARY_PATH: "/x", DEVENV_CALLER_LD_LIBRARY_PATH: "" }), {});
	t.deepEqual(callerEnvironment({ LD_LIBRARY_PATH: "/x", DEVENV_CALLER_LD_LIBRARY_PATH: "=" }), {
		LD_LIBRARY_PATH: "",
	});
});

test("leaves an environment alone that no launcher has touched", (t) => {
	const environment = { HOME: "/home/a", LD_LIBRARY_PATH: "/x", NODE_OPTIONS: "--y" };
	t.deepEqual(callerEnvironment(environment), environment);
});

test("gives the daemon's node the libraries it needs, and none of the caller's options", (t) => {
	t.deepEqual(nodeEnvironment(launched), {
		HOME: "/home/a",
		LD_LIBRARY_PATH: "/opt/devenv/build/lib:/opt/mine",
		NODE_EXTRA_CA_CERTS: "/etc/company.pem",
	});
});
