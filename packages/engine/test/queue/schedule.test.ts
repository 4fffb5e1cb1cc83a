import test from "ava";
import fc from "fast-check";
import { Schedule } from "../../src/queue/schedule.ts";

interface Client {
	readonly name: string;
}

interface Goal {
	readonly name: string;
	readonly clients: readonly Client[];
	state: "ready" | "started" | "given up";
}

function goal(name: string, ...clients: readonly Client[]): Goal {
	return { name, clients, state: "ready" };
}

function schedule(limit: number): Schedule<Client, Goal> {
	return new Schedule(limit, (each) => each.state === "ready");
}

function take(from: Schedule<Client, Goal>): Goal | undefined {
	const taken = from.take(({ clients }) => clients);
	if (taken !== undefined) taken.state = "started";
	return taken;
}

test("what most waits for comes first, then what was ready first", (t) => {
	const one: Client = { name: "one" };
	const slots = schedule(10);
	const heights: readonly (readonly [string, number])[] = [
		["a", 1],
		["b", 3],
		["c", 2],
		["d", 3],
	];
	for (const [name, height] of heights) slots.add(goal(name, one), [one], height);
	t.deepEqual(
		heights.map(() => take(slots)?.name),
		["b", "d", "c", "a"],
	);
	t.is(take(slots), undefined);
});

test("a client with thousands of goals does not hold up one with a single goal", (t) => {
	const [many, single]: [Client, Client] = [{ name: "many" }, { name: "single" }];
	const slots = schedule(2);
	for (let index = 0; index < 5000; index++) slots.add(goal(`many-${index}`, many), [many], 100);
	const first = take(slots);
	t.is(take(slots)?.name, "many-1");
	slots.add(goal("single", single), [single], 1);
	t.is(take(slots), undefined, "no slot is free");
	if (first !== undefined) slots.done(first);
	t.is(take(slots)?.name, "single");
});

test("what was given up or started for another client is passed over", (t) => {
	const [one, two]: [Client, Client] = [{ name: "one" }, { name: "two" }];
	const slots = schedule(5);
	const [shared, lost] = [goal("shared", one, two), goal("lost", two)];
	slots.add(shared, [one, two], 1);
	slots.add(lost, [two], 5);
	lost.state = "given up";
	t.is(take(slots), shared);
	t.is(take(slots), undefined);
	slots.add(goal("gone", one), [one], 1);
	slots.forget(one);
	t.is(take(slots), undefined);
});

test("never more than the limit, each goal once, all in the end", (t) => {
	const clients: readonly Client[] = [{ name: "a" }, { name: "b" }, { name: "c" }];
	fc.assert(
		fc.property(
			fc.integer({ min: 1, max: 4 }),
			fc.array(fc.tuple(fc.subarray([0, 1, 2], { minLength: 1 }), fc.integer({ min: 1, max: 9 })), { maxLength: 60 }),
			(limit, wanted) => {
				const slots = schedule(limit);
				for (const [index, [who, height]] of wanted.entries()) {
					const owners = who.flatMap((each) => clients[each] ?? []);
					slots.add(goal(String(index), ...owners), owners, height);
				}
				const running: Goal[] = [];
				const seen = new Set<string>();
				for (;;) {
					const next = take(slots);
					if (next !== undefined) {
						t.false(seen.has(next.name));
						seen.add(next.name);
						running.push(next);
						t.true(running.length <= limit);
						continue;
					}
					const ended = running.shift();
					if (ended === undefined) break;
					slots.done(ended);
				}
				t.is(seen.size, wanted.length);
			},
		),
	);
});
