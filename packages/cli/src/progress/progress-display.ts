/**
 * Progress on standard error. On a terminal a few lines are redrawn in place and removed at the end; elsewhere a line of
 * figures comes now and then. What takes less than half a second shows nothing. Layer 5.
 */

import type { ProgressEvent } from "@devenv/protocol";
import type { Terminal } from "../terminal.ts";
import { ProgressState } from "./progress-state.ts";
import { renderOutcome, renderProgress, summariseWithStep } from "./render-progress.ts";

/** Where the display writes to: a terminal's stream, or any other. */
export interface ProgressOutput {
	write(text: string): unknown;
	readonly columns?: number | undefined;
	readonly rows?: number | undefined;
}

/** Milliseconds. */
const QUIET = 500;
const FRAME = 100;
const PLAIN_INTERVAL = 5_000;
/** From this duration on the outcome is worth a line. */
const OUTCOME_AFTER = 2_000;
/** Window over which the rate of downloads is taken. */
const RATE_WINDOW = 3_000;
const MOST_ROWS = 8;

export class ProgressDisplay {
	readonly #output: ProgressOutput;
	readonly #terminal: Terminal;
	readonly #clock: () => number;
	readonly #start: number;
	readonly #state = new ProgressState();
	#timer: NodeJS.Timeout | undefined;
	#samples: { readonly at: number; readonly bytes: number }[] = [];
	/** Lines drawn by the last frame. */
	#drawn = 0;
	#lastPlain = 0;

	constructor(output: ProgressOutput, terminal: Terminal, clock: () => number = () => performance.now()) {
		this.#output = output;
		this.#terminal = terminal;
		this.#clock = clock;
		this.#start = clock();
		this.#timer = setInterval(() => {
			this.tick();
		}, FRAME);
		this.#timer.unref();
	}

	/** What the daemon says it is doing; empty before it says anything. */
	get phase(): string {
		return this.#state.phase;
	}

	/** Says what is done before the daemon can say anything. */
	begin(doing: string): void {
		this.#state.beginning = doing;
	}

	receive(event: ProgressEvent): void {
		this.#state.receive(event, this.#clock());
	}

	/** Draws one frame, or one plain line when it is time for one. */
	tick(): void {
		const now = this.#clock();
		const elapsed = now - this.#start;
		const rate = this.#rate(now);
		if (elapsed < QUIET) return;
		if (this.#terminal.animated) this.#draw(now, elapsed, rate);
		else if (this.#lastPlain === 0 || now - this.#lastPlain >= PLAIN_INTERVAL) {
			if (this.#state.phase === "" && this.#state.active.size === 0) return;
			this.#lastPlain = now;
			this.#output.write(`devenv: ${summariseWithStep(this.#state, { elapsed, now, rate })}\n`);
		}
	}

	/** Removes the display, and leaves one line about long work. */
	close(): void {
		if (this.#timer === undefined) return;
		clearInterval(this.#timer);
		this.#timer = undefined;
		if (this.#drawn > 0) this.#output.write(this.#eraser());
		const elapsed = this.#clock() - this.#start;
		const outcome = elapsed < OUTCOME_AFTER ? "" : renderOutcome(this.#state, elapsed);
		if (outcome !== "") this.#output.write(`devenv: ${outcome}\n`);
	}

	#draw(now: number, elapsed: number, rate: number): void {
		const columns = knownSize(this.#output.columns) ?? 80;
		const rows = Math.max(1, Math.min(MOST_ROWS, (knownSize(this.#output.rows) ?? 24) - 2));
		const lines = renderProgress(this.#state, { elapsed, now, rate }, { columns, rows, color: this.#terminal.color });
		// One write a frame, so that nothing flickers.
		this.#output.write(`${this.#eraser()}${lines.map((line) => `${line}\n`).join("")}`);
		this.#drawn = lines.length;
	}

	/** Puts the cursor back to where the display began and clears what is below. */
	#eraser(): string {
		return this.#drawn === 0 ? "" : `\u001b[${this.#drawn}A\r\u001b[J`;
	}

	#rate(now: number): number {
		this.#samples.push({ at: now, bytes: this.#state.bytes });
		this.#samples = this.#samples.filter((sample) => now - sample.at <= RATE_WINDOW);
		const first = this.#samples[0];
		if (first === undefined || now - first.at < FRAME) return 0;
		return Math.max(0, ((this.#state.bytes - first.bytes) * 1000) / (now - first.at));
	}
}

/** Some terminals say that their size is 0: they do not know it. */
function knownSize(size: number | undefined): number | undefined {
	return size === 0 ? undefined : size;
}
