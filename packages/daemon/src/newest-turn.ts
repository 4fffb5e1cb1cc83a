/** Which of several things that were begun one after the other, and may end in another order, is the newest that has ended. Layer 4. */
export class NewestTurn {
	#count = 0;
	readonly #ended = new Map<string, number>();

	/** Begins something under a name. The function given says, when it has ended, whether nothing begun later has. */
	begin(name: string): () => boolean {
		const turn = ++this.#count;
		return () => {
			if ((this.#ended.get(name) ?? 0) > turn) return false;
			this.#ended.set(name, turn);
			return true;
		};
	}
}
