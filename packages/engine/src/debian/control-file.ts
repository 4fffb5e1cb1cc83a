/** Debian's control file format (deb822): stanzas of `Field: value` with continuation lines. Layer 3 (engine), pure. */

/** Field values by lower-case name; the lines of a folded value are joined by line feeds, without their indentation. */
export type Stanza = ReadonlyMap<string, string>;

/** Reads one stanza. A line that is neither a field nor a continuation gives `undefined`: the text is no control file. */
export function parseStanza(text: string): Stanza | undefined {
	const fields = new Map<string, string>();
	let current: string | undefined;
	for (const line of text.split("\n")) {
		if (line === "" || line === "\r") continue;
		const first = line.charCodeAt(0);
		if (first === 32 || first === 9) {
			if (current === undefined) return undefined;
			fields.set(current, `${fields.get(current) ?? ""}\n${line.trim()}`);
			continue;
		}
		const colon = line.indexOf(":");
		if (colon <= 0) return undefined;
		current = line.slice(0, colon).toLowerCase();
		fields.set(current, line.slice(colon + 1).trim());
	}
	return fields;
}
