/** Whom catching up by branches asks, and what it thinks of who does not answer. */
import { beforeEach, describe, expect, it } from "vitest";
import { EMPTY, equalBytes, type Hash } from "../../src/base/bytes.ts";
import { HEADS_PEERS_MAX } from "../../src/base/limits.ts";
import { SILENT } from "../../src/base/log.ts";
import { encodeBody, type SealedBlock } from "../../src/chain/block.ts";
import type { Chain } from "../../src/chain/chain.ts";
import { BranchDoor } from "../../src/node/branchdoor.ts";
import { BranchSync } from "../../src/p2p/branchsync.ts";
import { type BranchQuestion, decodeBranchQuestion, encodeBranchAnswer } from "../../src/p2p/branchwire.ts";
import { CATCH_UP } from "../../src/p2p/catchup.ts";
import { mineOn, openMinedChain } from "../chain/powfixtures.ts";
import { VirtualTime } from "./virtualtime.ts";

type Answer = (question: BranchQuestion) => Promise<Uint8Array>;

let time: VirtualTime;
let chain: Chain;
let sync: BranchSync;
let peers: Map<string, Answer>;
let asked: { peer: string; kind: BranchQuestion["kind"]; count: number }[];
let faults: string[];

beforeEach(async () => {
  time = new VirtualTime();
  chain = await openMinedChain();
  [peers, asked, faults] = [new Map(), [], []];
  const door = new BranchDoor({ chain, scheduler: time, fatal: (error) => faults.push(String(error)) });
  sync = new BranchSync(CATCH_UP, {
    scheduler: time,
    logger: SILENT,
    ledger: door,
    ring: () => [...peers.keys()],
    reportFault: (peerId, detail) => faults.push(`${peerId}: ${detail}`),
    request: (peer, bytes) => {
      const question = decodeBranchQuestion(bytes);
      if (!question.ok) throw new Error(question.fault.detail);
      const { kind } = question.value;
      asked.push({ peer, kind, count: kind === "bodies" ? question.value.hashes.length : 0 });
      const answer = peers.get(peer)!(question.value);
      return new Promise((resolve, reject) => time.after(10, () => answer.then(resolve, reject)));
    },
  });
});

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
    for (const peer of ["a", "b", "c"]) sync.told(peer, 60n, tip);
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
    sync.told("mute", 5n, tip);
    await time.pass(5_000);
    expect(kinds("mute")).toEqual(["heads"]);
    peers.set("a", serve);
    sync.told("a", 5n, tip);
    await time.pass(100);
    expect(chain.head.hash).toEqual(tip);
    expect(faults).toEqual([]);
  });

  it("asks no more than a few peers for heads at once, whatever they tell", async () => {
    for (let i = 0; i < 8; i++) {
      peers.set(`mute${i}`, silent);
      sync.told(`mute${i}`, 9n, (await branchOf(1, 1 + i)).tip);
    }
    expect(asked.length).toBe(HEADS_PEERS_MAX);
  });

  it("changes to the heavier of two branches, each from its own peer, and stays on the first of two equal ones", async () => {
    const [short, long, equal] = [await branchOf(3), await branchOf(6, 1), await branchOf(6, 2)];
    peers.set("short", short.serve).set("long", long.serve).set("equal", equal.serve);
    sync.told("short", 3n, short.tip);
    await time.pass(500);
    expect(chain.head.hash).toEqual(short.tip);
    sync.told("long", 6n, long.tip);
    await time.pass(500);
    expect(chain.head.hash).toEqual(long.tip);
    sync.told("equal", 6n, equal.tip);
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
    sync.told("hollow", 20n, hollow.tip);
    await time.pass(500);
    peers.set("honest", honest.serve);
    sync.told("honest", 10n, honest.tip);
    await time.pass(500);
    expect(chain.head.hash).toEqual(honest.tip);
    const before = asked.length;
    await time.pass(60_000);
    expect(asked.length - before).toBeLessThan(20);
    expect(faults).toEqual([]);
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
    sync.told("liar", 4n, tip);
    await time.pass(500);
    expect(chain.head.summary.height).toBe(0n);
    expect(faults.map((fault) => fault.split(":")[0])).toEqual(["liar"]);
    peers.set("honest", serve);
    sync.told("honest", 4n, tip);
    await time.pass(2_000);
    expect(chain.head.hash).toEqual(tip);
  });
});
