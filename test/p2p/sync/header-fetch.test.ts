/** Heads of a long branch: stored answer by answer, or read through first where it may be too light. */

import { expect, it } from "vitest";
import { equalBytes } from "../../../src/base/bytes.ts";
import { HEADS_PER_ANSWER_MAX } from "../../../src/base/limits.ts";
import { SILENT } from "../../../src/base/log.ts";
import type { Chain } from "../../../src/chain/chain.ts";
import { branchesOf } from "../../../src/chain/chain-mode.ts";
import { type BlockHead, bodyRootOf, hashHeader } from "../../../src/chain/types/block.ts";
import { meetsTarget } from "../../../src/chain/types/target.ts";
import { BlockIngress } from "../../../src/node/ingress/block-ingress.ts";
import { BranchPeer } from "../../../src/p2p/sync/branch-peer.ts";
import { decodeBranchQuestion, encodeBranchAnswer } from "../../../src/p2p/sync/branch-wire.ts";
import { CATCH_UP } from "../../../src/p2p/sync/catch-up.ts";
import { fetchHeads } from "../../../src/p2p/sync/header-fetch.ts";
import { mineOn, openMinedChain } from "../../chain/pow-fixtures.ts";
import { VirtualTime } from "../virtual-time.ts";

function solve(head: BlockHead): BlockHead {
  for (let nonce = 0; ; nonce++) {
    const header = { ...head.header, nonce };
    const hash = hashHeader(header);
    if (meetsTarget(hash, header.bits)) return { ...head, header, hash };
  }
}

/** Heads without bodies, each on the one before. */
function mineHeads(first: BlockHead, count: number): BlockHead[] {
  const heads = [first];
  for (let last = first; heads.length < count; last = heads.at(-1)!) {
    const summary = { ...last.summary, height: last.summary.height + 1n };
    const header = {
      ...last.header,
      previousHash: last.hash,
      bodyRoot: bodyRootOf(summary),
      time: last.header.time + 1,
    };
    heads.push(solve({ ...last, header, summary }));
  }
  return heads;
}

class World {
  readonly faults: string[] = [];
  readonly time = new VirtualTime();
  asked = 0;
  /** Of each answer, and heads in it. */
  latencyMs = 0;
  headsMax = HEADS_PER_ANSWER_MAX;
  isChosen = false;
  readonly chain: Chain;
  readonly ingress: BlockIngress;
  readonly peer: BranchPeer;

  /** @param answers the branch that the peer shows, at each question */
  constructor(chain: Chain, answers: (question: number) => readonly BlockHead[]) {
    const scheduler = this.time;
    this.chain = chain;
    this.ingress = new BlockIngress({
      chain,
      branches: branchesOf(chain),
      scheduler,
      fatal: (error) => this.faults.push(String(error)),
    });
    this.peer = new BranchPeer("peer", CATCH_UP, {
      scheduler,
      logger: SILENT,
      reportFault: (_, detail) => this.faults.push(detail),
      request: async (_, bytes) => {
        const question = decodeBranchQuestion(bytes);
        if (!question.ok || question.value.kind !== "heads") throw new Error("not a question for heads");
        const branch = answers(this.asked++);
        const { locator } = question.value;
        const places = locator.map((one) => branch.findIndex(({ hash }) => equalBytes(hash, one)));
        const from = (places.find((place) => place >= 0) ?? -1) + 1;
        const heads = branch.slice(from, from + this.headsMax);
        if (this.latencyMs > 0)
          await new Promise<void>((resolve) => scheduler.after(this.latencyMs, resolve));
        return encodeBranchAnswer({ kind: "heads", heads });
      },
    });
  }

  fetch(): Promise<boolean> {
    const { ingress, peer, isChosen } = this;
    return fetchHeads({ ledger: ingress, peer, isChosen, stored: () => undefined, isStopped: () => false });
  }

  get known(): bigint {
    return this.ingress.bestHeader().height;
  }
}

const first = await openMinedChain().then((chain) => mineOn(chain).block);
const branch = mineHeads(first, 2_100);

it("heads of a peer are stored answer by answer until nothing new comes", async () => {
  const world = new World(await openMinedChain(), () => branch);
  expect(await world.fetch()).toBe(true);
  expect(world.known).toBe(2_100n);
  expect(world.faults).toEqual([]);
});

it("heads of a peer are read through first where the branch must have much work, and stored when it has", async () => {
  const chain = await openMinedChain({ branches: { minimumChainWork: 4_100n } });
  const world = new World(chain, () => branch);
  expect(await world.fetch()).toBe(true);
  expect(world.known).toBe(2_100n);
  expect(world.asked).toBe(4);
  expect(world.faults).toEqual([]);
});

it("heads of a peer are not stored when the branch turns out to be too light", async () => {
  const chain = await openMinedChain({ branches: { minimumChainWork: 5_000n } });
  const world = new World(chain, () => branch);
  expect(await world.fetch()).toBe(false);
  expect(world.known).toBe(0n);
  expect(world.faults).toEqual([]);
});

it("heads of a peer are not stored when the second reading shows another branch than the first", async () => {
  const other = mineHeads(
    solve({ ...first, header: { ...first.header, time: first.header.time + 1 } }),
    2_000,
  );
  const chain = await openMinedChain({ branches: { minimumChainWork: 4_100n } });
  const world = new World(chain, (question) => (question < 2 ? branch : other));
  expect(await world.fetch()).toBe(false);
  expect(world.known).toBe(0n);
});

it("heads of a peer are refused at the first with wrong bits or times while they are read through, and the peer is at fault", async () => {
  const harder = { bits: 0x207ffffe };
  const older = { time: branch[2_040]!.header.time - 20 };
  for (const [changes, code] of [
    [harder, "bits 207ffffe"],
    [older, "median"],
  ] as const) {
    const last = branch[2_049]!;
    const wrong = solve({ ...last, header: { ...last.header, ...changes } });
    const forged = [...branch.slice(0, 2_049), ...mineHeads(wrong, 3_000)];
    const chain = await openMinedChain({ branches: { minimumChainWork: 1_000_000n } });
    const world = new World(chain, () => forged);
    expect(await world.fetch()).toBe(false);
    expect(world.asked).toBe(2);
    expect(world.known).toBe(0n);
    expect(world.faults).toEqual([expect.stringContaining(code)]);
    expect(world.peer.isResting).toBe(true);
  }
});

it("heads of a peer are left alone, without blame, from the first that is not due on", async () => {
  const now = () => 1_000 * (branch[2_049]!.header.time - 7_201);
  const chain = await openMinedChain({ branches: { minimumChainWork: 1_000_000n }, now });
  const world = new World(chain, () => branch);
  expect(await world.fetch()).toBe(false);
  expect(world.known).toBe(0n);
  expect(world.faults).toEqual([]);
});

it("heads of a peer are stored up to the first that is not due, where those before it have enough work", async () => {
  const now = () => 1_000 * (branch[2_049]!.header.time - 7_201);
  const chain = await openMinedChain({ branches: { minimumChainWork: 4_050n }, now });
  const world = new World(chain, () => branch);
  expect(await world.fetch()).toBe(true);
  expect(world.known).toBe(2_049n);
  expect(world.faults).toEqual([]);
});

it("heads of a peer are no lie where the peer has changed branches between two answers", async () => {
  const later = solve({ ...first, header: { ...first.header, time: first.header.time + 1 } });
  const chain = await openMinedChain({ branches: { minimumChainWork: 1_000_000n } });
  const world = new World(chain, (question) => (question === 0 ? branch : [later]));
  expect(await world.fetch()).toBe(false);
  expect(world.known).toBe(0n);
  expect(world.faults).toEqual([]);
  expect(world.peer.isResting).toBe(true);
});

it("heads of a peer are refused without work behind them, and the peer is at fault", async () => {
  const unproven = branch.slice(0, 100).map((head) => head);
  const header = { ...unproven[99]!.header };
  while (meetsTarget(hashHeader(header), header.bits)) header.nonce++;
  unproven[99] = { ...unproven[99]!, header, hash: hashHeader(header) };
  for (const minimumChainWork of [0n, 4_100n]) {
    const world = new World(await openMinedChain({ branches: { minimumChainWork } }), () => unproven);
    await world.fetch();
    expect(world.faults.length).toBe(1);
    expect(world.peer.isResting).toBe(true);
  }
});

it("heads are not taken from a peer for longer than the new ones among them are worth", async () => {
  const world = new World(await openMinedChain(), () => branch);
  world.peer.advertised = branch.at(-1)!.hash;
  [world.latencyMs, world.headsMax] = [4_800, 1];
  const fetched = world.fetch();
  await world.time.pass(60_000);
  expect(await fetched).toBe(true);
  // 3 x 4.8 s are more than 10 s.
  expect(world.asked).toBe(3);
  expect(world.peer.isResting).toBe(false);
});

it("heads of a peer that are read through are taken no longer than they are worth either, unless this node chose the peer", async () => {
  const long = mineHeads(first, 12_000);
  for (const isChosen of [false, true]) {
    const chain = await openMinedChain({ branches: { minimumChainWork: 1_000_000n } });
    const world = new World(chain, () => long);
    [world.latencyMs, world.isChosen] = [4_800, isChosen];
    const fetched = world.fetch();
    await world.time.pass(120_000);
    expect(await fetched).toBe(false);
    expect(world.asked).toBe(isChosen ? 7 : 4);
    expect(world.known).toBe(0n);
  }
});

it("heads of a peer that are all known, and no more than an answer holds, are the end", async () => {
  const chain = await openMinedChain();
  const world = new World(chain, () => branch);
  await world.ingress.addHeads(branch.slice(0, 50), 0n);
  let next = 0;
  const dripping = new World(chain, () => branch.slice(next, ++next));
  dripping.peer.advertised = branch.at(-1)!.hash;
  expect(await dripping.fetch()).toBe(false);
  expect(dripping.asked).toBe(1);
});
