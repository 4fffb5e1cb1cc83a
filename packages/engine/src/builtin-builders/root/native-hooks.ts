/**
 * Maintainer scripts that are not run because we do their work ourselves: faster, and with the same bytes every time. Layer 3.
 *
 * - `python3.N`, `python3.N-minimal` only compile the standard library; done beside the other scripts, as byte code that is not
 *   checked against its source at every start (a root is never written).
 * - `locales` only asks which locales to generate; the attributes say it.
 * - `ca-certificates` asks which certificates to trust (all) and makes a bundle of them, slowly.
 * - `man-db` indexes all manuals, for `apropos`; the index holds times, and would not be kept.
 * - `ca-certificates-java` runs Java to write a key store with dates in it.
 */

import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { placeInRoot, readInRoot, replaceInRoot } from "./inside-root.ts";
import type { ScriptStep } from "./script-driver.ts";

const replacedScripts: readonly RegExp[] = [
	/^python3\.\d+(?:-minimal)?$/,
	/^locales(?:-all)?$/,
	/^ca-certificates(?:-java)?$/,
	/^man-db$/,
];

/** Whether a package's postinst is left out because its work is done here. */
export function isReplaced(packageName: string): boolean {
	return replacedScripts.some((pattern) => pattern.test(packageName));
}

/** Steps that run beside the first scripts. */
export function backgroundSteps(root: string): readonly ScriptStep[] {
	const steps: ScriptStep[] = [];
	for (const name of readdirSync(join(root, "usr/lib")).sort()) {
		if (!/^python3\.\d+$/.test(name) || !existsSync(join(root, "usr/bin", name))) continue;
		if (!existsSync(join(root, "usr/lib", name, "compileall.py"))) continue;
		steps.push({
			kind: "background",
			label: `${name} standard library`,
			/* Files that are bad on purpose (tests of the compiler) make compileall fail, and are left as they are. */
			text: `/usr/bin/${name} -E -S -I -m compileall -q -j 1 --invalidation-mode unchecked-hash /usr/lib/${name} || true`,
		});
	}
	return steps;
}

/**
 * The list, the links and the bundle that `update-ca-certificates` makes. The text is run in the sandbox: the hashed names of the
 * links are OpenSSL's to compute.
 */
export function certificateStep(root: string): ScriptStep | undefined {
	if (
		!existsSync(join(root, "usr/share/ca-certificates")) ||
		!existsSync(join(root, "usr/sbin/update-ca-certificates"))
	) {
		return undefined;
	}
	return {
		kind: "shell",
		label: "certificates",
		text: `cd /usr/share/ca-certificates
find . -name '*.crt' | sort | cut -c3- >/etc/ca-certificates.conf
mkdir -p /etc/ssl/certs
while read -r name; do
	link=\${name##*/}
	ln -sf "/usr/share/ca-certificates/$name" "/etc/ssl/certs/\${link%.crt}.pem"
	cat "$name"
done </etc/ca-certificates.conf >/etc/ssl/certs/ca-certificates.crt
if [ -x /usr/bin/openssl ]; then /usr/bin/openssl rehash /etc/ssl/certs >/dev/null; fi`,
	};
}

/** Java's key store of trusted certificates, where a Java runtime in the root looks for it. */
export function writeJavaKeyStore(root: string): void {
	const isThere = (path: string): boolean =>
		lstatSync(placeInRoot(root, path), { throwIfNoEntry: false }) !== undefined;
	if (!isThere("etc/ssl/certs/java") && !isThere("usr/share/ca-certificates-java")) return;
	const names = readInRoot(root, "etc/ca-certificates.conf")
		?.toString("utf8")
		.split("\n")
		.filter((line) => /^[A-Za-z0-9]/.test(line) && !line.split("/").includes(".."))
		.sort();
	if (names === undefined) return;
	const certificates = new Map<string, Buffer>();
	for (const name of names) {
		const text = readInRoot(root, `usr/share/ca-certificates/${name}`)?.toString("latin1") ?? "";
		const pem = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/.exec(text);
		if (pem?.[1] !== undefined) {
			certificates.set(`debian:${basename(name, ".crt").toLowerCase()}.pem`, Buffer.from(pem[1], "base64"));
		}
	}
	replaceInRoot(root, "etc/ssl/certs/java/cacerts", javaKeyStore(certificates));
}

/**
 * A key store of trusted certificates (DER) by alias, with Java's customary password `changeit`. Format: JKS version 2, as
 * `sun.security.provider.JavaKeyStore` reads it; entries are dated to the epoch.
 */
function javaKeyStore(certificates: ReadonlyMap<string, Buffer>): Buffer {
	const int = (value: number): Buffer => {
		const bytes = Buffer.alloc(4);
		bytes.writeUInt32BE(value);
		return bytes;
	};
	const text = (value: string): Buffer => {
		const bytes = Buffer.from(value, "utf8");
		return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
	};
	const parts = [int(0xfeedfeed), int(2), int(certificates.size)];
	const trustedCertificate = 2;
	for (const [alias, der] of certificates) {
		parts.push(int(trustedCertificate), text(alias), Buffer.alloc(8), text("X.509"), int(der.length), der);
	}
	const body = Buffer.concat(parts);
	const password = Buffer.from("changeit", "utf16le").swap16();
	const digest = createHash("sha1").update(password).update("Mighty Aphrodite").update(body).digest();
	return Buffer.concat([body, digest]);
}
