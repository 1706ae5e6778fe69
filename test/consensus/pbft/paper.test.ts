/**
 * The normal case as the paper has it: one test per statement of Castro & Liskov, "Practical Byzantine Fault
 * Tolerance", OSDI 1999, section 4.2, in its order; where we differ the test says how. Statements are in our words.
 */
import { describe, expect, it } from "vitest";
import { verifyCommitCertificate } from "../../../src/consensus/pbft/certificate.ts";
import { Bench } from "./bench.ts";
import { buildBlock, WORK } from "./fixture.ts";

const proposeFirst = (bench: Bench) => {
  bench.start();
  bench.step({ kind: "pool-changed", oldest: WORK });
  return bench.step({ kind: "block-built", parent: bench.block(0).hash, block: bench.block(1) });
};

describe("section 4.2, pre-prepare", () => {
  it("the primary that learns of a request starts the protocol at once", () => {
    const bench = new Bench(0).start();
    bench.step({ kind: "pool-changed", oldest: WORK });
    expect(bench.kinds()).toEqual(["build-block"]);
  });

  it("the primary gives it the next number, multicasts PRE-PREPARE with it, and keeps both in its log", () => {
    const bench = new Bench(0);
    proposeFirst(bench);
    expect(bench.kinds()).toEqual(["journal", "broadcast"]);
    expect(bench.sent()).toEqual(["pre-prepare 1"]);
    expect(bench.engine.status().slots).toMatchObject([{ height: 1n, phase: "pre-prepared" }]);
  });

  it("the request is no part of what is signed", () => {
    const bench = new Bench(0);
    proposeFirst(bench);
    const { verifier } = bench.fixture.consensus;
    const parsed = verifier.parse(verifier.encode(bench.of("broadcast")[0]!.message));
    expect(parsed.ok && verifier.verify({ ...parsed.value, attachment: new Uint8Array(0) })).toMatchObject({
      fault: { code: "malformed" },
    });
  });

  it("a backup takes a PRE-PREPARE only from the primary of its view, at the verifier", () => {
    const bench = new Bench(1).start();
    const { verifier } = bench.fixture.consensus;
    expect(verifier.parse(verifier.encode(bench.vote("pre-prepare", 2, bench.block(1)))).ok).toBe(false);
    expect(verifier.parse(verifier.encode(bench.vote("pre-prepare", 0, bench.block(1)))).ok).toBe(true);
  });

  it("a backup accepts only in its own view", () => {
    const bench = new Bench(2).start();
    bench.receive(bench.vote("pre-prepare", 1, bench.block(1), 1n));
    expect(bench.kinds()).toEqual([]);
  });

  it("a backup that accepted another digest for the view and number does not accept", () => {
    const bench = new Bench(1).start();
    bench.accept(1);
    const other = buildBlock(bench.fixture, bench.block(0), 0, bench.fixture.genesis.timeMs + 99n);
    bench.receive(bench.vote("pre-prepare", 0, other));
    expect(bench.kinds()).toEqual(["report-fault", "journal", "broadcast", "set-timer"]);
  });

  it("a backup accepts between the water marks only", () => {
    const bench = new Bench(1, { depth: 8 }).start();
    for (let height = 1; height <= 9; height++) bench.accept(height);
    expect(bench.engine.status().slots.filter(({ prepares }) => prepares.includes(1)).length).toBe(8);
    expect(bench.sent()).toEqual([]);
  });
});

describe("section 4.2, prepare", () => {
  it("a backup that accepts multicasts PREPARE and logs both; it executes first, and writes before it sends", () => {
    const bench = new Bench(1).start();
    bench.receive(bench.vote("pre-prepare", 0, bench.block(1)));
    expect(bench.kinds()).toEqual(["check-block"]);
    bench.checked(bench.block(1));
    expect(bench.kinds()).toEqual(["journal", "broadcast"]);
    expect(bench.sent()).toEqual(["prepare 1"]);
  });

  it("a backup that does not accept does nothing", () => {
    const bench = new Bench(1).start();
    bench.receive(bench.vote("pre-prepare", 0, bench.block(1)));
    bench.checked(bench.block(1), "invalid");
    expect(bench.kinds()).toEqual([]);
    expect(bench.effects).toMatchObject([{ event: { type: "proposal-refused" } }]);
  });

  it("a replica, the primary too, takes PREPAREs before or after the PRE-PREPARE", () => {
    const bench = new Bench(1).start();
    bench.receive(bench.vote("prepare", 2, bench.block(1)));
    bench.accept(1);
    expect(bench.sent()).toEqual(["prepare 1", "commit 1"]);
    const primary = new Bench(0);
    proposeFirst(primary);
    primary.receive(
      primary.vote("prepare", 2, primary.block(1)),
      primary.vote("prepare", 3, primary.block(1)),
    );
    expect(primary.sent()).toEqual(["commit 1"]);
  });

  it("prepared needs the proposal and Q-1 PREPAREs of different backups; nobody counts twice", () => {
    const bench = new Bench(1, { n: 7 }).start();
    bench.accept(1);
    const again = bench.vote("prepare", 2, bench.block(1));
    bench.receive(again, again, again, bench.vote("prepare", 3, bench.block(1)));
    expect(bench.sent()).toEqual([]);
    bench.receive(bench.vote("prepare", 4, bench.block(1)));
    expect(bench.sent()).toEqual(["commit 1"]);
  });

  it("PREPAREs for another digest do not count", () => {
    const bench = new Bench(1).start();
    bench.accept(1);
    const other = buildBlock(bench.fixture, bench.block(0), 0, bench.fixture.genesis.timeMs + 99n);
    bench.receive(bench.vote("prepare", 2, other), bench.vote("prepare", 3, other));
    expect(bench.sent()).toEqual([]);
  });
});

describe("section 4.2, commit", () => {
  it("a replica multicasts COMMIT when it is prepared; ours writes the prepared certificate first", () => {
    const bench = new Bench(1).start();
    bench.accept(1);
    bench.receive(bench.vote("prepare", 3, bench.block(1)));
    expect(bench.kinds()).toEqual(["journal", "broadcast"]);
    expect(bench.sent()).toEqual(["commit 1"]);
  });

  it("committed-local takes Q matching COMMITs, the own one included", () => {
    const bench = new Bench(1).start();
    bench.accept(1);
    bench.receive(bench.vote("prepare", 3, bench.block(1)), bench.vote("commit", 3, bench.block(1)));
    expect(bench.kinds()).not.toContain("import-block");
    bench.receive(bench.vote("commit", 0, bench.block(1)));
    const { seal } = bench.of("import-block")[0]!.sealed;
    const { genesisHash, validators } = bench.fixture;
    expect(verifyCommitCertificate({ genesisHash, validators, head: bench.block(1), seal })).toBeUndefined();
  });

  it("unlike the paper's, Q COMMITs decide without the replica being prepared itself", () => {
    const bench = new Bench(1).start();
    bench.receive(bench.vote("pre-prepare", 0, bench.block(1)));
    bench.receive(...[0, 2, 3].map((from) => bench.vote("commit", from, bench.block(1))));
    expect(bench.kinds()).toEqual(["import-block"]);
  });

  it("requests are executed in the order of their numbers, whatever the order of their COMMITs", () => {
    const bench = new Bench(1, { depth: 4 }).start();
    bench.accept(1);
    bench.accept(2);
    bench.receive(...[0, 2, 3].map((from) => bench.vote("commit", from, bench.block(2))));
    expect(bench.kinds()).toEqual([]);
    bench.receive(...[0, 2, 3].map((from) => bench.vote("commit", from, bench.block(1))));
    const imported = bench.of("import-block").map(({ sealed }) => sealed.block.summary.height);
    expect(imported).toEqual([1n, 2n]);
  });

  it("unlike the paper's, a replica signs COMMIT only with every number below prepared, too", () => {
    const bench = new Bench(1, { depth: 4 }).start();
    bench.accept(1);
    bench.accept(2);
    bench.receive(bench.vote("prepare", 2, bench.block(2)));
    expect(bench.sent()).toEqual([]);
    bench.receive(bench.vote("prepare", 2, bench.block(1)));
    expect(bench.sent()).toEqual(["commit 1", "commit 2"]);
  });
});

describe("section 4.3", () => {
  const checkpoint = (bench: Bench, from: number, height = 4) =>
    bench.sign({ type: "checkpoint", from, epoch: 0n, ...bench.head(height) });
  const commitUpTo = (bench: Bench, top: number) => {
    for (let height = 1; height <= top; height++) bench.headChanged(height);
  };

  it("a replica that has executed a multiple of K multicasts CHECKPOINT with its state's digest", () => {
    const bench = new Bench(1).start();
    commitUpTo(bench, 3);
    expect(bench.sent()).toEqual([]);
    bench.headChanged(4);
    expect(bench.sent()).toEqual(["checkpoint 4"]);
  });

  it("Q of them with one digest are the proof; then everything up to it is discarded and the marks move", () => {
    const bench = new Bench(1).start();
    commitUpTo(bench, 4);
    bench.receive(checkpoint(bench, 0));
    expect(bench.kinds()).toEqual([]);
    bench.receive(checkpoint(bench, 3));
    expect(bench.kinds()).toEqual(["store-checkpoint", "rotate-journal"]);
    expect(bench.engine.status()).toMatchObject({
      lowWatermark: 4n,
      highWatermark: 12n,
      slots: [],
      checkpoints: [],
    });
  });

  it("a proof for a state that is not held here waits for the state", () => {
    const bench = new Bench(1).start();
    bench.receive(...[0, 2, 3].map((from) => checkpoint(bench, from)));
    expect(bench.of("request-sync")).toMatchObject([{ height: 4n }]);
    expect(bench.engine.status().stableCheckpoint).toBe(0n);
    commitUpTo(bench, 4);
    expect(bench.engine.status().stableCheckpoint).toBe(4n);
  });

  it("a proof for another state than the own stops the replica", () => {
    const bench = new Bench(1).start();
    commitUpTo(bench, 4);
    const facts = { ...bench.head(4), stateRoot: bench.block(9).hash };
    bench.receive(...[0, 2, 3].map((from) => bench.sign({ type: "checkpoint", from, epoch: 0n, ...facts })));
    expect(bench.effects.at(-1)).toMatchObject({ event: { type: "diverged", height: 4n } });
    expect(bench.engine.status().mode).toBe("halted");
    expect(bench.receive(bench.vote("pre-prepare", 0, bench.block(5)))).toEqual([]);
  });
});
