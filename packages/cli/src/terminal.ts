/** What standard error can show: colours, a display that redraws itself, or plain lines. Layer 5. */

export interface Terminal {
	readonly color: boolean;
	/** Lines may be redrawn. */
	readonly animated: boolean;
}

/** Honours NO_COLOR (no-color.org), FORCE_COLOR, CI and dumb terminals. */
export function terminalOf(isTerminal: boolean, environment: Readonly<NodeJS.ProcessEnv>): Terminal {
	const set = (name: string): boolean => (environment[name] ?? "") !== "";
	const capable = isTerminal && environment["TERM"] !== "dumb";
	const forced = set("FORCE_COLOR") && environment["FORCE_COLOR"] !== "0";
	const ci = set("CI") && environment["CI"] !== "false" && environment["CI"] !== "0";
	return { color: !set("NO_COLOR") && (forced || capable), animated: capable && !ci };
}
