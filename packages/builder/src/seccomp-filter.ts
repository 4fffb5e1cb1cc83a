/**
 * The system call filter of builds, as a classic BPF program. Pure: bytes from a table.
 *
 * Idea: one table of rules by system call name; a rule says what the call gives and, optionally, on which argument bits it
 * depends. Everything not in the table is allowed. The filter is a hardening of the namespaces and keeps set-user-id bits and
 * extended attributes, which a store object cannot hold, out of outputs; it is not the only wall.
 */

import { unreachable } from "@devenv/diagnostics";
import { type SystemCall, type SystemCallTable, systemCallTables } from "./system-calls.ts";

/** Linux error numbers as the filter returns them; 0 makes the call succeed without effect. */
const errno = { none: 0, EPERM: 1, ENOSYS: 38, EOPNOTSUPP: 95 } as const;

type Condition =
	| { readonly kind: "always" }
	/** Any of the `bits` of the argument (its low 32 bits) is set. */
	| { readonly kind: "any-bit"; readonly argument: number; readonly bits: number }
	/** A file is created (`flags` argument has O_CREAT or O_TMPFILE) and any of the bits of the mode argument is set. */
	| { readonly kind: "creates-with"; readonly flags: number; readonly mode: number; readonly bits: number };

interface Rule {
	readonly calls: readonly SystemCall[];
	readonly when: Condition;
	readonly result: number;
}

const setIdBits = 0o6000;
/** The bit of S_IFCHR and S_IFBLK that no other type which mknod makes has. */
const deviceTypeBits = 0o020000;
/** O_CREAT and the bit that is O_TMPFILE's own; both have the same value on x86 and ARM. */
const creationFlags = 0o100 | 0o20000000;
/** CLONE_NEWUSER: a nested user namespace would give a fake root its capabilities back. */
const newUserNamespace = 0x10000000;

const always: Condition = { kind: "always" };

/** Not needed by any build, and the way to past holes in the kernel. */
const harmful: readonly SystemCall[] = [
	"acct",
	"add_key",
	"bpf",
	"clock_settime",
	"delete_module",
	"finit_module",
	"init_module",
	"io_uring_setup",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"open_by_handle_at",
	"perf_event_open",
	"quotactl",
	"reboot",
	"request_key",
	"settimeofday",
	"swapoff",
	"swapon",
	"syslog",
	"userfaultfd",
];

const ownerChanges: readonly SystemCall[] = ["chown", "fchown", "lchown", "fchownat"];

const identityChanges: readonly SystemCall[] = [
	"setuid",
	"setgid",
	"setreuid",
	"setregid",
	"setresuid",
	"setresgid",
	"setgroups",
	"setfsuid",
	"setfsgid",
	"capset",
];

const mounting: readonly SystemCall[] = [
	"mount",
	"umount2",
	"pivot_root",
	"move_mount",
	"open_tree",
	"fsopen",
	"setns",
];

function rules(fakeRoot: boolean): readonly Rule[] {
	/* A package's script must not stop at chmod u+s; a build from source must learn that it cannot have it. */
	const setId = fakeRoot ? errno.none : errno.EPERM;
	const common: Rule[] = [
		{ calls: harmful, when: always, result: errno.EPERM },
		{ calls: ["chmod", "fchmod"], when: { kind: "any-bit", argument: 1, bits: setIdBits }, result: setId },
		{ calls: ["fchmodat", "fchmodat2"], when: { kind: "any-bit", argument: 2, bits: setIdBits }, result: setId },
		{ calls: ["creat"], when: { kind: "any-bit", argument: 1, bits: setIdBits }, result: errno.EPERM },
		{ calls: ["open"], when: { kind: "creates-with", flags: 1, mode: 2, bits: setIdBits }, result: errno.EPERM },
		{ calls: ["openat"], when: { kind: "creates-with", flags: 2, mode: 3, bits: setIdBits }, result: errno.EPERM },
		/* Its mode lies in memory, out of a filter's sight; callers fall back to openat. */
		{ calls: ["openat2"], when: always, result: errno.ENOSYS },
		{ calls: ["mknod"], when: { kind: "any-bit", argument: 1, bits: setIdBits }, result: errno.EPERM },
		{ calls: ["mknodat"], when: { kind: "any-bit", argument: 2, bits: setIdBits }, result: errno.EPERM },
		{
			calls: ["setxattr", "lsetxattr", "fsetxattr", "setxattrat"],
			when: always,
			result: errno.EOPNOTSUPP,
		},
	];
	if (!fakeRoot) return common;
	return [
		...common,
		{ calls: [...ownerChanges, ...identityChanges], when: always, result: errno.none },
		{ calls: ["mknod"], when: { kind: "any-bit", argument: 1, bits: deviceTypeBits }, result: errno.none },
		{ calls: ["mknodat"], when: { kind: "any-bit", argument: 2, bits: deviceTypeBits }, result: errno.none },
		{ calls: mounting, when: always, result: errno.EPERM },
		{
			calls: ["unshare", "clone"],
			when: { kind: "any-bit", argument: 0, bits: newUserNamespace },
			result: errno.EPERM,
		},
		{ calls: ["clone3"], when: always, result: errno.ENOSYS },
	];
}

/** One classic BPF instruction: code, jump if true, jump if false, operand. */
type Instruction = readonly [code: number, jt: number, jf: number, k: number];

const bpf = { load: 0x20, jumpEqual: 0x15, jumpSet: 0x45, jump: 0x05, result: 0x06 } as const;
const resultAllow = 0x7fff0000;
const resultErrno = 0x00050000;
/** Offsets in struct seccomp_data; the machine is little-endian. */
const dataOffset = { number: 0, architecture: 4, argument: (index: number): number => 16 + 8 * index } as const;

const loadWord = (offset: number): Instruction => [bpf.load, 0, 0, offset];
const giveErrno = (error: number): Instruction => [bpf.result, 0, 0, resultErrno | error];
const allow: Instruction = [bpf.result, 0, 0, resultAllow];

/** The program for a machine (Node's `process.arch`); undefined for one whose system call numbers are not known. */
export function seccompFilter(machine: string, options: { readonly fakeRoot: boolean }): Uint8Array | undefined {
	const tables = systemCallTables(machine);
	if (tables === undefined) return undefined;
	const program: Instruction[] = [loadWord(dataOffset.architecture)];
	for (const table of tables) {
		const section = sectionFor(table, rules(options.fakeRoot));
		/* Conditional jumps reach 255 instructions only, plain ones any. */
		program.push([bpf.jumpEqual, 1, 0, table.architecture], [bpf.jump, 0, 0, section.length], ...section);
	}
	/* Any other architecture: no program of such a machine runs here. */
	program.push(giveErrno(errno.ENOSYS));
	return encode(program);
}

function sectionFor(table: SystemCallTable, all: readonly Rule[]): readonly Instruction[] {
	const section: Instruction[] = [loadWord(dataOffset.number)];
	if (table.rejectFrom !== undefined) {
		/* The x32 numbers of x86-64 have this bit. */
		section.push([bpf.jumpSet, 0, 1, table.rejectFrom], giveErrno(errno.ENOSYS));
	}
	for (const rule of all) {
		for (const call of rule.calls) {
			const number = table.numbers[call];
			if (number === undefined) continue;
			const body = ruleBody(rule);
			section.push([bpf.jumpEqual, 0, body.length, number], ...body);
		}
	}
	section.push(allow);
	return section;
}

/** What runs when the number matches; where the condition does not hold, the number is loaded again and the search goes on. */
function ruleBody(rule: Rule): readonly Instruction[] {
	const result = giveErrno(rule.result);
	const again = loadWord(dataOffset.number);
	switch (rule.when.kind) {
		case "always":
			return [result];
		case "any-bit":
			return [loadWord(dataOffset.argument(rule.when.argument)), [bpf.jumpSet, 0, 1, rule.when.bits], result, again];
		case "creates-with":
			return [
				loadWord(dataOffset.argument(rule.when.flags)),
				[bpf.jumpSet, 0, 3, creationFlags],
				loadWord(dataOffset.argument(rule.when.mode)),
				[bpf.jumpSet, 0, 1, rule.when.bits],
				result,
				again,
			];
		default:
			return unreachable(rule.when);
	}
}

function encode(program: readonly Instruction[]): Uint8Array {
	const bytes = new Uint8Array(program.length * 8);
	const view = new DataView(bytes.buffer);
	for (const [index, [code, jt, jf, k]] of program.entries()) {
		view.setUint16(index * 8, code, true);
		view.setUint8(index * 8 + 2, jt);
		view.setUint8(index * 8 + 3, jf);
		view.setUint32(index * 8 + 4, k, true);
	}
	return bytes;
}
