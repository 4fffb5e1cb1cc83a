/** The filter, run by a small interpreter of classic BPF. */

import test from "ava";
import { seccompFilter } from "../src/seccomp-filter.ts";
import { type SystemCall, systemCallTables } from "../src/system-calls.ts";

const ALLOW = "allow";

/** What the program gives for a system call: `allow`, or the error number. */
function evaluate(
	program: Uint8Array,
	call: { nr: number; architecture: number; args?: readonly number[] },
): "allow" | number {
	const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
	const data = new DataView(new ArrayBuffer(64));
	data.setUint32(0, call.nr, true);
	data.setUint32(4, call.architecture, true);
	for (const [index, value] of (call.args ?? []).entries()) data.setUint32(16 + 8 * index, value, true);
	let accumulator = 0;
	for (let at = 0, steps = 0; steps < 10_000; steps++) {
		const code = view.getUint16(at * 8, true);
		const [jt, jf] = [view.getUint8(at * 8 + 2), view.getUint8(at * 8 + 3)];
		const k = view.getUint32(at * 8 + 4, true);
		at++;
		if (code === 0x20) accumulator = data.getUint32(k, true);
		else if (code === 0x15) at += accumulator === k ? jt : jf;
		else if (code === 0x45) at += (accumulator & k) !== 0 ? jt : jf;
		else if (code === 0x05) at += k;
		else if (code === 0x06) return k === 0x7fff0000 ? ALLOW : k & 0xffff;
		else throw new Error(`instruction ${code} at ${at - 1}`);
	}
	throw new Error("does not end");
}

function given(machine: string, fakeRoot: boolean, name: SystemCall, args: readonly number[] = []): "allow" | number {
	const [table] = systemCallTables(machine) ?? [];
	const program = seccompFilter(machine, { fakeRoot });
	const nr = table?.numbers[name];
	if (table === undefined || program === undefined || nr === undefined) throw new Error(`${machine} has no ${name}`);
	return evaluate(program, { nr, architecture: table.architecture, args });
}

const cases: readonly (readonly [
	fakeRoot: boolean,
	call: SystemCall,
	args: readonly number[],
	result: "allow" | number,
])[] = [
	[false, "fchmodat", [0, 0, 0o755], ALLOW],
	[false, "fchmodat", [0, 0, 0o4755], 1],
	[false, "fchmod", [0, 0o2755], 1],
	[false, "fchmodat2", [0, 0, 0o6755, 0], 1],
	[false, "openat", [0, 0, 0, 0o7777], ALLOW],
	[false, "openat", [0, 0, 0o101, 0o644], ALLOW],
	[false, "openat", [0, 0, 0o101, 0o4755], 1],
	[false, "openat2", [0, 0, 0, 0], 38],
	[false, "fsetxattr", [], 95],
	[false, "bpf", [], 1],
	[false, "fchownat", [0, 0, 5, 5], ALLOW],
	[false, "unshare", [0x10000000], ALLOW],
	[false, "clone3", [], ALLOW],
	[true, "fchownat", [0, 0, 5, 5], 0],
	[true, "setresuid", [5, 5, 5], 0],
	[true, "setgroups", [0], 0],
	[true, "fchmodat", [0, 0, 0o4755], 0],
	[true, "fchmodat", [0, 0, 0o755], ALLOW],
	[true, "mknodat", [0, 0, 0o020666, 0], 0],
	[true, "mknodat", [0, 0, 0o010666, 0], ALLOW],
	[true, "mknodat", [0, 0, 0o104755, 0], 1],
	[true, "unshare", [0x10000000], 1],
	[true, "unshare", [0x00020000], ALLOW],
	[true, "clone3", [], 38],
	[true, "mount", [], 1],
];

for (const machine of ["x64", "arm64"]) {
	for (const [fakeRoot, call, args, result] of cases) {
		test(`${machine}${fakeRoot ? ", fake root" : ""}: ${call}(${args.map((value) => value.toString(8)).join(", ")})`, (t) => {
			t.is(given(machine, fakeRoot, call, args), result);
		});
	}
}

test("calls that are not named are allowed", (t) => {
	const program = seccompFilter("x64", { fakeRoot: true });
	if (program === undefined) return t.fail();
	for (const nr of [0, 1, 59, 231, 999]) t.is(evaluate(program, { nr, architecture: 0xc000003e }), ALLOW);
});

test("32-bit programs are held to the same, other ABIs do not run", (t) => {
	const program = seccompFilter("x64", { fakeRoot: false });
	if (program === undefined) return t.fail();
	t.is(evaluate(program, { nr: 15, architecture: 0x40000003, args: [0, 0o4755] }), 1);
	t.is(evaluate(program, { nr: 15, architecture: 0x40000003, args: [0, 0o755] }), ALLOW);
	t.is(evaluate(program, { nr: 0x40000001, architecture: 0xc000003e }), 38);
	t.is(evaluate(program, { nr: 1, architecture: 0xc00000b7 }), 38);
});

test("there is no filter for machines whose numbers are unknown", (t) => {
	t.is(seccompFilter("riscv64", { fakeRoot: false }), undefined);
});
