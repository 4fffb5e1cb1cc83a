/** From a process's declaration to its spec, and what no single key can show to be wrong. Layer 1 (pure). */

import { type Diagnostic, diagnose, type Location, nearestNames } from "@devenv/diagnostics";
import type { Located } from "./env-spec.ts";
import type { DependencyCondition, ProcessDeclaration, ProcessSpec, ReadyProbe } from "./process-spec.ts";

/** With defaults filled in. Of several kinds of `ready` the first counts: {@link checkProcesses} refuses them. */
export function processOf(name: string, declared: ProcessDeclaration): ProcessSpec {
	const { restart, stop } = declared;
	return {
		name,
		exec: declared.exec.value,
		description: declared.description?.value ?? "",
		after: (declared.after ?? []).map(({ value }) => {
			const [process = "", condition = "ready"] = value.split("@");
			return { process, condition: condition as DependencyCondition };
		}),
		ready: probeOf(declared),
		restart: { policy: restart?.policy ?? "on_failure", most: restart?.max ?? 5, backoff: restart?.backoff ?? 1 },
		ports: (declared.ports ?? []).map(([port, number]) => ({ name: port, port: number })),
		env: (declared.env ?? []).map(([variable, { value }]) => ({ name: variable, value })),
		cwd: declared.cwd?.value ?? "",
		stop: { signal: stop?.signal ?? "TERM", timeout: stop?.timeout ?? 10 },
	};
}

function probeOf({ ready }: ProcessDeclaration): ReadyProbe | null {
	if (ready === undefined) return null;
	const { exec, http, port, log, interval = 1, timeout = 60 } = ready;
	const times = { interval: Math.max(1, interval), timeout: Math.max(1, timeout) };
	if (exec !== undefined) return { check: { kind: "exec", exec: exec.value }, ...times };
	if (http !== undefined) return { check: { kind: "http", url: http.value }, ...times };
	if (port !== undefined) return { check: { kind: "port", port: port.value }, ...times };
	if (log !== undefined) return { check: { kind: "log", pattern: log.value }, ...times };
	return null;
}

/** Reports what is wrong between keys: unknown names, circles, contradictions. `declared`: what files say, by name. */
export function checkProcesses(
	processes: readonly ProcessSpec[],
	declared: ReadonlyMap<string, ProcessDeclaration>,
	diagnostics: Diagnostic[],
): void {
	const names = processes.map(({ name }) => name);
	const known = new Set(names);
	for (const [name, declaration] of declared) {
		const report = (code: string, message: string, at: Located<unknown> | undefined, hint?: string): void => {
			const location = at?.location ?? declaration.exec.location;
			diagnostics.push(
				diagnose(code, message, {
					...(location === undefined ? {} : { location }),
					...(hint === undefined ? {} : { hint }),
				}),
			);
		};
		for (const each of declaration.after ?? []) {
			const other = each.value.split("@", 1)[0] ?? "";
			if (known.has(other)) continue;
			const near = nearestNames(other, names, { most: 1 })[0];
			const hint = near === undefined ? `declared are: ${names.join(", ")}` : `did you mean '${near}'?`;
			report("ENV_UNKNOWN_PROCESS", `'${name}' comes after '${other}', which is no process`, each, hint);
		}
		const { ready, ports = [] } = declaration;
		if (ready === undefined) continue;
		const kinds = [ready.exec, ready.http, ready.port, ready.log].filter((each) => each !== undefined);
		if (kinds.length !== 1) {
			const message = `'processes.${name}.ready' has ${kinds.length === 0 ? "none" : "several"} of exec, http, port and log`;
			report("ENV_READY", message, kinds[1], "keep one of them");
		}
		const port = ready.port?.value ?? /^http:\/\/[^/:]+:([a-z][a-z0-9_]*)/.exec(ready.http?.value ?? "")?.[1];
		if (port !== undefined && !/^\d+$/.test(port) && !ports.some(([each]) => each === port)) {
			const near = nearestNames(
				port,
				ports.map(([each]) => each),
				{ most: 1 },
			)[0];
			const hint = near === undefined ? "declare it under 'ports'" : `did you mean '${near}'?`;
			report("ENV_UNKNOWN_PORT", `'${name}' has no port '${port}'`, ready.port ?? ready.http, hint);
		}
		if (ready.log !== undefined && !isExpression(ready.log.value)) {
			report("ENV_READY", `'processes.${name}.ready.log' is no regular expression`, ready.log);
		}
	}
	const circle = findCircle(processes);
	if (circle === undefined) return;
	const location = locationOf(declared.get(circle[0] ?? ""), circle[1]);
	diagnostics.push(
		diagnose("ENV_PROCESS_CIRCLE", `processes wait for each other: ${circle.join(" → ")}`, {
			...(location === undefined ? {} : { location }),
			hint: "take one of them out of an 'after'",
		}),
	);
}

function isExpression(pattern: string): boolean {
	try {
		new RegExp(pattern, "u");
		return true;
	} catch {
		return false;
	}
}

function locationOf(declaration: ProcessDeclaration | undefined, other: string | undefined): Location | undefined {
	const found = declaration?.after?.find(({ value }) => value.split("@", 1)[0] === other);
	return found?.location ?? declaration?.exec.location;
}

/** The names along a circle of `after`, the first also last; undefined where there is none. */
function findCircle(processes: readonly ProcessSpec[]): string[] | undefined {
	const byName = new Map(processes.map((each) => [each.name, each]));
	const done = new Set<string>();
	const path: string[] = [];
	const visit = (name: string): string[] | undefined => {
		const at = path.indexOf(name);
		if (at >= 0) return [...path.slice(at), name];
		if (done.has(name)) return undefined;
		path.push(name);
		for (const { process } of byName.get(name)?.after ?? []) {
			const circle = visit(process);
			if (circle !== undefined) return circle;
		}
		path.pop();
		done.add(name);
		return undefined;
	};
	for (const { name } of processes) {
		const circle = visit(name);
		if (circle !== undefined) return circle;
	}
	return undefined;
}
