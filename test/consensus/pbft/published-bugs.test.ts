/**
 * Bugs that others have had and published, each as a test that our engine does not have it. The name says where it
 * was found; what is told of it is in our words. Source: the project's list of pitfalls, with its references.
 */
import { describe, expect, it } from "vitest";
import { equalBytes, hex } from "../../../src/base/bytes.ts";
import { encodeBlock } from "../../../src/chain/types/block.ts";
import {
  encodeCheckpointCertificate,
  verifyCommitCertificate,
} from "../../../src/consensus/pbft/certificate.ts";
import { preparedHead } from "../../../src/consensus/pbft/certified-head.ts";
import type { PbftMessage } from "../../../src/consensus/pbft/message-verifier.ts";
import { MESSAGE_TYPE, type StatusBody } from "../../../src/consensus/pbft/messages.ts";
import { quorumOf } from "../../../src/consensus/pbft/quorum.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { buildBlock, createFixture, type PARAMETERS, sealOf } from "./fixture.ts";
import { checkpointOf, committedIn, newView, preparedIn, ViewBench, viewChange } from "./viewbench.ts";

function cluster(
  n: number,
  options: Partial<ClusterOptions> = {},
  parameters: Partial<typeof PARAMETERS> = {},
) {
  return new Cluster(createFixture(n, parameters), { seed: n, targetHeight: 6n, ...options });
}

function status(bench: ViewBench, from: number, changed: Partial<StatusBody> = {}): PbftMessage {
  const facts = { lowWatermark: 0n, stableCheckpoint: 0n, lastCommitted: 0n, viewChangeTarget: 0n };
  return bench.sign({
    type: "status",
    from,
    epoch: 0n,
    view: 0n,
    mode: "normal",
    ...facts,
    slots: [],
    ...changed,
  });
}

/** The message verifier's verdict on bytes. */
function verdict(bench: ViewBench, bytes: Uint8Array): string {
  const { verifier } = bench.fixture.consensus;
  const parsed = verifier.parse(bytes);
  if (!parsed.ok) return parsed.fault.code;
  const verified = verifier.verify(parsed.value);
  return verified.ok ? "ok" : verified.fault.code;
}

describe("IBFT 1.0 (arXiv 1901.07160; quorum #305, celo #366)", () => {
  for (const n of [5, 6]) {
    it(`replicas locked on two blocks in two views do not halt the chain: ${n} replicas`, () => {
      const run = cluster(n, { targetHeight: 3n });
      const locks = new Map<number, string>();
      const last = n - 1;
      run.passes = (message, from, to) => {
        if (message.type === "commit") locks.set(from, `${message.view} ${hex(message.hash)}`);
        if (message.type === "commit" || message.type === "status") return false;
        // View 0: only the last replica sees what is prepared, and nobody hears of it.
        if (message.type === "prepare" && message.view === 0n) return to === last;
        if (from === last) return false;
        // View 1, which had to do without the last one's VIEW-CHANGE: only replica 2 sees what is prepared.
        return message.type !== "prepare" || to === 2;
      };
      run.start();
      expect(run.run(() => locks.size === 2, 60_000)).toBe(true);
      expect([...locks.keys()].sort()).toEqual([2, last]);
      const [a, b] = [locks.get(last)!.split(" "), locks.get(2)!.split(" ")];
      expect([a[0], b[0]]).toEqual(["0", "1"]);
      expect(a[1]).not.toBe(b[1]);
      run.passes = () => true;
      expect(run.run(() => run.reached(3n), 60_000)).toBe(true);
      // The lock of the higher view wins.
      expect(hex(run.hosts[0]!.disk.chain[1]!.block.hash)).toBe(b[1]);
    });
  }

  it("two quorums share a correct replica at every size, also where n is not 3f+1", () => {
    for (let n = 1; n <= 200; n++) {
      const { f, quorum } = quorumOf(n);
      expect(2 * quorum - n).toBeGreaterThanOrEqual(f + 1);
      expect(quorum).toBeLessThanOrEqual(n - f);
    }
  });
});

describe("dBFT 2.0 (neo-modules #792)", () => {
  it("a replica that has sent COMMIT still leaves the view, and its vote is carried over", () => {
    const bench = new ViewBench(3).start().work();
    bench.acceptIn(0n, bench.block(1));
    bench.receive(...[1, 2].map((from) => bench.vote("prepare", from, bench.block(1))));
    expect(bench.sent()).toEqual(["commit 1"]);
    bench.fire("request");
    const { entries } = bench.said("view-change");
    expect(entries).toMatchObject([{ view: 0n, head: { hash: bench.block(1).hash } }]);
    bench.open(1n, [0, 1, 2], { entries });
    bench.checked(bench.block(1));
    bench.receive(bench.vote("prepare", 0, bench.block(1), 1n), bench.vote("prepare", 2, bench.block(1), 1n));
    expect(bench.sent()).toEqual(["commit 1"]);
  });
});

describe("Sawtooth PBFT", () => {
  it("#90: a replica that waits alone for a view commits on with the others, and rotation takes it back", () => {
    const run = cluster(4, { targetHeight: 200n, settings: { blockTimeMs: 200 } }, { rotationInterval: 2 });
    run.linked = (_, to) => to !== 3;
    run.start();
    expect(run.run(() => run.hosts[3]!.engine!.status().mode === "view-change", 10_000)).toBe(true);
    run.linked = () => true;
    const views = () => run.hosts.map((host) => host.engine!.status());
    const together = () =>
      views().every(({ mode, view }) => mode === "normal" && view === views()[0]!.view && view > 0n);
    expect(run.run(together, 60_000)).toBe(true);
    expect(run.hosts[3]!.height).toBeGreaterThan(3n);
    for (const { attempt } of views().slice(0, 3)) expect(attempt).toBe(0);
  });

  it("e7b4ba2: a vote counts for the one who signed it, whatever sender is claimed", () => {
    const bench = new ViewBench(1).start();
    const { verifier } = bench.fixture.consensus;
    for (const message of [bench.vote("commit", 2, bench.block(1)), viewChange(bench.fixture, 2, 1n)]) {
      expect(verdict(bench, verifier.encode({ ...message, from: 3 }))).toBe("bad-signature");
    }
  });

  it("d7e7fca: a message whose type is changed is refused, and nothing crashes on any type", () => {
    const bench = new ViewBench(1).start();
    const { verifier } = bench.fixture.consensus;
    const messages = [
      bench.vote("prepare", 2, bench.block(1)),
      viewChange(bench.fixture, 2, 1n),
      newView(
        bench.fixture,
        1n,
        [0, 1, 2].map((from) => viewChange(bench.fixture, from, 1n)),
      ),
      status(bench, 2),
    ];
    for (const message of messages) {
      for (let type = 0; type < 256; type++) {
        const bytes = verifier.encode(message).slice();
        if (bytes[1] === type) continue;
        bytes[1] = type;
        expect(verdict(bench, bytes)).not.toBe("ok");
      }
    }
    expect(Object.keys(MESSAGE_TYPE).length).toBeLessThan(256);
  });

  it("180ceed: the primary has one vote, its PRE-PREPARE, and a PREPARE of it is refused", () => {
    for (const n of [2, 3, 4, 5, 6, 7]) {
      const bench = new ViewBench(0, { n }).start().work();
      bench.step({ kind: "block-built", parent: bench.block(0).hash, block: bench.block(1) });
      expect(bench.sent()).toEqual(["pre-prepare 1"]);
      const { quorum } = quorumOf(n);
      for (let from = 1; from < quorum - 1; from++)
        bench.receive(bench.vote("prepare", from, bench.block(1)));
      if (quorum > 2) expect(bench.sent()).toEqual([]);
      bench.receive(bench.vote("prepare", quorum - 1, bench.block(1)));
      expect(bench.sent()).toEqual(["commit 1"]);
      const own = bench.fixture.consensus.verifier.encode(bench.vote("prepare", 0, bench.block(1)));
      expect(verdict(bench, own)).toBe("wrong-role");
    }
  });

  it("6d2fdac: a seal of votes for another view, height or block is refused", () => {
    const { fixture, blocks } = new ViewBench(1);
    const [one, two] = blocks;
    const seal = sealOf(fixture, one!, undefined, 3n);
    const check = (head: typeof one, bytes: Uint8Array) =>
      verifyCommitCertificate({ ...fixture, head: head!, seal: bytes })?.code;
    expect(check(one, seal)).toBeUndefined();
    expect(check(two, seal)).toBe("bad-signature");
    const otherView = seal.slice();
    otherView[8] = 4; // the view's last byte
    expect(check(one, otherView)).toBe("bad-signature");
  });

  it("0c3cfb4: at n = 4, where f+1 = 2f, the new primary opens its view once", () => {
    const bench = new ViewBench(1).start();
    const sent: string[] = [];
    for (const from of [0, 2, 3, 0, 2, 3]) {
      bench.ask(1n, [from]);
      sent.push(...bench.of("broadcast").map(({ message }) => message.type));
    }
    expect(sent).toEqual(["view-change", "new-view"]);
    expect(bench.engine.status()).toMatchObject({ view: 1n, mode: "normal" });
  });

  it("#166: a replica that was away catches up, though a third of the mail is lost and arrives in any order", () => {
    const run = cluster(4, { targetHeight: 24n, loss: 0.3, delayMs: 200 }, { pipelineDepth: 4 });
    run.linked = (from, to) => from !== 2 && to !== 2;
    run.start();
    expect(run.run(() => run.reached(24n, [2]), 600_000)).toBe(true);
    run.linked = () => true;
    run.targetHeight = 36n;
    for (const host of run.hosts) host.reportPending();
    expect(run.run(() => run.reached(36n), 600_000)).toBe(true);
  });
});

describe("Hyperledger Fabric 0.6", () => {
  it("PR #1111: what was prepared in a lower view beside another in a higher one does not stop the new view", () => {
    const bench = new ViewBench(3).start();
    const other = buildBlock(bench.fixture, bench.block(0), 1, bench.fixture.genesis.timeMs + 99n);
    bench.ask(3n, [0], { entries: [preparedIn(bench.fixture, bench.block(1), 0n, 3)] });
    bench.ask(3n, [1], { entries: [preparedIn(bench.fixture, other, 1n, 3)] });
    expect(bench.said("new-view").carried).toMatchObject([{ hash: other.hash }]);
  });

  it("#1917: VIEW-CHANGEs that were all lost are sent again, the same bytes, until the view opens", () => {
    const run = cluster(4);
    const said = new Map<number, Set<string>>();
    run.passes = (message, from) => {
      if (message.type !== "view-change") return true;
      const bytes = said.get(from) ?? new Set();
      said.set(from, bytes.add(hex(run.fixture.consensus.verifier.encode(message))));
      return run.now() > 15_000;
    };
    run.linked = (from, to) => from !== 0 && to !== 0;
    run.start();
    expect(run.run(() => run.reached(6n, [0]), 30_000)).toBe(true);
    expect(run.now()).toBeGreaterThan(15_000);
    for (const [, bytes] of said) expect(bytes.size).toBe(1);
  });

  it("PR #639: a transaction that is in the chain before it is in the pool starts no timer", () => {
    const bench = new ViewBench(1).start();
    bench.headChanged(1);
    bench.idle();
    expect(bench.delay("request")).toBeUndefined();
  });

  it("#917: a healthy cluster stays in its view, and one that asks again and again moves nobody", () => {
    const run = cluster(4, { targetHeight: 30n }).start();
    expect(run.run(() => run.reached(30n), 60_000)).toBe(true);
    for (const host of run.hosts) expect(host.engine!.status().view).toBe(0n);
    const bench = new ViewBench(1).start();
    for (let view = 1n; view <= 50n; view++) bench.ask(view, [2]);
    expect(bench.engine.status()).toMatchObject({ view: 0n, mode: "normal" });
  });

  it("#2060: one who asks for an open view is told so once per interval, and nothing loops", () => {
    const bench = new ViewBench(3).start();
    bench.open(2n, [0, 1, 2]);
    bench.ask(1n, [0]);
    expect(bench.sent()).toEqual(["new-view"]);
    bench.ask(2n, [0]);
    expect(bench.sent()).toEqual([]);
    bench.fire("status");
    bench.ask(2n, [0]);
    expect(bench.sent()).toEqual(["new-view"]);
  });

  it("PR #2234: a body that is missing in the new view is fetched from those who prepared it, one after the other", () => {
    const bench = new ViewBench(3).start();
    bench.open(1n, [0, 1, 2], { entries: [preparedIn(bench.fixture, bench.block(1), 0n, 3)] });
    const first = bench.of("send")[0]!.to;
    bench.fire("status");
    const second = bench.of("send").find(({ message }) => message.type === "fetch")!.to;
    expect([first, second].sort()).toEqual([1, 2]);
    const block = bench.block(1);
    const body = { type: "block" as const, from: second, epoch: 0n, hash: block.hash };
    bench.deliver(bench.sign(body, { block, blockBytes: encodeBlock(block) }));
    expect(bench.of("check-block")).toMatchObject([{ certified: true }]);
    bench.checked(block);
    expect(bench.sent()).toEqual(["prepare 1"]);
  });
});

describe("FISCO-BCOS (CertiK 2026: PRs #5167, #5168, #5186)", () => {
  const HUGE = 2n ** 64n - 2n;

  it("FIB-115: a jump over 2^64 views is one step", () => {
    const bench = new ViewBench(3).start();
    bench.ask(HUGE, [0, 1]);
    expect(bench.engine.status()).toMatchObject({ view: HUGE, mode: "view-change" });
    expect(bench.effects.length).toBeLessThan(20);
  });

  it("#2211: one packet of a huge view moves nobody", () => {
    const bench = new ViewBench(3).start().work();
    bench.ask(HUGE, [1]);
    expect(bench.engine.status()).toMatchObject({ view: 0n, mode: "normal" });
    bench.fire("request");
    expect(bench.said("view-change").view).toBe(1n);
  });

  it("FIB-124: O is checked against what follows from V", () => {
    const bench = new ViewBench(3).start();
    const entries = [preparedIn(bench.fixture, bench.block(1), 0n, 3)];
    const asked = [0, 1, 2].map((from) => viewChange(bench.fixture, from, 1n, { entries }));
    expect(() => bench.deliver(newView(bench.fixture, 1n, asked, () => []))).toThrow("wrong-view-change");
    expect(bench.engine.status().view).toBe(0n);
  });

  it("FIB-127: a certificate is verified wherever it comes from, the own disk included", () => {
    const bench = new ViewBench(1);
    const { signatures, ...facts } = checkpointOf(bench.fixture, bench.block(4));
    const forged = signatures.map(({ signer }) => ({ signer, signature: new Uint8Array(64) }));
    const checkpoint = encodeCheckpointCertificate({ ...facts, signatures: forged });
    const start = () =>
      bench.step({ kind: "started", head: bench.head(4), journal: [], checkpoint, recent: [] });
    expect(start).toThrow("damaged or of another chain");
    const other = new ViewBench(1).start().work();
    other.fire("request");
    const record = other.of("journal")[0]!.record.slice();
    record[record.length - 1]! ^= 1;
    expect(() => new ViewBench(1).start(0, [record])).toThrow();
  });

  it("FIB-128: a certified block that does not extend the committed one is not applied", () => {
    const bench = new ViewBench(1).start();
    const other = buildBlock(bench.fixture, bench.block(0), 0, bench.fixture.genesis.timeMs + 99n);
    const child = buildBlock(bench.fixture, other, 0, bench.fixture.genesis.timeMs + 100n);
    bench.headChanged(1);
    bench.receive(bench.vote("pre-prepare", 0, child));
    bench.receive(...[0, 2, 3].map((from) => bench.vote("commit", from, child)));
    expect(bench.of("import-block")).toEqual([]);
    expect(bench.engine.status().mode).toBe("halted");
  });

  it("FIB-129: nothing is changed by a message before all of it is verified", () => {
    const bench = new ViewBench(3).start();
    const { head } = preparedIn(bench.fixture, bench.block(1), 0n);
    const forged = preparedHead({ view: 0n, head, prePrepare: new Uint8Array(64), prepares: [] });
    expect(() => bench.ask(1n, [1], { entries: [forged] })).toThrow("wrong-certificate");
    expect(bench.engine.status()).toMatchObject({ view: 0n, viewChanges: [] });
  });

  it("FIB-130: the height that is signed is the block's own", () => {
    const bench = new ViewBench(1).start();
    const block = bench.block(2);
    const body = { type: "pre-prepare", from: 0, epoch: 0n, view: 0n, height: 1n, hash: block.hash } as const;
    const message = bench.sign(body, { block, blockBytes: encodeBlock(block) });
    expect(() => bench.deliver(message)).toThrow("wrong-block");
  });

  it("FIB-131: a bad proposal is executed once, however often it comes, and the timer does the rest", () => {
    const bench = new ViewBench(1).start();
    bench.deliver(bench.vote("pre-prepare", 0, bench.block(1)));
    expect(bench.of("check-block").length).toBe(1);
    bench.checked(bench.block(1), "invalid");
    for (let i = 0; i < 20; i++) {
      bench.deliver(bench.vote("pre-prepare", 0, bench.block(1)));
      expect(bench.kinds()).toEqual([]);
    }
    expect(bench.engine.status()).toMatchObject({ view: 0n, mode: "normal" });
  });

  it("FIB-133: a PRE-PREPARE of a higher view waits for that view's NEW-VIEW", () => {
    const bench = new ViewBench(3).start();
    const block = buildBlock(bench.fixture, bench.block(0), 1, bench.fixture.genesis.timeMs + 9n);
    bench.deliver(bench.vote("pre-prepare", 1, block, 1n));
    expect(bench.kinds()).toEqual([]);
    expect(bench.engine.status().view).toBe(0n);
    bench.open(1n, [0, 1, 2]);
    expect(bench.of("check-block")).toMatchObject([{ block: { hash: block.hash }, certified: false }]);
    bench.checked(block);
    expect(bench.sent()).toEqual(["prepare 1"]);
  });

  it("FIB-137, 138: votes of the view that was left have no effect in the next", () => {
    const bench = new ViewBench(3).start();
    bench.receive(bench.vote("prepare", 1, bench.block(1)), bench.vote("prepare", 2, bench.block(1)));
    bench.open(1n, [0, 1, 2]);
    bench.acceptIn(1n, buildBlock(bench.fixture, bench.block(0), 1, bench.fixture.genesis.timeMs + 9n));
    expect(bench.sent()).toEqual(["prepare 1"]);
    expect(bench.engine.status().slots[0]!.prepares).toEqual([3]);
  });
});

describe("BFT-SMaRt #19", () => {
  it("goes on after one, then two, then each in turn was cut off and came back", () => {
    const run = cluster(4, { targetHeight: 1_000n, settings: { blockTimeMs: 1_000 } }).start();
    for (const cut of [[3], [0], [1, 2], [0, 3], [2], [1]]) {
      const inside = (i: number) => cut.includes(i);
      run.linked = (from, to) => inside(from) === inside(to);
      run.run(() => false, 12_000);
      run.linked = () => true;
      const goal = run.hosts.reduce((top, { height }) => (height > top ? height : top), 0n) + 3n;
      expect(run.run(() => run.reached(goal), 40_000)).toBe(true);
    }
  });
});

describe("Tendermint #247, #984, #3089", () => {
  it("what was signed before a crash is sent again with the same bytes, and nothing else is signed in its place", () => {
    const bench = new ViewBench(1).start();
    const journal: Uint8Array[] = [];
    const bytes: string[] = [];
    const keep = () => {
      journal.push(...bench.of("journal").map(({ record }) => record));
      bytes.push(...bench.of("broadcast").map(({ message }) => hex(message.signature)));
    };
    bench.acceptIn(0n, bench.block(1));
    keep();
    bench.receive(bench.vote("prepare", 2, bench.block(1)));
    keep();
    const again = new ViewBench(1).start(0, journal);
    const resent = again.of("broadcast").map(({ message }) => message);
    expect(resent.slice(0, 2).map(({ signature }) => hex(signature))).toEqual(bytes);
    const other = buildBlock(bench.fixture, bench.block(0), 0, bench.fixture.genesis.timeMs + 99n);
    again.acceptIn(0n, other);
    expect(again.sent().filter((what) => what.startsWith("prepare"))).toEqual([]);
  });

  it("a VIEW-CHANGE is sent again with the same bytes, and no vote is given below it", () => {
    const bench = new ViewBench(2).start().work();
    bench.fire("request");
    const said = bench.said("view-change");
    const again = new ViewBench(2).start(
      0,
      bench.of("journal").map(({ record }) => record),
    );
    expect(equalBytes(again.said("view-change").signature, said.signature)).toBe(true);
    again.acceptIn(0n, again.block(1));
    expect(again.sent()).toEqual([]);
  });
});

describe("Besu", () => {
  it("#7642, quorum #1681: the back-off is capped, also after a hundred failed views", () => {
    const bench = new ViewBench(3).start().work();
    bench.fire("request");
    for (let failed = 1; failed <= 100; failed++) {
      bench.ask(bench.engine.status().view, [0, 1]);
      // Views that this replica would lead open at once.
      if (bench.engine.status().mode === "view-change")
        expect(bench.delay("new-view")).toBeLessThanOrEqual(60_000);
      bench.fire("new-view");
      bench.fire("status"); // a new interval: more VIEW-CHANGEs are looked at
    }
    bench.ask(bench.engine.status().view, [0, 1]);
    expect(bench.delay("new-view")).toBe(60_000);
    // T(k) is capped, and so is k: as many quick commits as doublings bring it back, not a hundred.
    expect(bench.engine.status().attempt).toBe(Math.ceil(Math.log2(60_000 / 2_000)));
  });

  it("#7642: a cluster that stood still for long goes on within two of the longest timeouts", () => {
    const run = cluster(4, { settings: { timeoutMaxMs: 20_000 } });
    run.linked = (from, to) => from < 2 && to < 2;
    run.start();
    run.run(() => false, 1_000_000);
    run.linked = () => true;
    expect(run.run(() => run.reached(6n), 40_000)).toBe(true);
  });

  it("#6732: a block that was prepared is proposed again byte for byte, its proposer and time unchanged", () => {
    const bench = new ViewBench(3).start();
    bench.acceptIn(0n, bench.block(1));
    bench.open(1n, [0, 1, 2], { entries: [preparedIn(bench.fixture, bench.block(1), 0n, 3)] });
    const { block } = bench.of("check-block")[0]!;
    expect(encodeBlock(block)).toEqual(encodeBlock(bench.block(1)));
    expect(block.summary.proposer).toBe(0);
    expect(bench.engine.status().primary).toBe(1);
  });

  it("#10917: the timer for empty blocks holds up neither work nor a view change", () => {
    const bench = new ViewBench(1, { settings: { emptyBlocksMs: 30_000 } }).start().work();
    expect(bench.delay("request")).toBe(2_000);
    bench.fire("request");
    expect(bench.delay("empty")).toBeUndefined();
    bench.ask(1n, [0, 2]);
    expect(bench.of("build-block")).toMatchObject([{ allowEmpty: false }]);
  });

  it("#2095: nobody asks for another view because there is no block before one is due", () => {
    const bench = new ViewBench(1, { settings: { emptyBlocksMs: 30_000 } }).start();
    expect(bench.delay("request")).toBeUndefined();
    const run = cluster(4, { targetHeight: 0n, settings: { emptyBlocksMs: 5_000 } }).start();
    expect(run.run(() => run.reached(5n), 60_000)).toBe(true);
    for (const host of run.hosts) expect(host.engine!.status().view).toBe(0n);
  });
});

describe("CometBFT CVE-2025-24371", () => {
  it("a height that a peer claims is a hint: who claims less later, or lies, holds up nothing", () => {
    const bench = new ViewBench(1).start();
    bench.deliver(status(bench, 2, { lastCommitted: 1_000_000n }));
    expect(bench.of("request-sync")).toMatchObject([{ height: 1_000_000n }]);
    bench.deliver(bench.vote("pre-prepare", 0, bench.block(1)));
    bench.checked(bench.block(1));
    expect(bench.sent()).toEqual(["prepare 1"]);
    bench.fire("status");
    bench.deliver(status(bench, 3, { lastCommitted: 2n }));
    expect(bench.of("request-sync")).toMatchObject([{ height: 2n }]);
  });
});

describe("the clock of a replica, derived from published bugs", () => {
  it("is not looked at again when a block is carried over, however old it is", () => {
    const bench = new ViewBench(3).start();
    bench.acceptIn(0n, bench.block(1));
    bench.open(1n, [0, 1, 2], { entries: [preparedIn(bench.fixture, bench.block(1), 0n, 3)] });
    expect(bench.of("check-block")).toMatchObject([{ certified: true }]);
  });

  it("is not looked at either when a committed block is prepared for laggards", () => {
    const bench = new ViewBench(3).start(1);
    bench.open(1n, [0, 1, 2], { entries: [committedIn(bench.fixture, bench.block(1), 0n, 3)] });
    expect(bench.of("check-block")).toEqual([]);
    expect(bench.sent()).toEqual(["prepare 1"]);
  });
});
