/** References of store objects as pictures: trees, graphs, and the shortest way from one to another. Pure. Layer 5. */

import { storePathBase, storePathName, type StorePath } from "@devenv/nix-formats";

/** The references of an object, sorted. */
export type ReferencesOf = (path: StorePath) => readonly StorePath[];

/** As `nix-store --query --tree`: what was drawn before is not drawn again. */
export function drawTree(root: StorePath, referencesOf: ReferencesOf, done = new Set<StorePath>()): string {
	const lines: string[] = [];
	const draw = (path: StorePath, first: string, rest: string): void => {
		if (done.has(path)) {
			lines.push(`${first}${path} [...]`);
			return;
		}
		done.add(path);
		lines.push(`${first}${path}`);
		const children = referencesFirst(referencesOf(path), referencesOf);
		for (const [index, child] of children.entries()) {
			const last = index === children.length - 1;
			draw(child, `${rest}${last ? "└───" : "├───"}`, `${rest}${last ? "    " : "│   "}`);
		}
	};
	draw(root, "", "");
	return `${lines.join("\n")}\n`;
}

/** What refers to another one of them comes after it, which keeps trees flat. */
function referencesFirst(paths: readonly StorePath[], referencesOf: ReferencesOf): StorePath[] {
	const among = new Set(paths);
	const ordered = new Set<StorePath>();
	const open = new Set<StorePath>();
	const visit = (path: StorePath): void => {
		if (open.has(path)) return;
		open.add(path);
		for (const each of referencesOf(path)) if (among.has(each)) visit(each);
		ordered.add(path);
	};
	for (const path of paths) visit(path);
	return [...ordered];
}

const colors = ["black", "red", "green", "blue", "magenta", "burlywood"];

/** As `nix-store --query --graph`, in the language of Graphviz. */
export function drawGraph(roots: readonly StorePath[], referencesOf: ReferencesOf): string {
	const done = new Set<StorePath>();
	const waiting = new Set(roots);
	let text = "digraph G {\n";
	let edges = 0;
	while (waiting.size > 0) {
		const path = [...waiting].sort()[0];
		if (path === undefined) break;
		waiting.delete(path);
		if (done.has(path)) continue;
		done.add(path);
		const node = storePathBase(path);
		text += `"${node}" [label = "${storePathName(path)}", shape = box, style = filled, fillcolor = "#ff0000"];\n`;
		for (const reference of referencesOf(path)) {
			if (reference === path) continue;
			waiting.add(reference);
			text += `"${storePathBase(reference)}" -> "${node}" [color = "${colors[edges++ % colors.length] ?? ""}"];\n`;
		}
	}
	return `${text}}\n`;
}

/** What a node of GraphML says of an object. */
export type FactsOf = (path: StorePath) => { readonly narSize: number; readonly references: readonly StorePath[] };

/** As `nix-store --query --graphml`. */
export function drawGraphMl(roots: readonly StorePath[], factsOf: FactsOf): string {
	const key = (id: string, type: string): string =>
		`<key id='${id}' for='node' attr.name='${id}' attr.type='${type}'/>`;
	let text = `<?xml version='1.0' encoding='utf-8'?>
<graphml xmlns='http://graphml.graphdrawing.org/xmlns'
    xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'
    xsi:schemaLocation='http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd'>
${key("narSize", "int")}${key("name", "string")}${key("type", "string")}<graph id='G' edgedefault='directed'>
`;
	const done = new Set<StorePath>();
	const waiting = new Set(roots);
	while (waiting.size > 0) {
		const path = [...waiting].sort()[0];
		if (path === undefined) break;
		waiting.delete(path);
		if (done.has(path)) continue;
		done.add(path);
		const { narSize, references } = factsOf(path);
		const node = storePathBase(path);
		// Nix shows of a name what comes before its first dash, and that; nothing without one.
		const name = /^[^-]*-/.exec(storePathName(path))?.[0] ?? "";
		text += `  <node id="${node}">\n    <data key="narSize">${narSize}</data>\n    <data key="name">${name}</data>\n`;
		text += `    <data key="type">${path.endsWith(".drv") ? "derivation" : "output-path"}</data>\n  </node>\n`;
		for (const reference of references) {
			if (reference === path) continue;
			waiting.add(reference);
			text += `  <edge source="${node}" target="${storePathBase(reference)}"/>\n`;
		}
	}
	return `${text}</graph>\n</graphml>\n`;
}

/** The shortest way from one object to another by references, both included; undefined where there is none. */
export function wayTo(from: StorePath, to: StorePath, referencesOf: ReferencesOf): StorePath[] | undefined {
	const before = new Map<StorePath, StorePath | undefined>([[from, undefined]]);
	const queue = [from];
	for (const path of queue) {
		if (path === to) break;
		for (const each of referencesOf(path)) {
			if (before.has(each)) continue;
			before.set(each, path);
			queue.push(each);
		}
	}
	if (!before.has(to)) return undefined;
	const way: StorePath[] = [];
	for (let at: StorePath | undefined = to; at !== undefined; at = before.get(at)) way.unshift(at);
	return way;
}
