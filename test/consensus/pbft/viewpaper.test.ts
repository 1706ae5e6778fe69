/**
 * View changes as the paper has them: one test per statement of Castro & Liskov, "Practical Byzantine Fault
 * Tolerance", OSDI 1999, section 4.4 (and the timers of 4.5.2), in its order and in our words. Where we differ the
 * test says how: what is ordered are blocks that name their parents, so P and O are chains without a hole, commit
 * certificates stand in P beside prepared ones, and null requests have nothing to fill.
 */
import { describe, expect, it } from "vitest";
import { buildBlock } from "./fixture.ts";
import { committedIn, openedCheckpoint, preparedIn, ViewBench, viewChange } from "./viewbench.ts";

/** A backup of view 0 that has committed blocks 1 to 4 and knows that this is stable. */
function stableAtFour(self = 1, depth = 1): ViewBench {
  const bench = new ViewBench(self, { depth }).start();
  for (let height = 1; height <= 4; height++) bench.headChanged(height);
  for (const from of [0, 2, 3].filter((each) => each !== self)) {
    bench.deliver(bench.sign({ type: "checkpoint", from, epoch: 0n, ...bench.head(4) }));
  }
  return bench;
}

/** The COMMIT of `bench` for a height of view 0: then it holds a prepared certificate for it. */
function prepare(bench: ViewBench, height: number): void {
  bench.acceptIn(0n, bench.block(height));
  bench.receive(bench.vote("prepare", 2, bench.block(height)), bench.vote("prepare", 3, bench.block(height)));
}

describe("section 4.4, leaving a view", () => {
  it("a backup that knows of a request and has not executed it has a timer running", () => {
    const bench = new ViewBench(1).start();
    expect(bench.delay("request")).toBeUndefined();
    bench.work();
    expect(bench.delay("request")).toBe(2_000);
  });

  it("the timer is not started anew while it waits for the same request", () => {
    const bench = new ViewBench(1).start().work(1);
    bench.work(1);
    expect(bench.of("set-timer")).toEqual([]);
  });

  it("the timer stops when nothing is waited for, and starts anew when something else is", () => {
    const bench = new ViewBench(1).start().work(1);
    bench.work(2);
    expect(bench.of("set-timer").map(({ timer }) => timer.name)).toContain("request");
    bench.idle();
    expect(bench.delay("request")).toBeUndefined();
  });

  it("when it expires the backup asks all others for the next view, and has written that down before", () => {
    const bench = new ViewBench(1).start().work();
    bench.fire("request");
    expect(bench.kinds().filter((kind) => kind === "journal" || kind === "broadcast")).toEqual([
      "journal",
      "broadcast",
    ]);
    expect(bench.said("view-change")).toMatchObject({ from: 1, view: 1n });
    expect(bench.reason()).toBe("timeout");
  });

  it("the replica takes nothing of the agreement any more, but CHECKPOINT, VIEW-CHANGE and NEW-VIEW", () => {
    const bench = stableAtFour(3);
    bench.work().fire("request");
    bench.receive(bench.vote("pre-prepare", 0, bench.block(5)));
    bench.checked(bench.block(5));
    expect(bench.sent()).toEqual([]);
    expect(bench.wants(bench.vote("prepare", 2, bench.block(5)))).toBe(false);
    expect(bench.wants(bench.sign({ type: "checkpoint", from: 2, epoch: 0n, ...bench.head(8) }))).toBe(true);
    expect(bench.wants(viewChange(bench.fixture, 2, 1n))).toBe(true);
    bench.open(1n, [0, 1, 2], { stable: bench.block(4) });
    expect(bench.engine.status()).toMatchObject({ mode: "normal", view: 1n });
  });

  it("unlike the paper's, it still finalises what Q replicas committed in the view that it left", () => {
    const bench = new ViewBench(3).start();
    bench.acceptIn(0n, bench.block(1));
    bench.ask(1n, [0, 2]);
    expect(bench.engine.status()).toMatchObject({ view: 1n, mode: "view-change" });
    bench.receive(...[0, 1, 2].map((from) => bench.vote("commit", from, bench.block(1))));
    expect(bench.kinds()).toEqual(["import-block"]);
  });

  it("a VIEW-CHANGE names the last stable checkpoint that its sender knows, and C proves it with Q signatures", () => {
    const bench = stableAtFour();
    bench.work().fire("request");
    const said = bench.said("view-change");
    expect(said.stableCheckpoint).toBe(4n);
    const proof = openedCheckpoint(bench.fixture, said.checkpoint);
    expect(proof).toMatchObject({ height: 4n, hash: bench.block(4).hash });
    expect(proof.signatures.length).toBe(3);
  });

  it("genesis needs no proof: then C is empty", () => {
    const bench = new ViewBench(1).start().work();
    bench.fire("request");
    expect(bench.said("view-change")).toMatchObject({ stableCheckpoint: 0n, certified: [] });
    expect(bench.said("view-change").checkpoint.length).toBe(0);
  });

  it("P has the PRE-PREPARE, without the request, and Q-1 PREPAREs for what it prepared above the checkpoint", () => {
    const bench = new ViewBench(1).start();
    prepare(bench, 1);
    bench.work().fire("request");
    const { entries } = bench.said("view-change");
    expect(entries).toMatchObject([{ kind: "prepared", view: 0n, head: { hash: bench.block(1).hash } }]);
    expect(entries[0]!.signers.length).toBe(2);
    expect(entries[0]!.signers).not.toContain(0);
    expect(entries[0]!.head).not.toHaveProperty("transactions");
  });

  it("the replica's status says how far its COMMITs reach, in whatever view it is, and counts nothing that it did not sign", () => {
    const bench = new ViewBench(1).start();
    bench.acceptIn(0n, bench.block(1));
    expect(bench.engine.status().lastPrepared).toBe(0n);
    prepare(bench, 1);
    bench.receive(bench.vote("commit", 2, bench.block(3)));
    expect(bench.engine.status()).toMatchObject({ lastCommitted: 0n, lastPrepared: 1n });
    bench.work().fire("request");
    expect(bench.engine.status()).toMatchObject({ mode: "view-change", lastPrepared: 1n });
    bench.ask(2n, [2, 3]);
    expect(bench.engine.status()).toMatchObject({ view: 2n, lastPrepared: 1n });
  });

  it("P has nothing of what was only pre-prepared", () => {
    const bench = new ViewBench(1).start();
    bench.acceptIn(0n, bench.block(1));
    bench.receive(bench.vote("prepare", 2, bench.block(1)));
    expect(bench.sent()).toEqual(["commit 1"]);
    const other = new ViewBench(1).start();
    other.acceptIn(0n, other.block(1));
    other.work().fire("request");
    expect(other.said("view-change").entries).toEqual([]);
  });

  it("unlike the paper's, P also has what was committed above the checkpoint, with its commit certificate", () => {
    const bench = new ViewBench(1).start();
    bench.headChanged(1);
    bench.headChanged(2);
    prepare(bench, 3);
    bench.work().fire("request");
    const { entries } = bench.said("view-change");
    expect(entries.map(({ kind, head }) => `${kind} ${head.summary.height}`)).toEqual([
      "committed 1",
      "committed 2",
      "prepared 3",
    ]);
  });

  it("unlike the paper's, P ends at the first hole: what is above it could not have been committed", () => {
    const bench = new ViewBench(1, { depth: 4 }).start();
    for (const height of [1, 2, 3]) bench.acceptIn(0n, bench.block(height));
    for (const from of [2, 3]) {
      bench.receive(bench.vote("prepare", from, bench.block(1)), bench.vote("prepare", from, bench.block(3)));
    }
    bench.work().fire("request");
    expect(bench.said("view-change").entries.map(({ head }) => head.summary.height)).toEqual([1n]);
  });
});

describe("section 4.4, NEW-VIEW", () => {
  it("the primary of the new view opens it when Q VIEW-CHANGEs for it are there, its own among them", () => {
    const bench = new ViewBench(1).start().work();
    bench.fire("request");
    bench.ask(1n, [3]);
    expect(bench.sent()).toEqual([]);
    bench.ask(1n, [2]);
    expect(bench.sent()).toEqual(["new-view"]);
    expect(bench.said("new-view").asked.map(({ from }) => from)).toEqual([1, 2, 3]);
    expect(bench.engine.status()).toMatchObject({ view: 1n, mode: "normal", primary: 1 });
  });

  it("others than its primary do not", () => {
    const bench = new ViewBench(2).start();
    bench.ask(1n, [0, 1, 3]);
    expect(bench.sent()).toEqual(["view-change"]);
    expect(bench.engine.status().mode).toBe("view-change");
  });

  it("VIEW-CHANGEs for other views do not count for it", () => {
    const bench = new ViewBench(1).start().work();
    bench.fire("request");
    bench.ask(1n, [3]);
    bench.ask(2n, [2]);
    expect(bench.sent()).toEqual([]);
  });

  it("O begins above the highest checkpoint in V and has a PRE-PREPARE of the new view for each block carried over", () => {
    const bench = stableAtFour();
    const five = preparedIn(bench.fixture, bench.block(5), 0n, 1);
    bench.ask(1n, [2], { stable: bench.block(4), entries: [five] });
    bench.ask(1n, [3]);
    const { decision, carried, viewChanges } = bench.said("new-view");
    expect(viewChanges.length).toBe(3);
    expect(decision.minHeight).toBe(4n);
    expect(carried).toMatchObject([{ height: 5n, hash: bench.block(5).hash }]);
    const vote = bench.vote("pre-prepare", 1, bench.block(5), 1n);
    expect(carried[0]!.signature).toEqual(vote.signature);
  });

  it("of two digests prepared for a number it takes the one of the higher view", () => {
    const bench = new ViewBench(2).start();
    const other = buildBlock(bench.fixture, bench.block(0), 1, bench.fixture.genesis.timeMs + 99n);
    bench.ask(2n, [0], { entries: [preparedIn(bench.fixture, bench.block(1), 0n, 2)] });
    bench.ask(2n, [3], { entries: [preparedIn(bench.fixture, other, 1n, 2)] });
    expect(bench.said("new-view").carried).toMatchObject([{ height: 1n, hash: other.hash }]);
  });

  it("unlike the paper's, no null request fills a gap, since there is none: O ends where the chain does", () => {
    const bench = new ViewBench(1).start();
    const entries = [1, 2].map((height) => preparedIn(bench.fixture, bench.block(height), 0n, 1));
    bench.ask(1n, [2], { entries });
    bench.ask(1n, [3], { entries: entries.slice(0, 1) });
    expect(bench.said("new-view").carried.map(({ height }) => height)).toEqual([1n, 2n]);
    expect(bench.engine.status().slots.map(({ height }) => height)).toEqual([1n, 2n]);
  });

  it("the primary logs what it carries over: it lacks only the bodies, and its NEW-VIEW is its vote for them", () => {
    const bench = new ViewBench(1).start();
    bench.acceptIn(0n, bench.block(1));
    const entries = [preparedIn(bench.fixture, bench.block(1), 0n, 1)];
    bench.ask(1n, [2, 3], { entries });
    expect(bench.of("check-block")).toMatchObject([{ block: bench.block(1), certified: true }]);
    bench.checked(bench.block(1));
    expect(bench.sent()).toEqual([]);
    expect(bench.engine.status().slots).toMatchObject([{ height: 1n, phase: "pre-prepared", view: 1n }]);
    bench.receive(...[2, 3].map((from) => bench.vote("prepare", from, bench.block(1), 1n)));
    expect(bench.sent()).toEqual(["commit 1"]);
  });

  it("if V proves a later checkpoint than the primary's it takes the proof over and discards what lies below", () => {
    const bench = new ViewBench(1).start();
    for (let height = 1; height <= 4; height++) bench.headChanged(height);
    bench.ask(1n, [2], { stable: bench.block(4) });
    bench.ask(1n, [3]);
    expect(bench.engine.status()).toMatchObject({
      stableCheckpoint: 4n,
      lowWatermark: 4n,
      slots: [],
      mode: "normal",
    });
  });
});

describe("section 4.4, accepting NEW-VIEW", () => {
  it("a backup takes it if V holds and its own computation of O agrees, though it never asked for the view", () => {
    const bench = new ViewBench(3).start();
    bench.open(1n, [0, 1, 2], { entries: [preparedIn(bench.fixture, bench.block(1), 0n, 3)] });
    expect(bench.engine.status()).toMatchObject({ view: 1n, mode: "normal", primary: 1 });
  });

  it("the replica writes it down, then multicasts PREPARE for each number in O, in order", () => {
    const bench = new ViewBench(3, { depth: 2 }).start();
    bench.acceptIn(0n, bench.block(1));
    bench.acceptIn(0n, bench.block(2));
    const entries = [1, 2].map((height) => preparedIn(bench.fixture, bench.block(height), 0n, 3));
    bench.open(1n, [0, 1, 2], { entries });
    expect(bench.kinds().indexOf("journal")).toBeLessThan(bench.kinds().indexOf("check-block"));
    bench.checked(bench.block(1));
    expect(bench.sent()).toEqual(["prepare 1"]);
    bench.checked(bench.block(2));
    expect(bench.sent()).toEqual(["prepare 2"]);
  });

  it("a NEW-VIEW below its view, or of the view that it works in, is not wanted", () => {
    const bench = new ViewBench(3).start();
    bench.open(2n, [0, 1, 2]);
    for (const view of [1n, 2n]) {
      bench.open(view, [0, 1, 2]);
      expect(bench.effects).toEqual([]);
    }
    expect(bench.engine.status().view).toBe(2n);
  });

  it("what was executed already is not executed again, but prepared for those who have not", () => {
    const bench = new ViewBench(3).start(2);
    const entries = [1, 2].map((height) => committedIn(bench.fixture, bench.block(height), 0n, 3));
    bench.open(1n, [0, 1, 2], { entries });
    expect(bench.sent()).toEqual(["prepare 1", "prepare 2"]);
    expect(bench.of("check-block")).toEqual([]);
  });

  it("the low watermark rises to the checkpoint that V proves, and no vote is cast at or below it", () => {
    const bench = new ViewBench(3).start(4);
    const asked = [0, 1, 2].map((from) =>
      viewChange(bench.fixture, from, 1n, from === 0 ? { stable: bench.block(4) } : {}),
    );
    bench.receive(...asked);
    expect(bench.engine.status()).toMatchObject({ view: 1n, mode: "view-change" });
    bench.open(1n, [0, 1, 2], { stable: bench.block(4) });
    expect(bench.engine.status()).toMatchObject({
      lowWatermark: 4n,
      highWatermark: 12n,
      stableCheckpoint: 4n,
    });
    expect(bench.wants(bench.vote("prepare", 2, bench.block(4), 1n))).toBe(false);
  });

  it("a checkpoint that it has not reached is fetched, and until then nothing is voted on", () => {
    const bench = new ViewBench(3).start(1);
    const entries = [preparedIn(bench.fixture, bench.block(5), 0n, 3)];
    bench.open(1n, [0, 1, 2], { stable: bench.block(4), entries });
    expect(bench.of("request-sync")).toMatchObject([{ height: 4n }]);
    expect(bench.engine.status()).toMatchObject({ lowWatermark: 4n, stableCheckpoint: 0n });
    expect(bench.sent()).toEqual([]);
    for (let height = 2; height <= 4; height++) bench.headChanged(height);
    expect(bench.engine.status().stableCheckpoint).toBe(4n);
  });

  it("a request that it lacks is fetched from those who prepared it", () => {
    const bench = new ViewBench(3).start();
    bench.open(1n, [0, 1, 2], { entries: [preparedIn(bench.fixture, bench.block(1), 0n, 3)] });
    const asked = bench.of("send");
    expect(asked).toMatchObject([{ message: { type: "fetch", hash: bench.block(1).hash } }]);
    expect([1, 2]).toContain(asked[0]!.to);
  });

  it("the normal case then goes on, with the numbers after those carried over", () => {
    const bench = new ViewBench(1, { depth: 2 }).start();
    bench.acceptIn(0n, bench.block(1));
    bench.ask(1n, [2, 3], { entries: [preparedIn(bench.fixture, bench.block(1), 0n, 1)] });
    bench.checked(bench.block(1));
    bench.work();
    expect(bench.of("build-block")).toMatchObject([{ parent: bench.block(1).hash }]);
    const next = buildBlock(bench.fixture, bench.block(1), 1, bench.fixture.genesis.timeMs + 500n);
    bench.step({ kind: "block-built", parent: bench.block(1).hash, block: next });
    expect(bench.sent()).toEqual(["pre-prepare 2"]);
  });
});

describe("section 4.5.2", () => {
  it("the timer of the new view begins when Q replicas ask for it, not with the own VIEW-CHANGE", () => {
    const bench = new ViewBench(3).start().work();
    bench.fire("request");
    expect(bench.delay("new-view")).toBeUndefined();
    bench.ask(1n, [0]);
    expect(bench.delay("new-view")).toBeUndefined();
    bench.ask(1n, [2]);
    expect(bench.delay("new-view")).toBe(4_000);
  });

  it("if it expires the next view is asked for, and the one after that gets twice the time", () => {
    const bench = new ViewBench(3).start().work();
    bench.fire("request");
    for (const [view, delay] of [
      [1n, 4_000],
      [2n, 8_000],
      [3n, 16_000],
    ] as const) {
      bench.ask(view, [0, 2]);
      expect(bench.delay("new-view")).toBe(delay);
      bench.fire("new-view");
      expect(bench.said("view-change").view).toBe(view + 1n);
    }
  });

  it("f+1 who ask for higher views are joined at the lowest of theirs, before any timer expires", () => {
    const bench = new ViewBench(3).start();
    bench.ask(9n, [0]);
    expect(bench.sent()).toEqual([]);
    bench.ask(5n, [1]);
    expect(bench.said("view-change").view).toBe(5n);
    expect(bench.reason()).toBe("join");
  });
});
