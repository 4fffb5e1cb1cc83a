/** References of store objects as pictures: trees, graphs, and the shortest way from one to another. Pure. Layer 5. */

import { storePathBase, storePathName, type StorePath } from "@devenv/nix-formats";

/** The references of an object, sorted. */
export type ReferencesOf = (path: StorePath) => readonly StorePath[];

/** As `nix-store --query --tree`: what was drawn before is not drawn again. */
export function drawTree(root: StorePath, referencesOf: ReferencesOf): string {
	const done = new Set<StorePath>();
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
