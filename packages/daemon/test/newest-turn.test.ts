import test from "ava";
import { NewestTurn } from "../src/newest-turn.ts";

test("what ends after something that was begun later is not the newest; other names do not count", (t) => {
	const turns = new NewestTurn();
	const [first, second, third] = [turns.begin("a"), turns.begin("a"), turns.begin("a")];
	const other = turns.begin("b");
	t.true(second());
	t.false(first());
	t.true(third());
	t.false(second());
	t.true(other());
});
