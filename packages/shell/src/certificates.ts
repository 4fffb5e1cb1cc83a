/** The certificate authorities of a view are the host's, a company's own included, at the paths that Debian uses. Layer 2. */

import { lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { liveLink } from "./host-tree.ts";

/** Where distributions keep all authorities in one file, below /etc. */
const bundles = [
	"ssl/certs/ca-certificates.crt",
	"pki/tls/certs/ca-bundle.crt",
	"ssl/ca-bundle.pem",
	"pki/tls/cacert.pem",
	"ssl/cert.pem",
];

/** Variables that name a file or folder of authorities; the view finds a host's path under the host's tree. */
export const certificateVariables: readonly string[] = [
	"SSL_CERT_FILE",
	"SSL_CERT_DIR",
	"NODE_EXTRA_CA_CERTS",
	"REQUESTS_CA_BUNDLE",
	"CURL_CA_BUNDLE",
	"GIT_SSL_CAINFO",
	"PIP_CERT",
	"AWS_CA_BUNDLE",
];

/**
 * Makes `<target>/ssl/certs` show the host's authorities: `ca-certificates.crt` leads to the host's bundle, and where the
 * host has a folder of single certificates (names by hash), it replaces the root's. A host without any leaves the root's.
 */
export function linkCertificates(target: string, hostEtc: string, tree?: string): void {
	const bundle = bundles.map((name) => liveLink(`${hostEtc}/${name}`, tree)).find((each) => each !== null);
	if (bundle === undefined) return;
	const folder = `${hostEtc}/ssl/certs`;
	const names = listCertificates(folder);
	if (names.length > 0 && isFolder(`${target}/ssl`)) rmSync(`${target}/ssl/certs`, { recursive: true, force: true });
	for (const path of [`${target}/ssl`, `${target}/ssl/certs`]) makeRealFolder(path);
	for (const name of names) {
		const destination = linkOf(`${folder}/${name}`);
		const link = destination !== null && !destination.includes("/") ? destination : liveLink(`${folder}/${name}`, tree);
		if (link !== null) symlinkSync(link, `${target}/ssl/certs/${name}`);
	}
	for (const name of ["certs/ca-certificates.crt", "cert.pem"]) {
		rmSync(`${target}/ssl/${name}`, { force: true });
		symlinkSync(bundle, `${target}/ssl/${name}`);
	}
}

/** Whether {@link linkCertificates} replaces a root's folder of single certificates. */
export function hasOwnCertificates(hostEtc: string): boolean {
	return (
		bundles.some((name) => liveLink(`${hostEtc}/${name}`) !== null) &&
		listCertificates(`${hostEtc}/ssl/certs`).length > 0
	);
}

/** Makes a folder unless one is there; a link, which may lead out of the view's /etc, gives way to it. */
export function makeRealFolder(path: string): void {
	if (isFolder(path)) return;
	rmSync(path, { force: true });
	mkdirSync(path, { mode: 0o755 });
}

function isFolder(path: string): boolean {
	return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Entries of a folder of single certificates; none unless some have the names by hash that OpenSSL looks for. */
function listCertificates(folder: string): string[] {
	try {
		const names = readdirSync(folder);
		return names.some((name) => /^[0-9a-f]{8}\.\d+$/.test(name)) ? names : [];
	} catch {
		return []; // no such folder
	}
}

function linkOf(path: string): string | null {
	return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
}
