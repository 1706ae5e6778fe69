/** The engine's corners: the window, sync under its feet, restart, build orders, what it answers and how often. */
import { describe, expect, it } from "vitest";
import { encodeBlock } from "../../../src/chain/types/block.ts";
import type { ParsedMessage } from "../../../src/consensus/pbft/message-bytes.ts";
import type { StatusBody } from "../../../src/consensus/pbft/messages.ts";
import { Bench } from "./bench.ts";
import { buildBlock, WORK } from "./fixture.ts";

const STATUS_TIMER = (bench: Bench) =>
  bench.of("set-timer").find(({ timer }) => timer.name === "status")!.timer;

function status(bench: Bench, from: number, changed: Partial<StatusBody> = {}) {
  const slot = { prePrepare: false, prepares: new Uint8Array(1), commits: new Uint8Array(1) };
  return bench.sign({
    type: "status",
    from,
    epoch: 0n,
    view: 0n,
    mode: "normal",
    lowWatermark: 0n,
    stableCheckpoint: 0n,
    lastCommitted: 0n,
    viewChangeTarget: 0n,
    slots: [slot],
    ...changed,
  });
}

describe("the window of an engine", () => {
  it("keeps votes up to low + 2L and of the views around its own, and wants nothing else", () => {
    const bench = new Bench(1, { length: 17 }).start();
    const wants = (...args: Parameters<Bench["vote"]>) =>
      bench.engine.wants({ ...bench.vote(...args), attachment: new Uint8Array(0) });
    expect(wants("commit", 2, bench.block(16))).toBe(true);
    expect(wants("commit", 2, bench.block(17))).toBe(false);
    expect(wants("commit", 2, bench.block(1), 1n)).toBe(true);
    expect(wants("commit", 2, bench.block(1), 2n)).toBe(false);
    expect(wants("commit", 1, bench.block(1))).toBe(false);
    bench.receive(bench.vote("commit", 2, bench.block(1)));
    expect(wants("commit", 2, bench.block(1))).toBe(false);
    expect(wants("commit", 2, bench.block(2))).toBe(true);
  });

  it("wants a second, different vote once, as evidence that names its author", () => {
    const bench = new Bench(1).start();
    const other = buildBlock(bench.fixture, bench.block(0), 0, bench.fixture.genesis.timeMs + 99n);
    bench.receive(bench.vote("commit", 2, bench.block(1)), bench.vote("commit", 2, other));
    const { author, evidence } = bench.of("report-fault")[0]!;
    expect(author).toBe(2);
    expect(bench.fixture.consensus.openEvidence(evidence)).toMatchObject({
      ok: true,
      value: { author: 2, phase: "commit", height: 1n, digests: [bench.block(1).hash, other.hash] },
    });
    bench.receive(bench.vote("commit", 2, other));
    expect(bench.effects).toEqual([]);
  });
});

describe("sync under the engine's feet", () => {
  it("advances, drops what was passed and votes on for what rests on it", () => {
    const bench = new Bench(1, { depth: 4 }).start();
    bench.receive(bench.vote("pre-prepare", 0, bench.block(3)));
    bench.headChanged(1);
    expect(bench.kinds()).toEqual([]);
    bench.headChanged(2);
    expect(bench.kinds()).toEqual(["check-block"]);
    bench.checked(bench.block(3));
    expect(bench.sent()).toEqual(["prepare 3"]);
  });

  it("never votes for another digest at a committed height, even when the check of it was under way", () => {
    const bench = new Bench(1).start();
    const other = buildBlock(bench.fixture, bench.block(0), 0, bench.fixture.genesis.timeMs + 99n);
    bench.receive(bench.vote("pre-prepare", 0, other));
    bench.headChanged(1);
    bench.checked(other);
    expect(bench.sent()).toEqual([]);
    bench.receive(bench.vote("prepare", 2, other), bench.vote("prepare", 3, other));
    expect(bench.sent()).toEqual([]);
  });

  it("prepares and commits the committed digest when its PRE-PREPARE comes late, without executing it again", () => {
    const bench = new Bench(1).start();
    bench.headChanged(1);
    bench.receive(bench.vote("pre-prepare", 0, bench.block(1)));
    expect(bench.sent()).toEqual(["prepare 1"]);
    bench.receive(bench.vote("prepare", 2, bench.block(1)));
    expect(bench.sent()).toEqual(["commit 1"]);
  });

  it("stops when the chain holds another block than a quorum committed", () => {
    const bench = new Bench(1).start();
    const other = buildBlock(bench.fixture, bench.block(0), 0, bench.fixture.genesis.timeMs + 99n);
    bench.receive(...[0, 2, 3].map((from) => bench.vote("commit", from, other)));
    bench.headChanged(1);
    expect(bench.engine.status().mode).toBe("halted");
  });
});

describe("a proposal", () => {
  it("that names another proposer than the primary is refused", () => {
    const bench = new Bench(1).start();
    const other = buildBlock(bench.fixture, bench.block(0), 2, bench.fixture.genesis.timeMs + 99n);
    bench.receive(bench.vote("pre-prepare", 0, other));
    expect(bench.effects.at(-1)).toMatchObject({ event: { type: "proposal-refused" } });
    expect(bench.kinds()).toEqual([]);
  });

  it("that does not extend the committed block is refused", () => {
    const bench = new Bench(1).start(1);
    const other = buildBlock(bench.fixture, bench.block(0), 0, bench.fixture.genesis.timeMs + 99n);
    const child = buildBlock(bench.fixture, other, 0, bench.fixture.genesis.timeMs + 100n);
    bench.receive(bench.vote("pre-prepare", 0, child));
    expect(bench.effects.at(-1)).toMatchObject({ event: { type: "proposal-refused" } });
  });
});

describe("the primary", () => {
  it("has one build order at a time, and one more when work came while nothing was found", () => {
    const bench = new Bench(0).start();
    bench.step({ kind: "pool-changed", oldest: WORK });
    expect(bench.kinds()).toEqual(["build-block"]);
    bench.step({ kind: "pool-changed", oldest: WORK });
    expect(bench.kinds()).toEqual([]);
    bench.step({ kind: "nothing-to-build", parent: bench.block(0).hash });
    expect(bench.kinds()).toEqual(["build-block"]);
    bench.step({ kind: "nothing-to-build", parent: bench.block(0).hash });
    expect(bench.kinds()).toEqual([]);
  });

  it("drops a block that was built on a head that has moved", () => {
    const bench = new Bench(0).start();
    bench.step({ kind: "pool-changed", oldest: WORK });
    bench.headChanged(1);
    bench.step({ kind: "block-built", parent: bench.block(0).hash, block: bench.block(1) });
    expect(bench.sent()).toEqual([]);
    expect(bench.of("build-block")).toMatchObject([{ parent: bench.block(1).hash }]);
  });

  it("gives an order anew when its answer never comes", () => {
    const bench = new Bench(0).start();
    let timer = STATUS_TIMER(bench);
    bench.step({ kind: "pool-changed", oldest: WORK });
    for (const expected of [0, 1]) {
      bench.step({ kind: "timer-fired", timer });
      timer = STATUS_TIMER(bench);
      expect(bench.of("build-block").length).toBe(expected);
    }
  });

  it("does not repeat a heartbeat's order at once when the head is on the move", () => {
    const bench = new Bench(0, { settings: { emptyBlocksMs: 1_000 } }).start();
    const heartbeat = () => bench.of("set-timer").find(({ timer }) => timer.name === "empty")!.timer;
    bench.step({ kind: "timer-fired", timer: heartbeat() });
    expect(bench.of("build-block")).toMatchObject([{ allowEmpty: true }]);
    bench.step({ kind: "nothing-to-build", parent: bench.block(0).hash });
    expect(bench.of("build-block")).toEqual([]);
    bench.step({ kind: "timer-fired", timer: heartbeat() });
    expect(bench.of("build-block")).toMatchObject([{ allowEmpty: true }]);
  });

  it("keeps a heartbeat that became due while a block with transactions was ordered", () => {
    const bench = new Bench(0, { settings: { emptyBlocksMs: 1_000 } }).start();
    const { timer } = bench.of("set-timer").find(({ timer }) => timer.name === "empty")!;
    bench.step({ kind: "pool-changed", oldest: WORK });
    bench.step({ kind: "timer-fired", timer });
    bench.step({ kind: "nothing-to-build", parent: bench.block(0).hash });
    expect(bench.of("build-block")).toMatchObject([{ allowEmpty: true }]);
  });

  it("fills the pipeline and no more", () => {
    const bench = new Bench(0, { depth: 3 }).start();
    bench.step({ kind: "pool-changed", oldest: WORK });
    for (const height of [1, 2, 3]) {
      bench.step({ kind: "block-built", parent: bench.block(height - 1).hash, block: bench.block(height) });
    }
    expect(bench.kinds()).toEqual(["journal", "broadcast"]);
    bench.headChanged(1);
    expect(bench.kinds()).toEqual(["build-block"]);
  });
});

describe("STATUS", () => {
  /** The intervals of the first 24 in which replica `self` serves replica 2 block 1, which all others have. */
  function servedIn(self: number): number[] {
    const bench = new Bench(self).start();
    let timer = STATUS_TIMER(bench);
    bench.headChanged(1);
    bench.receive(status(bench, 2));
    expect(bench.of("serve-blocks")).toEqual([]);
    const served: number[] = [];
    for (let interval = 1; interval <= 24; interval++) {
      bench.step({ kind: "timer-fired", timer });
      timer = STATUS_TIMER(bench);
      bench.receive(status(bench, 2), status(bench, 2));
      for (const { to, fromHeight } of bench.of("serve-blocks")) {
        expect([to, fromHeight]).toEqual([2, 1n]);
        served.push(interval);
      }
    }
    return served;
  }

  it("has blocks served by f + 1 others two intervals after, and by all who are asked again, more and more rarely", () => {
    const again = [4, 8, 16, 24];
    const served = [0, 1, 3].map(servedIn);
    expect(served.map((each) => each.filter((interval) => interval > 2))).toEqual([again, again, again]);
    expect(served.filter((each) => each[0] === 2)).toHaveLength(2);
  });

  it("of a peer that has got on is answered at once with the blocks above", () => {
    const bench = new Bench(0).start();
    let timer = STATUS_TIMER(bench);
    for (const height of [1, 2, 3]) bench.headChanged(height);
    const served: bigint[] = [];
    for (const lastCommitted of [0n, 0n, 0n, 0n, 1n, 2n]) {
      bench.step({ kind: "timer-fired", timer });
      timer = STATUS_TIMER(bench);
      bench.receive(status(bench, 2, { lastCommitted }));
      served.push(...bench.of("serve-blocks").map(({ fromHeight }) => fromHeight));
    }
    // Not of those two that begin with block 3.
    expect(served).toEqual([1n, 1n, 2n]);
  });

  it("has a proposal sent again more and more rarely: it may be on its way", () => {
    const bench = new Bench(0).start();
    let timer = STATUS_TIMER(bench);
    bench.step({ kind: "pool-changed", oldest: WORK });
    bench.step({ kind: "block-built", parent: bench.block(0).hash, block: bench.block(1) });
    bench.receive(status(bench, 2));
    expect(bench.sent()).toEqual([]);
    const sentAt: number[] = [];
    for (let interval = 1; interval <= 24; interval++) {
      bench.step({ kind: "timer-fired", timer });
      timer = STATUS_TIMER(bench);
      bench.receive(status(bench, 2), status(bench, 2));
      if (bench.sent().includes("pre-prepare 1")) sentAt.push(interval);
    }
    expect(sentAt).toEqual([2, 4, 8, 16, 24]);
  });

  it("with a lower height than before is answered: its sender may have lost its database", () => {
    const bench = new Bench(1).start();
    const timer = STATUS_TIMER(bench);
    const wants = (changed: Partial<StatusBody>) =>
      bench.engine.wants({ ...status(bench, 2, changed), attachment: new Uint8Array(0) } as ParsedMessage);
    bench.receive(status(bench, 2, { lastCommitted: 9n }));
    bench.step({ kind: "timer-fired", timer });
    expect(wants({ lastCommitted: 0n })).toBe(true);
    expect(wants({ lastCommitted: 9n })).toBe(true);
  });

  it("of one that is ahead is a reason to sync, once", () => {
    const bench = new Bench(1).start();
    bench.receive(status(bench, 2, { lastCommitted: 9n }), status(bench, 3, { lastCommitted: 9n }));
    expect(bench.of("request-sync")).toEqual([{ kind: "request-sync", height: 9n }]);
    expect(bench.engine.status().lastSeen[2]).toMatchObject({ height: 9n, view: 0n });
  });

  it("timers that were replaced are not taken for the running one", () => {
    const bench = new Bench(1).start();
    const timer = STATUS_TIMER(bench);
    expect(bench.step({ kind: "timer-fired", timer: { ...timer, serial: 7_000 } })).toEqual([]);
    bench.step({ kind: "timer-fired", timer });
    expect(bench.sent()).toEqual(["status"]);
  });
});

describe("a restart", () => {
  /** What a replica journals while block 1 goes through. */
  function journalOf(self: number): { bench: Bench; journal: Uint8Array[] } {
    const bench = new Bench(self).start();
    bench.receive(bench.vote("pre-prepare", 0, bench.block(1)));
    const journal = [
      ...bench.checked(bench.block(1)),
      ...bench.receive(bench.vote("prepare", 2, bench.block(1))),
    ];
    return { bench, journal: journal.flatMap((each) => (each.kind === "journal" ? [each.record] : [])) };
  }

  it("sends its own last messages again, byte for byte, after asking for the block's check", () => {
    const { bench, journal } = journalOf(1);
    const again = new Bench(1).start(0, journal);
    expect(again.kinds()).toEqual(["check-block", "broadcast", "broadcast", "broadcast", "set-timer"]);
    expect(again.sent()).toEqual(["prepare 1", "commit 1", "status"]);
    const { verifier } = bench.fixture.consensus;
    expect(verifier.encode(again.of("broadcast")[1]!.message)).toEqual(
      verifier.encode(bench.of("broadcast")[0]!.message),
    );
  });

  it("still says how far its COMMITs reach", () => {
    const { bench, journal } = journalOf(1);
    expect(bench.engine.status()).toMatchObject({ lastCommitted: 0n, lastPrepared: 1n });
    const again = new Bench(1).start(0, journal);
    expect(again.engine.status()).toMatchObject({ lastCommitted: 0n, lastPrepared: 1n });
  });

  it("signs nothing that contradicts the journal", () => {
    const { bench, journal } = journalOf(1);
    const again = new Bench(1).start(0, journal);
    const other = buildBlock(bench.fixture, bench.block(0), 0, bench.fixture.genesis.timeMs + 99n);
    again.receive(again.vote("pre-prepare", 0, other));
    again.checked(other);
    expect(again.sent()).toEqual([]);
  });

  it("sends CHECKPOINTs above the stable one again, from the newest heads", () => {
    const bench = new Bench(1).start(6);
    expect(bench.sent()).toEqual(["checkpoint 4", "status"]);
  });

  it("refuses a journal with two votes for one place", () => {
    const { journal } = journalOf(1);
    expect(() => new Bench(1).start(0, [...journal, journal[0]!])).toThrow("two votes of one phase");
  });

  it("stops when a block it voted for turns out invalid", () => {
    const { journal } = journalOf(1);
    const again = new Bench(1).start(0, journal);
    again.checked(again.block(1), "invalid");
    expect(again.engine.status().mode).toBe("halted");
  });
});

describe("FETCH", () => {
  it("is answered with the block, a bounded number of times per interval and peer", () => {
    const bench = new Bench(1).start();
    bench.accept(1);
    const fetch = bench.sign({ type: "fetch", from: 3, epoch: 0n, hash: bench.block(1).hash });
    bench.receive(...Array.from({ length: 20 }, () => fetch));
    expect(bench.of("send").length).toBe(8);
    expect(bench.of("send")[0]).toMatchObject({ to: 3, message: { type: "block" } });
  });

  it("a block that nobody asked for is not wanted", () => {
    const bench = new Bench(1).start();
    const block = bench.block(1);
    const body = { type: "block" as const, from: 2, epoch: 0n, hash: block.hash };
    expect(bench.receive(bench.sign(body, { block, blockBytes: encodeBlock(block) }))).toEqual([]);
  });
});
