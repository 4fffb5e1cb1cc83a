/** Progress as lines of text. Pure: state and figures in, lines out. Layer 5. */

import { printable } from "@devenv/diagnostics";
import type { ActiveStep, ProgressState } from "./progress-state.ts";

export interface ProgressFigures {
	/** Milliseconds since the request began. */
	readonly elapsed: number;
	/** Milliseconds of the clock that steps began by. */
	readonly now: number;
	/** Bytes a second over the last seconds. */
	readonly rate: number;
}

export interface ProgressLayout {
	/** Columns of the terminal. */
	readonly columns: number;
	/** Most lines to use, at least 1. */
	readonly rows: number;
	readonly color: boolean;
}

const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

/** The display on a terminal: one line of figures, then one line for each step under way, in the order of their beginning. */
export function renderProgress(state: ProgressState, figures: ProgressFigures, layout: ProgressLayout): string[] {
	const width = Math.max(10, layout.columns - 1);
	const frame = spinner.charAt(Math.floor(figures.elapsed / 100) % spinner.length);
	const lines = [`${frame} ${fitText(summarise(state, figures), width - 2)}`];
	const steps = [...state.active.values()];
	const room = Math.max(0, layout.rows - 1);
	const shown = steps.length > room ? steps.slice(0, Math.max(0, room - 1)) : steps;
	for (const step of shown) lines.push(paint("2", fitText(`  ${renderStep(step, figures.now)}`, width), layout.color));
	if (shown.length < steps.length && room > 0) {
		lines.push(paint("2", `  … and ${steps.length - shown.length} more`, layout.color));
	}
	return lines;
}

/** All on one line: `building the environment: fetched 20 of 143 (35.1 MB, 12.3 MB/s), built 3 of 80, 0:07`. */
export function summarise(state: ProgressState, figures: ProgressFigures): string {
	const parts: string[] = [];
	if (state.plannedFetches > 0 || state.fetched > 0) {
		const rate = figures.rate >= 1 ? `, ${formatBytes(figures.rate)}/s` : "";
		const total = Math.max(state.plannedFetches, state.fetched);
		parts.push(`fetched ${state.fetched} of ${total} (${formatBytes(state.bytes)}${rate})`);
	}
	if (state.plannedBuilds > 0 || state.built > 0) {
		parts.push(`built ${state.built} of ${Math.max(state.plannedBuilds, state.built)}`);
	}
	const phase = state.phase === "" ? state.beginning : printable(state.phase);
	const duration = formatDuration(figures.elapsed);
	return parts.length === 0 ? `${phase}, ${duration}` : `${phase}: ${parts.join(", ")}, ${duration}`;
}

/** As {@link summarise}, for where no line of steps follows: `building the environment: …, 0:07: unpacking gcc`. */
export function summariseWithStep(state: ProgressState, figures: ProgressFigures): string {
	const summary = summarise(state, figures);
	return state.doing === "" ? summary : `${summary}: ${printable(state.doing)}`;
}

function renderStep(step: ActiveStep, now: number): string {
	const name = printable(step.name);
	switch (step.kind) {
		case "fetch":
			return `↓ ${name}  ${step.total === null ? formatBytes(step.bytes) : formatShare(step.bytes, step.total)}`;
		case "build": {
			const seconds = Math.floor((now - step.since) / 1000);
			const line = step.line === "" ? "" : `  ${printable(step.line.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, ""))}`;
			return `⚙ ${name}${seconds < 1 ? "" : `  ${formatDuration(now - step.since)}`}${line}`;
		}
		case "wait":
			return `… ${name}  another process is building it`;
	}
}

function formatShare(bytes: number, total: number): string {
	return `${formatBytes(bytes)} of ${formatBytes(total)}`;
}

/** A summary for afterwards: `fetched 143 (203 MB), built 81 in 0:41`; empty where nothing was done. */
export function renderOutcome(state: ProgressState, elapsed: number): string {
	const parts: string[] = [];
	const { fetched, built } = state.totals;
	if (fetched > 0) parts.push(`fetched ${fetched} (${formatBytes(state.bytes)})`);
	if (built > 0) parts.push(`built ${built}`);
	return parts.length === 0 ? "" : `${parts.join(", ")} in ${formatDuration(elapsed)}`;
}

/** `999 B`, `1.0 kB`, `35.1 MB`: decimal prefixes, as package tools use them. */
export function formatBytes(bytes: number): string {
	let value = bytes;
	for (const unit of ["B", "kB", "MB", "GB"]) {
		if (value < 999.5 || unit === "GB")
			return unit === "B" || value >= 99.95 ? `${value.toFixed(0)} ${unit}` : `${value.toFixed(1)} ${unit}`;
		value /= 1000;
	}
	return `${bytes} B`;
}

/** `0:07`, `12:40`, `1:02:40`. */
export function formatDuration(milliseconds: number): string {
	const seconds = Math.floor(milliseconds / 1000);
	const padded = (value: number): string => String(value).padStart(2, "0");
	const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
	return hours > 0 ? `${hours}:${padded(minutes)}:${padded(seconds % 60)}` : `${minutes}:${padded(seconds % 60)}`;
}

/** What East Asian terminals show two columns wide: CJK, Hangul, full-width forms, emoji. */
const wide =
	/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\ud83c-\ud83e][\udc00-\udfff]/;

/** A text cut to a number of columns, with an ellipsis where something is missing. */
export function fitText(text: string, columns: number): string {
	let used = 0;
	let end = 0;
	/** Where to cut so that the ellipsis has room. */
	let cut = 0;
	for (const character of text) {
		used += wide.test(character) ? 2 : 1;
		end += character.length;
		if (used > columns) return `${text.slice(0, cut)}…`;
		if (used < columns) cut = end;
	}
	return text;
}

function paint(code: string, text: string, color: boolean): string {
	return color ? `\u001b[${code}m${text}\u001b[0m` : text;
}
