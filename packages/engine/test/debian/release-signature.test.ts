import { DiagnosticError, renderDiagnostic } from "@devenv/diagnostics";
import test from "ava";
import { debianArchiveKeys } from "../../src/debian/archive-keys.ts";
import { readSigned } from "../../src/debian/release-signature.ts";
import { makeKey, signInline, testNow } from "./test-archive.ts";

const origin = "dists/trixie/InRelease of the archive 'debian'";
const day = 24 * 60 * 60;

async function refusal(promise: Promise<unknown>): Promise<string> {
	try {
		await promise;
	} catch (error) {
		if (error instanceof DiagnosticError) return error.diagnostics.map((each) => renderDiagnostic(each)).join("");
		throw error;
	}
	return "nothing was refused";
}

test("gives the signed text, and nothing around it", async (t) => {
	const key = await makeKey();
	const signed = await signInline("Suite: stable\n", key);
	const text = await readSigned(signed, { keys: [key.publicKey], now: testNow, origin });
	t.is(text, "Suite: stable\n");
	const around = await readSigned(`${signed}\nSuite: sid\n`, { keys: [key.publicKey], now: testNow, origin }).catch(
		() => "refused",
	);
	t.true(around === "Suite: stable\n" || around === "refused");
});

test("one trusted key among several signatures is enough", async (t) => {
	const [trusted, other] = [await makeKey(), await makeKey()];
	const { createCleartextMessage, sign } = await import("openpgp");
	const message = await createCleartextMessage({ text: "Suite: stable\n" });
	const signed = await sign({
		message,
		signingKeys: [other.privateKey, trusted.privateKey],
		date: new Date("2026-02-01"),
	});
	t.is(await readSigned(signed, { keys: [trusted.publicKey], now: testNow, origin }), "Suite: stable\n");
});

test("a file without a signature", async (t) => {
	const message = await refusal(readSigned("<html>sign in</html>", { keys: [], now: testNow, origin }));
	t.regex(
		message,
		/^error\[DEBIAN_SIGNATURE_MISSING\]: dists\/trixie\/InRelease of the archive 'debian' is not signed\n/,
	);
	t.regex(message, / help: The mirror is broken or something stands between it and this machine/);
});

test("a text that was changed after it was signed", async (t) => {
	const key = await makeKey();
	const signed = (await signInline("Suite: stable\n", key)).replace("stable", "unsafe");
	const message = await refusal(readSigned(signed, { keys: [key.publicKey], now: testNow, origin }));
	t.regex(
		message,
		/^error\[DEBIAN_SIGNATURE_BAD\]: the signature of dists\/trixie\/InRelease of the archive 'debian' is wrong\n/,
	);
});

test("a key that nobody trusts", async (t) => {
	const [key, other] = [await makeKey(), await makeKey()];
	const signed = await signInline("Suite: stable\n", key);
	const message = await refusal(readSigned(signed, { keys: [other.publicKey], now: testNow, origin }));
	t.is(
		message,
		`error[DEBIAN_SIGNATURE_UNKNOWN_KEY]: ${origin} is signed by none of the trusted keys, but by ${key.privateKey.getKeyID().toHex().toUpperCase()}
  help: Only suites that are signed by the Debian archive's keys can be used.
`,
	);
});

test("a key that has expired since", async (t) => {
	const key = await makeKey({ validSeconds: 40 * day });
	const signed = await signInline("Suite: stable\n", key);
	const trust = { keys: [key.publicKey], origin };
	t.is(await readSigned(signed, { ...trust, now: new Date("2026-02-05") }), "Suite: stable\n");
	t.regex(await refusal(readSigned(signed, { ...trust, now: testNow })), /^error\[DEBIAN_SIGNATURE_EXPIRED_KEY\]/);
});

test("a signature from the future", async (t) => {
	const key = await makeKey();
	const signed = await signInline("Suite: stable\n", key, new Date("2026-06-01"));
	t.regex(
		await refusal(readSigned(signed, { keys: [key.publicKey], now: testNow, origin })),
		/^error\[DEBIAN_SIGNATURE_BAD\]/,
	);
});

test("Debian's own keys can be read", async (t) => {
	const { readKeys } = await import("openpgp");
	const keys = (await Promise.all(debianArchiveKeys().map((armoredKeys) => readKeys({ armoredKeys })))).flat();
	const users = keys.flatMap((key) => key.getUserIDs());
	for (const release of ["11/bullseye", "12/bookworm", "13/trixie"]) {
		t.is(users.filter((user) => user.includes(`(${release})`)).length, 3, release);
	}
});
