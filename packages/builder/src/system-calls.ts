/**
 * Linux system call numbers of the calls that the filter of builds names, by architecture. Pure data, from the kernel's
 * `asm/unistd*.h`; a call that an architecture lacks is absent.
 */

/** Names as in the kernel's headers. */
export type SystemCall =
	| "acct"
	| "add_key"
	| "bpf"
	| "capset"
	| "chmod"
	| "chown"
	| "clock_settime"
	| "clone"
	| "clone3"
	| "creat"
	| "delete_module"
	| "fchmod"
	| "fchmodat"
	| "fchmodat2"
	| "fchown"
	| "fchownat"
	| "finit_module"
	| "fsetxattr"
	| "fsopen"
	| "init_module"
	| "io_uring_setup"
	| "kexec_file_load"
	| "kexec_load"
	| "keyctl"
	| "lchown"
	| "lsetxattr"
	| "mknod"
	| "mknodat"
	| "mount"
	| "move_mount"
	| "open"
	| "open_by_handle_at"
	| "open_tree"
	| "openat"
	| "openat2"
	| "perf_event_open"
	| "pivot_root"
	| "quotactl"
	| "reboot"
	| "request_key"
	| "setfsgid"
	| "setfsuid"
	| "setgid"
	| "setgroups"
	| "setns"
	| "setregid"
	| "setresgid"
	| "setresuid"
	| "setreuid"
	| "settimeofday"
	| "setuid"
	| "setxattr"
	| "setxattrat"
	| "swapoff"
	| "swapon"
	| "syslog"
	| "umount2"
	| "unshare"
	| "userfaultfd";

export interface SystemCallTable {
	/** AUDIT_ARCH_* of linux/audit.h. */
	readonly architecture: number;
	readonly numbers: Readonly<Partial<Record<SystemCall, number>>>;
	/** A bit that marks numbers of a further ABI, which is refused as a whole. */
	readonly rejectFrom?: number;
}

/** The tables of a machine (Node's `process.arch`), its own first and then that of its 32-bit programs. */
export function systemCallTables(machine: string): readonly SystemCallTable[] | undefined {
	switch (machine) {
		case "x64":
			return [x86_64, i386];
		case "arm64":
			return [aarch64, arm];
		default:
			return undefined;
	}
}

const x86_64: SystemCallTable = {
	architecture: 0xc000003e,
	rejectFrom: 0x40000000,
	numbers: {
		acct: 163,
		add_key: 248,
		bpf: 321,
		capset: 126,
		chmod: 90,
		chown: 92,
		clock_settime: 227,
		clone: 56,
		clone3: 435,
		creat: 85,
		delete_module: 176,
		fchmod: 91,
		fchmodat: 268,
		fchmodat2: 452,
		fchown: 93,
		fchownat: 260,
		finit_module: 313,
		fsetxattr: 190,
		fsopen: 430,
		init_module: 175,
		io_uring_setup: 425,
		kexec_file_load: 320,
		kexec_load: 246,
		keyctl: 250,
		lchown: 94,
		lsetxattr: 189,
		mknod: 133,
		mknodat: 259,
		mount: 165,
		move_mount: 429,
		open: 2,
		open_by_handle_at: 304,
		open_tree: 428,
		openat: 257,
		openat2: 437,
		perf_event_open: 298,
		pivot_root: 155,
		quotactl: 179,
		reboot: 169,
		request_key: 249,
		setfsgid: 123,
		setfsuid: 122,
		setgid: 106,
		setgroups: 116,
		setns: 308,
		setregid: 114,
		setresgid: 119,
		setresuid: 117,
		setreuid: 113,
		settimeofday: 164,
		setuid: 105,
		setxattr: 188,
		setxattrat: 463,
		swapoff: 168,
		swapon: 167,
		syslog: 103,
		umount2: 166,
		unshare: 272,
		userfaultfd: 323,
	},
};

const i386: SystemCallTable = {
	architecture: 0x40000003,
	numbers: {
		acct: 51,
		add_key: 286,
		bpf: 357,
		capset: 185,
		chmod: 15,
		chown: 182,
		clock_settime: 264,
		clone: 120,
		clone3: 435,
		creat: 8,
		delete_module: 129,
		fchmod: 94,
		fchmodat: 306,
		fchmodat2: 452,
		fchown: 95,
		fchownat: 298,
		finit_module: 350,
		fsetxattr: 228,
		fsopen: 430,
		init_module: 128,
		io_uring_setup: 425,
		kexec_load: 283,
		keyctl: 288,
		lchown: 16,
		lsetxattr: 227,
		mknod: 14,
		mknodat: 297,
		mount: 21,
		move_mount: 429,
		open: 5,
		open_by_handle_at: 342,
		open_tree: 428,
		openat: 295,
		openat2: 437,
		perf_event_open: 336,
		pivot_root: 217,
		quotactl: 131,
		reboot: 88,
		request_key: 287,
		setfsgid: 139,
		setfsuid: 138,
		setgid: 46,
		setgroups: 81,
		setns: 346,
		setregid: 71,
		setresgid: 170,
		setresuid: 164,
		setreuid: 70,
		settimeofday: 79,
		setuid: 23,
		setxattr: 226,
		setxattrat: 463,
		swapoff: 115,
		swapon: 87,
		syslog: 103,
		umount2: 52,
		unshare: 310,
		userfaultfd: 374,
	},
};

const aarch64: SystemCallTable = {
	architecture: 0xc00000b7,
	numbers: {
		acct: 89,
		add_key: 217,
		bpf: 280,
		capset: 91,
		clock_settime: 112,
		clone: 220,
		clone3: 435,
		delete_module: 106,
		fchmod: 52,
		fchmodat: 53,
		fchmodat2: 452,
		fchown: 55,
		fchownat: 54,
		finit_module: 273,
		fsetxattr: 7,
		fsopen: 430,
		init_module: 105,
		io_uring_setup: 425,
		kexec_file_load: 294,
		kexec_load: 104,
		keyctl: 219,
		lsetxattr: 6,
		mknodat: 33,
		mount: 40,
		move_mount: 429,
		open_by_handle_at: 265,
		open_tree: 428,
		openat: 56,
		openat2: 437,
		perf_event_open: 241,
		pivot_root: 41,
		quotactl: 60,
		reboot: 142,
		request_key: 218,
		setfsgid: 152,
		setfsuid: 151,
		setgid: 144,
		setgroups: 159,
		setns: 268,
		setregid: 143,
		setresgid: 149,
		setresuid: 147,
		setreuid: 145,
		settimeofday: 170,
		setuid: 146,
		setxattr: 5,
		setxattrat: 463,
		swapoff: 225,
		swapon: 224,
		syslog: 116,
		umount2: 39,
		unshare: 97,
		userfaultfd: 282,
	},
};

const arm: SystemCallTable = {
	architecture: 0x40000028,
	numbers: {
		add_key: 309,
		bpf: 386,
		chmod: 15,
		creat: 8,
		fchmod: 94,
		fchmodat: 333,
		fchmodat2: 452,
		fsetxattr: 228,
		io_uring_setup: 425,
		keyctl: 311,
		lsetxattr: 227,
		mknod: 14,
		mknodat: 324,
		open: 5,
		open_by_handle_at: 371,
		openat: 322,
		openat2: 437,
		perf_event_open: 364,
		request_key: 310,
		setxattr: 226,
		setxattrat: 463,
		userfaultfd: 388,
	},
};
