/** Whom catching up by branches asks, and what it thinks of who does not answer. */

import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { EMPTY, equalBytes, type Hash, utf8 } from "../../../src/base/bytes.ts";
import { HEADS_CHOSEN_PEERS_MAX, HEADS_PEERS_MAX } from "../../../src/base/limits.ts";
import { SILENT } from "../../../src/base/log.ts";
import type { Chain } from "../../../src/chain/chain.ts";
import { branchesOf } from "../../../src/chain/chain-mode.ts";
import { encodeBody, type SealedBlock } from "../../../src/chain/types/block.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { BlockIngress } from "../../../src/node/ingress/block-ingress.ts";
import { BranchSync } from "../../../src/p2p/sync/branch-sync.ts";
import {
  type BranchQuestion,
  decodeBranchQuestion,
  encodeBranchAnswer,
} from "../../../src/p2p/sync/branch-wire.ts";
import { CATCH_UP } from "../../../src/p2p/sync/catch-up.ts";
import { mineOn, openMinedChain } from "../../chain/pow-fixtures.ts";
import { VirtualTime } from "../virtual-time.ts";

type Answer = (question: BranchQuestion) => Promise<Uint8Array>;

let time: VirtualTime;
let chain: Chain;
let sync: BranchSync;
let peers: Map<string, Answer>;
let asked: { peer: string; kind: BranchQuestion["kind"]; count: number }[];
let faults: string[];
let latencyMs: Map<string, number>;
let chosen: Set<string>;
/** The lowest body that a peer said to have. */
let pruned: Map<string, bigint>;

beforeEach(open);

/** A node at block 0 without peers. */
async function open(): Promise<void> {
  time = new VirtualTime();
  chain = await openMinedChain();
  [peers, asked, faults] = [new Map(), [], []];
  [latencyMs, chosen, pruned] = [new Map(), new Set(), new Map()];
  const ingress = new BlockIngress({
    chain,
    branches: branchesOf(chain),
    scheduler: time,
    fatal: (error) => faults.push(String(error)),
  });
  sync = new BranchSync(CATCH_UP, {
    scheduler: time,
    logger: SILENT,
    ledger: ingress,
    ring: () => [...peers.keys()],
    kept: { from: (peer) => pruned.get(peer) ?? 1n, missed: async () => undefined },
    chosen: () => chosen,
    reportFault: (peerId, detail) => faults.push(`${peerId}: ${detail}`),
    request: (peer, bytes) => {
      const question = decodeBranchQuestion(bytes);
      if (!question.ok) throw new Error(question.fault.detail);
      const { kind } = question.value;
      asked.push({ peer, kind, count: kind === "bodies" ? question.value.hashes.length : 0 });
      const answer = peers.get(peer)!(question.value);
      const delayMs = latencyMs.get(peer) ?? 10;
      return new Promise((resolve, reject) => time.after(delayMs, () => answer.then(resolve, reject)));
    },
  });
}

/** A branch from block 0, and how an honest peer serves it. */
async function branchOf(
  length: number,
  second = 0,
): Promise<{ blocks: SealedBlock[]; serve: Answer; tip: Hash }> {
  const other = await openMinedChain();
  const blocks: SealedBlock[] = [];
  for (let i = 0; i < length; i++) {
    const block = mineOn(other, [], second);
    await other.importBlock(block);
    blocks.push(block);
  }
  const place = (hash: Hash) => blocks.findIndex(({ block }) => equalBytes(block.hash, hash));
  const serve: Answer = async (question) => {
    if (question.kind === "heads") {
      const from = question.locator.map(place).find((found) => found >= 0) ?? -1;
      return encodeBranchAnswer({ kind: "heads", heads: blocks.slice(from + 1).map(({ block }) => block) });
    }
    if (question.kind === "bodies") {
      const bodies = question.hashes.map((hash) => {
        const found = blocks[place(hash)];
        return found === undefined ? EMPTY : encodeBody(found.block.transactions);
      });
      return encodeBranchAnswer({ kind: "bodies", bodies });
    }
    throw new Error("not served");
  };
  return { blocks, serve, tip: blocks.at(-1)!.block.hash };
}

const silent: Answer = () => new Promise(() => undefined);
const kinds = (peer: string) => asked.filter((one) => one.peer === peer).map(({ kind }) => kind);

describe("catching up by branches", () => {
  it("asks one peer for the heads that several told, and all of them for bodies", async () => {
    const { serve, tip } = await branchOf(60);
    for (const peer of ["a", "b", "c"]) peers.set(peer, serve);
    for (const peer of ["a", "b", "c"]) sync.advertised(peer, 60n, tip);
    await time.pass(1_000);
    expect(chain.head.hash).toEqual(tip);
    expect(asked.filter(({ kind }) => kind === "heads").map(({ peer }) => peer)).toEqual(["a"]);
    for (const peer of ["a", "b", "c"]) expect(kinds(peer)).toContain("bodies");
    expect(asked.reduce((sum, { count }) => sum + count, 0)).toBe(60);
    expect(sync.progress()).toBeUndefined();
  });

  it("passes over a silent peer, which rests longer each time", async () => {
    const { serve, tip } = await branchOf(5);
    peers.set("mute", silent);
    sync.advertised("mute", 5n, tip);
    await time.pass(5_000);
    expect(kinds("mute")).toEqual(["heads"]);
    peers.set("a", serve);
    sync.advertised("a", 5n, tip);
    await time.pass(100);
    expect(chain.head.hash).toEqual(tip);
    expect(faults).toEqual([]);
  });

  it("asks no more than a few peers for heads at once, whatever they tell", async () => {
    for (let i = 0; i < 24; i++) {
      peers.set(`mute${i}`, silent);
      if (i % 2 === 0) chosen.add(`mute${i}`);
      sync.advertised(`mute${i}`, 9n, sha256(utf8(`head ${i}`)));
    }
    expect(asked.filter(({ peer }) => !chosen.has(peer)).length).toBe(HEADS_PEERS_MAX);
    expect(asked.filter(({ peer }) => chosen.has(peer)).length).toBe(HEADS_CHOSEN_PEERS_MAX);
  });

  it("changes to the heavier of two branches, each from its own peer, and stays on the first of two equal ones", async () => {
    const [short, long, equal] = [await branchOf(3), await branchOf(6, 1), await branchOf(6, 2)];
    peers.set("short", short.serve).set("long", long.serve).set("equal", equal.serve);
    sync.advertised("short", 3n, short.tip);
    await time.pass(500);
    expect(chain.head.hash).toEqual(short.tip);
    sync.advertised("long", 6n, long.tip);
    await time.pass(500);
    expect(chain.head.hash).toEqual(long.tip);
    sync.advertised("equal", 6n, equal.tip);
    await time.pass(500);
    expect(chain.head.hash).toEqual(long.tip);
    expect(kinds("equal")).not.toContain("bodies");
  });

  it("is held up by no branch whose bodies nobody sends", async () => {
    const [hollow, honest] = [await branchOf(20, 1), await branchOf(10)];
    const withoutBodies: Answer = async (question) =>
      question.kind === "bodies"
        ? encodeBranchAnswer({ kind: "bodies", bodies: question.hashes.map(() => EMPTY) })
        : hollow.serve(question);
    peers.set("hollow", withoutBodies);
    sync.advertised("hollow", 20n, hollow.tip);
    await time.pass(500);
    peers.set("honest", honest.serve);
    sync.advertised("honest", 10n, honest.tip);
    await time.pass(500);
    expect(chain.head.hash).toEqual(honest.tip);
    const before = asked.length;
    await time.pass(60_000);
    expect(asked.length - before).toBeLessThan(20);
    expect(faults).toEqual([]);
  });

  it("gets the bodies from the one peer that has them, however many others claim them and quickly say no", async () => {
    const { serve, tip } = await branchOf(200);
    const hollow: Answer = async (question) =>
      question.kind === "bodies"
        ? encodeBranchAnswer({ kind: "bodies", bodies: question.hashes.map(() => EMPTY) })
        : serve(question);
    for (const peer of ["x1", "x2", "x3"]) peers.set(peer, hollow);
    peers.set("y honest", serve);
    latencyMs.set("y honest", 200);
    for (let second = 0; second < 10; second++) {
      for (const peer of peers.keys()) sync.advertised(peer, 200n, tip);
      await time.pass(1_000);
    }
    expect(chain.head.hash).toEqual(tip);
    // It is asked again after 1, 2, 4 s and so on, not at each claim.
    for (const peer of ["x1", "x2", "x3"])
      expect(kinds(peer).filter((kind) => kind === "bodies").length).toBeLessThanOrEqual(4);
    expect(faults).toEqual([]);
  });

  it("gives one that claims a tip and lacks a part of its bodies no more to do for a while", async () => {
    const { serve, tip, blocks } = await branchOf(40);
    const place = (hash: Hash) => blocks.findIndex(({ block }) => equalBytes(block.hash, hash));
    const partly: Answer = async (question) => {
      if (question.kind !== "bodies") return serve(question);
      const bodies = question.hashes.map((hash) =>
        place(hash) % 2 === 0 ? encodeBody(blocks[place(hash)]!.block.transactions) : EMPTY,
      );
      return encodeBranchAnswer({ kind: "bodies", bodies });
    };
    peers.set("partly", partly);
    for (let i = 0; i < 600; i++) {
      sync.advertised("partly", 40n, tip);
      await time.pass(100);
    }
    // 1, 2, 4, 8, 16 and 32 s: what it lacks is its broken promise, what it sends does not make up for it.
    expect(kinds("partly").filter((kind) => kind === "bodies").length).toBeLessThanOrEqual(7);
    expect(chain.head.summary.height).toBe(1n);
  });

  describe("of strangers that hold the fetches of heads", () => {
    const claim = (i: number) => sha256(utf8(`no such head ${i}`));

    /** The next known head each time, slowly: always an answer, never anything new. */
    function dripper(blocks: readonly SealedBlock[]): Answer {
      let next = 0;
      return async (question) => {
        if (question.kind !== "heads") throw new Error("not served");
        const { block } = blocks[next++ % blocks.length]!;
        return encodeBranchAnswer({ kind: "heads", heads: [block] });
      };
    }

    it("known ones a few seconds apart are no progress, and the next stranger has its turn", async () => {
      const { serve, tip, blocks } = await branchOf(60);
      for (const block of blocks.slice(0, 50)) await chain.importBlock(block);
      for (let i = 0; i < 6; i++) {
        peers.set(`drip${i}`, dripper(blocks));
        latencyMs.set(`drip${i}`, 4_800);
        sync.advertised(`drip${i}`, 99n, claim(i));
      }
      peers.set("honest", serve);
      sync.advertised("honest", 60n, tip);
      for (let i = 0; i < 20; i++) {
        await time.pass(1_000);
        for (let j = 0; j < 6; j++) sync.advertised(`drip${j}`, 99n, claim(100 * i + j));
      }
      expect(chain.head.hash).toEqual(tip);
      // Each rests after a claim that did not appear: 1, 2, 4 s.
      for (let i = 0; i < 6; i++) expect(kinds(`drip${i}`).length).toBeLessThanOrEqual(4);
      expect(faults).toEqual([]);
    });

    it("a peer that this node chose waits for none of them, not even for one that told the same head", async () => {
      const { serve, tip } = await branchOf(5);
      for (const peer of ["mute0", "mute1", "mute2"]) peers.set(peer, silent);
      for (const peer of peers.keys()) sync.advertised(peer, 5n, tip);
      sync.advertised("mute1", 9n, claim(1));
      sync.advertised("mute2", 9n, claim(2));
      await time.pass(10);
      peers.set("ours", serve);
      chosen.add("ours");
      sync.advertised("ours", 5n, tip);
      await time.pass(300);
      expect(chain.head.hash).toEqual(tip);
    });

    it("one that tells another's head and is slow to show it does not keep the other from showing it", async () => {
      const { serve, tip } = await branchOf(5);
      peers.set("mute", silent);
      peers.set("swift", serve);
      sync.advertised("mute", 5n, tip);
      sync.advertised("swift", 5n, tip);
      await time.pass(900);
      expect(kinds("swift")).toEqual([]);
      await time.pass(1_500);
      expect(chain.head.hash).toEqual(tip);
    });
  });

  it("ends on an honest stranger's chain whatever up to twelve others do", async () => {
    const { serve, tip, blocks } = await branchOf(80);
    const place = (hash: Hash) => blocks.findIndex(({ block }) => equalBytes(block.hash, hash));
    const empty = (hashes: readonly Hash[]) =>
      encodeBranchAnswer({ kind: "bodies", bodies: hashes.map(() => EMPTY) });
    let stuckAt = 0;
    const bad: Record<string, Answer> = {
      silent,
      hollow: async (question) => (question.kind === "bodies" ? empty(question.hashes) : serve(question)),
      partial: async (question) => {
        if (question.kind !== "bodies") return serve(question);
        const bodies = question.hashes.map((hash) =>
          place(hash) % 3 === 0 ? encodeBody(blocks[place(hash)]!.block.transactions) : EMPTY,
        );
        return encodeBranchAnswer({ kind: "bodies", bodies });
      },
      headless: async (question) =>
        question.kind === "heads" ? encodeBranchAnswer({ kind: "heads", heads: [] }) : serve(question),
      stuck: async (question) =>
        question.kind === "heads"
          ? encodeBranchAnswer({ kind: "heads", heads: [blocks[stuckAt++ % blocks.length]!.block] })
          : empty(question.kind === "bodies" ? question.hashes : []),
      short: (question) => (question.kind === "bodies" ? silent(question) : serve(question)),
    };
    const stranger = fc.record({
      behaviour: fc.constantFrom(...Object.keys(bad)),
      delayMs: fc.constantFrom(1, 900, 4_800),
      tellsTip: fc.boolean(),
    });
    // Mixed, or all alike: some faults need several of a kind.
    const alike = fc
      .tuple(stranger, fc.integer({ min: 3, max: 12 }))
      .map(([one, count]) => new Array<typeof one>(count).fill(one));
    const crowd = fc.record({
      strangers: fc.oneof(fc.array(stranger, { maxLength: 12 }), alike),
      honestAt: fc.nat({ max: 12 }),
      honestDelayMs: fc.constantFrom(1, 300),
      stuckFrom: fc.nat({ max: 79 }),
    });
    // Each sends the next head just before it is taken for slow: that was 75 s.
    const dripping = {
      strangers: new Array(12).fill({ behaviour: "stuck", delayMs: 900, tellsTip: true }),
      honestAt: 12,
      honestDelayMs: 1,
      stuckFrom: 0,
    };
    await fc.assert(
      fc.asyncProperty(crowd, async ({ strangers, honestAt, honestDelayMs, stuckFrom }) => {
        await open();
        stuckAt = stuckFrom;
        latencyMs.set("honest", honestDelayMs);
        const names = strangers.map(({ behaviour }, i) => `${String(i).padStart(2, "0")} ${behaviour}`);
        for (const [i, { behaviour, delayMs }] of strangers.entries()) {
          peers.set(names[i]!, bad[behaviour]!);
          latencyMs.set(names[i]!, delayMs);
        }
        names.splice(honestAt, 0, "honest");
        peers = new Map(names.map((name) => [name, peers.get(name) ?? serve]));
        // Twelve have four turns in the three fetches, each of 10 s and an answer's 5 s; then come the bodies.
        for (let second = 0; second < 120 && !equalBytes(chain.head.hash, tip); second++) {
          for (const [i, { tellsTip }] of strangers.entries()) {
            const name = names.filter((one) => one !== "honest")[i]!;
            sync.advertised(name, 99n, tellsTip ? tip : sha256(utf8(`${name} ${second}`)));
          }
          sync.advertised("honest", 80n, tip);
          await time.pass(1_000);
        }
        expect(chain.head.hash).toEqual(tip);
        sync.stop();
      }),
      { numRuns: 15, examples: [[dripping]] },
    );
  });

  it("does not count as behind because a peer claims a head, except while it asks for the first time", async () => {
    peers.set("mute", silent);
    sync.advertised("mute", 2n ** 64n - 1n, (await branchOf(1)).tip);
    expect(sync.progress()).toMatchObject({ current: 0n, target: 0n, phase: "heads" });
    await time.pass(5_001);
    expect(sync.progress()).toBeUndefined();
    sync.advertised("mute", 2n ** 64n - 1n, (await branchOf(1, 2)).tip);
    await time.pass(2_000);
    expect(kinds("mute")).toEqual(["heads", "heads"]);
    expect(sync.progress()).toBeUndefined();
  });

  it("calls out a peer that sends other bodies, and takes them from another", async () => {
    const { serve, tip, blocks } = await branchOf(4);
    const swapped: Answer = async (question) =>
      question.kind === "bodies"
        ? encodeBranchAnswer({
            kind: "bodies",
            bodies: question.hashes.map(() => encodeBody(blocks.at(-1)!.block.transactions)),
          })
        : serve(question);
    peers.set("liar", swapped);
    sync.advertised("liar", 4n, tip);
    await time.pass(500);
    expect(chain.head.summary.height).toBe(0n);
    expect(faults.map((fault) => fault.split(":")[0])).toEqual(["liar"]);
    peers.set("honest", serve);
    sync.advertised("honest", 4n, tip);
    await time.pass(2_000);
    expect(chain.head.hash).toEqual(tip);
  });
});
