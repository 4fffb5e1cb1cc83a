import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import test from "ava";
import { swapRoot } from "../src/index.ts";
import { callers, lines, otherRoot, Place, self, syntheticRoot, viewTest, waitUntil } from "./fixtures/scaffold.ts";

/** A shell that stays in a view and runs what it is told. */
class RunningView {
	readonly place: Place;
	readonly process: number;
	#answers = 0;
	readonly #child: ReturnType<typeof spawn>;

	constructor(place: Place) {
		this.place = place;
		const spec = place.write("view", { view: place.view() });
		const as = place.caller.uid === process.getuid?.() ? {} : { uid: place.caller.uid, gid: place.caller.gid };
		this.#child = spawn(place.helper, ["view", spec, "--", "/bin/sh"], {
			cwd: place.folder,
			env: { PATH: "/usr/bin:/bin" },
			stdio: ["pipe", "ignore", "inherit"],
			...as,
		});
		this.process = this.#child.pid ?? 0;
	}

	async ask(script: string): Promise<string[]> {
		const answer = `${this.place.folder}/project/answer-${this.#answers++}`;
		this.#child.stdin?.write(
			`{ ${script}; } >${answer}.new 2>&1; mv ${answer}.new ${answer} 2>/dev/null || ln ${answer}.new ${answer}\n`,
		);
		await waitUntil(() => existsSync(answer));
		return lines(readFileSync(answer, "utf8"));
	}

	end(): void {
		this.#child.kill();
	}
}

const seen =
	"cat /usr/marker; cat /var/lib/compiler/database /var/lib/interpreter/database; cat /etc/marker; grep -c . /proc/self/mounts; readlink /.devenv/root";

for (const caller of callers()) {
	viewTest(
		test,
		`gives the running view of ${caller.name} another root, and the first one again`,
		async (t, helper) => {
			const place = new Place(caller, helper);
			const view = new RunningView(place);
			t.teardown(() => {
				view.end();
			});
			mkdirSync(`${place.folder}/etc-of-other`);
			writeFileSync(`${place.folder}/etc-of-other/marker`, "composed anew\n");
			const before = await view.ask(seen);
			t.deepEqual(before.slice(0, 2), ["first root", "from the root"]);
			const mounts = before.at(-2) ?? "";
			const swap = (root: string, etc: string): void => {
				const outcome = place.run([helper, "swap", String(view.process), root, `${place.folder}/${etc}`]);
				t.is(outcome.stderr, "");
				t.is(outcome.status, 0);
			};
			swap(otherRoot(), "etc-of-other");
			const after = await view.ask(seen);
			t.deepEqual(
				after.filter((line) => !line.startsWith("cat:")),
				["second root", "of the second root", "composed anew", mounts, otherRoot()],
			);
			swap(syntheticRoot(), "etc");
			t.deepEqual(await view.ask(seen), before);
			t.deepEqual(await view.ask("touch /usr/x /x /var/lib/compiler/x 2>/dev/null && echo written"), []);
		},
	);
}

viewTest(test, "refuses a process that is in no view", async (t, helper) => {
	const place = new Place(self(), helper);
	await t.throwsAsync(() => swapRoot(helper, process.pid, { root: place.folder }), { message: /^SHELL_SWAP/ });
});

viewTest(test, "leaves the host's own folders as they are", async (t, helper) => {
	const place = new Place(self(), helper);
	const before = readdirSync("/var/lib");
	const view = new RunningView(place);
	t.teardown(() => {
		view.end();
	});
	await view.ask("true");
	await swapRoot(helper, view.process, { root: otherRoot() });
	t.deepEqual(readdirSync("/var/lib"), before);
});
