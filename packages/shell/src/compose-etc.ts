/**
 * The /etc of a view: the root object's, with what has to be the host's on top. Composed once per root and state of the
 * host's files, owned by the caller, so that programs that check owners (ssh) accept it. Layer 2.
 */

import {
	accessSync,
	chmodSync,
	constants,
	copyFileSync,
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { basename } from "node:path";
import {
	type Account,
	askAccounts,
	composeGroup,
	composeNsswitch,
	composePasswd,
	unlistedIds,
} from "./account-files.ts";
import { hasOwnCertificates, linkCertificates, makeRealFolder } from "./certificates.ts";
import { liveLink } from "./host-tree.ts";

export interface EtcRequest {
	/** Physical path of the root object. */
	readonly root: string;
	/** Folder to make; must not exist. */
	readonly target: string;
	readonly account: Account;
	/** The caller's groups, by number. */
	readonly groups: readonly number[];
	/** The host's /etc, and where its tree will be; others in tests. */
	readonly hostEtc?: string;
	readonly hostTree?: string;
}

/** Files that follow the host's at any time: name resolution, the clock's zone, the machine's identity. */
const liveFiles = ["resolv.conf", "hosts", "hostname", "machine-id", "localtime", "timezone"];

/** Files of the host that go before the root's where the host has them. */
const hostConfiguration = ["gitconfig", "krb5.conf", "networks", "protocols", "services", "rpc", "ethers"];

/** The host's files that go into a composed /etc; one that changes makes a new one. */
export function etcInputs(hostEtc: string = "/etc"): string[] {
	const names = [
		"passwd",
		"group",
		"nsswitch.conf",
		"ssh",
		"ssh/ssh_config",
		"ssh/ssh_config.d",
		"ssl/certs",
		"localtime",
	];
	return [...names, ...hostConfiguration].map((name) => `${hostEtc}/${name}`);
}

/** Composes `target`. Throws the file system's errors; the caller removes what is there then. */
export function composeEtc(request: EtcRequest): void {
	const { root, target, account, hostEtc = "/etc" } = request;
	mkdirSync(target, { mode: 0o755 });
	const isReplaced = hasOwnCertificates(hostEtc) ? `${root}/etc/ssl/certs` : null;
	if (existsSync(`${root}/etc`)) copyFolder(`${root}/etc`, target, isReplaced);
	const hostText = (name: string): string => readOr(`${hostEtc}/${name}`);
	const rootText = (name: string): string => readOr(`${root}/etc/${name}`);
	const put = (name: string, text: string): void => {
		rmSync(`${target}/${name}`, { force: true, recursive: true });
		writeFileSync(`${target}/${name}`, text, { mode: 0o644, flag: "wx" });
	};
	const ask = (database: "passwd" | "group", ids: readonly number[]): string[] =>
		askAccounts(database, unlistedIds(hostText(database), ids));
	put("passwd", composePasswd(hostText("passwd"), rootText("passwd"), ask("passwd", [account.uid]), account));
	const groups = ask("group", [...new Set([account.gid, ...request.groups])]);
	put("group", composeGroup(hostText("group"), rootText("group"), groups, account));
	const modules = nameServiceModules(root);
	put(
		"nsswitch.conf",
		composeNsswitch(hostText("nsswitch.conf"), (service) => modules.has(service)),
	);
	for (const name of liveFiles) {
		const link = liveLink(`${hostEtc}/${name}`, request.hostTree);
		if (link === null) continue;
		rmSync(`${target}/${name}`, { force: true, recursive: true });
		symlinkSync(link, `${target}/${name}`);
	}
	for (const name of hostConfiguration) {
		if (existsSync(`${hostEtc}/${name}`) && isReadable(`${hostEtc}/${name}`)) put(name, hostText(name));
	}
	rmSync(`${target}/mtab`, { force: true });
	symlinkSync("../proc/self/mounts", `${target}/mtab`);
	copySshConfiguration(`${hostEtc}/ssh`, `${target}/ssh`);
	linkCertificates(target, hostEtc, request.hostTree);
}

/**
 * Copies a folder so that the caller owns and may change everything in it; links stay links. What he may not read
 * (store objects have none) is left out, as on the host, and so is the folder `leaveOut`.
 */
function copyFolder(source: string, target: string, leaveOut: string | null): void {
	for (const entry of readdirSync(source, { withFileTypes: true })) {
		const from = `${source}/${entry.name}`;
		const to = `${target}/${entry.name}`;
		if (from === leaveOut) continue;
		if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
		else if (entry.isDirectory()) {
			mkdirSync(to, { mode: 0o755 });
			if (isReadable(from)) copyFolder(from, to, leaveOut);
		} else if (entry.isFile() && isReadable(from)) copyOwned(from, to);
	}
}

/** Never a hard link: what the caller writes must not reach the store. */
function copyOwned(from: string, to: string): void {
	copyFileSync(from, to, constants.COPYFILE_FICLONE);
	chmodSync(to, (statSync(from).mode & 0o111) === 0 ? 0o644 : 0o755);
}

/** ssh refuses configuration whose owner is neither root nor the user, and root's files have no owner in a user namespace. */
function copySshConfiguration(source: string, target: string): void {
	if (!isReadable(`${source}/ssh_config`)) return;
	makeRealFolder(target);
	rmSync(`${target}/ssh_config.d`, { force: true, recursive: true });
	mkdirSync(`${target}/ssh_config.d`, { mode: 0o755 });
	const included = isReadable(`${source}/ssh_config.d`) ? readdirSync(`${source}/ssh_config.d`).sort() : [];
	const names = ["ssh_config", "ssh_known_hosts", "ssh_known_hosts2"];
	for (const name of [...names, ...included.map((each) => `ssh_config.d/${each}`)]) {
		if (!isReadable(`${source}/${name}`) || !statSync(`${source}/${name}`).isFile()) continue;
		rmSync(`${target}/${name}`, { force: true });
		copyOwned(`${source}/${name}`, `${target}/${name}`);
	}
}

/** Services of nsswitch.conf for which the root has a module. */
function nameServiceModules(root: string): Set<string> {
	const libraries = `${root}/usr/lib`;
	const folders = [libraries, ...listOr(libraries).map((name) => `${libraries}/${name}`)];
	const names = folders
		.filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
		.flatMap(listOr);
	return new Set(names.flatMap((name) => /^libnss_([a-z_0-9]+)\.so\.2$/.exec(basename(name))?.[1] ?? []));
}

function listOr(path: string): string[] {
	try {
		return readdirSync(path);
	} catch {
		return []; // a root without it has no modules
	}
}

function isReadable(path: string): boolean {
	try {
		accessSync(path, constants.R_OK);
		return true;
	} catch {
		return false; // the caller asks just that
	}
}

function readOr(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return ""; // missing or not for this user: the other source stands alone
	}
}
