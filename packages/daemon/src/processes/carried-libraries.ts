/**
 * LD_LIBRARY_PATH of a program that is entered through this installation's node. Where the machine lacks a library that node
 * needs, node gets a path of its own, and the program's is carried past it. Layer 4.
 */

type Environment = Readonly<Record<string, string | undefined>>;

const CARRIER = "DEVENV_PROCESS_LD_LIBRARY_PATH";

/** What node is started with, so that {@link unpackLibraries} gives `environment` there. `own` is what this process runs with. */
export function carryLibraries(environment: Environment, own: string | undefined): Environment {
	if (own === undefined) return environment;
	const theirs = environment["LD_LIBRARY_PATH"];
	return { ...environment, LD_LIBRARY_PATH: own, [CARRIER]: theirs === undefined ? "" : `=${theirs}` };
}

export function unpackLibraries(environment: Environment): Record<string, string> {
	const restored = new Map(Object.entries(environment));
	const theirs = restored.get(CARRIER);
	if (theirs !== undefined) restored.set("LD_LIBRARY_PATH", theirs === "" ? undefined : theirs.slice(1));
	restored.delete(CARRIER);
	return Object.fromEntries([...restored].filter((entry): entry is [string, string] => entry[1] !== undefined));
}
