/**
 * A view made by bwrap, where there is no compiled helper. The same folders as native/view.c makes, but: no host agent, no
 * swap of the root, /var/lib and the like only laid over what the host has, and a root caller cannot appear as a user
 * that may write others' files. Layer 2.
 */

import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync } from "node:fs";
import { hostTree } from "./host-tree.ts";
import type { ViewSpec } from "./stamp-file.ts";

const replaced = /^(usr|bin|sbin|lib.*|etc|nix|\.devenv)$/;

/** Arguments of bwrap up to `--`. Needs bubblewrap 0.5 or later. */
export function bwrapArguments(view: ViewSpec): string[] {
	const args: string[] = ["--die-with-parent"];
	for (const name of readdirSync("/")) {
		if (!replaced.test(name)) args.push(...keep(`/${name}`, `/${name}`));
	}
	for (const name of readdirSync(view.root)) {
		if (/^(usr|bin|sbin|lib.*)$/.test(name)) args.push(...place(`${view.root}/${name}`, `/${name}`));
	}
	for (const folder of ["var/lib", "var/cache", "opt"]) {
		for (const name of existsSync(`${view.root}/${folder}`) ? readdirSync(`${view.root}/${folder}`) : []) {
			if (existsSync(`/${folder}/${name}`)) args.push(...place(`${view.root}/${folder}/${name}`, `/${folder}/${name}`));
		}
	}
	args.push("--bind", view.etc, "/etc");
	args.push("--ro-bind", view.store, "/nix/store");
	if (!view.store.startsWith("/nix/")) args.push("--ro-bind", view.store, view.store);
	args.push("--dir", "/.devenv", "--bind", "/", hostTree);
	const store = realpathSync(view.store);
	args.push("--ro-bind", store, `${hostTree}${store}`);
	if (view.asUser !== undefined && process.getuid?.() === 0) {
		args.push("--unshare-user", "--uid", String(view.asUser), "--gid", String(view.asUser));
	}
	return args;
}

function keep(source: string, target: string): string[] {
	return lstatSync(source).isSymbolicLink()
		? ["--symlink", readlinkSync(source), target]
		: ["--dev-bind-try", source, target];
}

function place(source: string, target: string): string[] {
	return lstatSync(source).isSymbolicLink()
		? ["--symlink", readlinkSync(source), target]
		: ["--ro-bind", source, target];
}
