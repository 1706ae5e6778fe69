/**
 * Snapshots of mined chains: proved by work as far as work proves anything, gone on from by a node, and checked afterwards
 * by executing the blocks below.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { concatBytes, EMPTY, hex } from "../../../src/base/bytes.ts";
import { checkedOperations, readAssumedHistory } from "../../../src/chain/assumed-history.ts";
import type { Chain } from "../../../src/chain/chain.ts";
import { branchesOf } from "../../../src/chain/chain-mode.ts";
import { encodeSection, SECTION } from "../../../src/chain/snapshot/snapshot-format.ts";
import { encodeHeader } from "../../../src/chain/types/block.ts";
import { BlockIngress } from "../../../src/node/ingress/block-ingress.ts";
import { heavierBranch } from "../../../src/node/snapshot/heavier-branch.ts";
import { importSnapshot } from "../../../src/node/snapshot/import-snapshot.ts";
import { sourceOver } from "../../../src/node/snapshot/read-snapshot.ts";
import { FalseSnapshot, HistoryCheck } from "../../../src/node/stored-chain/history-check.ts";
import { encodeAddressQuestion, isAddressQuestion } from "../../../src/p2p/discovery/address-wire.ts";
import { decodeBranchQuestion, encodeBranchAnswer } from "../../../src/p2p/sync/branch-wire.ts";
import { encodeSnapshotQuestion } from "../../../src/p2p/sync/snapshot-wire.ts";
import { GENESIS_KEY } from "../../../src/storage/database-keys.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { VirtualTime } from "../../../src/tools/sim/time.ts";
import { genesis, openMinedChain } from "../../chain/pow-fixtures.ts";
import { context, falseChain, late, mine } from "./mined.ts";
import { checked, exported } from "./snapshots.ts";

async function imported(bytes: Uint8Array, depth: number): Promise<MemoryKv> {
  const kv = new MemoryKv();
  expect(await importSnapshot(context(depth), { kv, source: sourceOver(bytes) })).toMatchObject({ ok: true });
  return kv;
}

/** A check over the blocks that these chains serve; it is run to its end or until it waits. */
function historyCheck(chain: Chain, served: readonly Chain[], side = new MemoryKv(), keepsBodies = true) {
  const time = new VirtualTime();
  const faults: string[] = [];
  const failures: unknown[] = [];
  const removed: number[] = [];
  const warnings: string[] = [];
  let database = side;
  const scheduler = { now: late, after: (ms: number, run: () => void) => time.after(ms, run) };
  const ledgerOf = (of: Chain) =>
    new BlockIngress({
      chain: of,
      branches: branchesOf(of),
      scheduler,
      fatal: (error) => failures.push(error),
    });
  const check = new HistoryCheck(keepsBodies, {
    chain,
    // What was written is there again, as when a process ended in order.
    open: async () => database.crash(database.unsyncedWrites),
    remove: async () => {
      database = new MemoryKv();
      removed.push(1);
    },
    ledgerOf,
    peersFrom: (height) =>
      served.flatMap((peer, i) => (peer.store.lowestBody() <= height ? [`peer ${i}`] : [])),
    async request(peerId, bytes) {
      const question = decodeBranchQuestion(bytes);
      if (!question.ok || question.value.kind !== "bodies") throw new Error("it asks for bodies alone");
      const { store } = served[Number(peerId.slice(5))]!;
      const bodies = question.value.hashes.slice(0, 3).map((hash) => store.bodyBytes(hash) ?? EMPTY);
      return encodeBranchAnswer({ kind: "bodies", bodies });
    },
    reportFault: (peerId, detail) => faults.push(`${peerId} ${detail}`),
    scheduler,
    clock: () => time.nowMs,
    log: { log: (level, _, message) => void (level === "warn" && warnings.push(message)) },
    fatal: (error) => failures.push(error),
  });
  const run = (until: () => boolean) => time.run(time.nowMs + 600_000, until);
  return { check, run, faults, failures, removed, warnings };
}

let full: Chain;
let fullKv: MemoryKv;
let bytes: Uint8Array;

beforeAll(async () => {
  fullKv = new MemoryKv();
  full = await openMinedChain({ kv: fullKv });
  await mine(full, 12);
  bytes = (await exported(context(4), fullKv)).bytes;
});

describe("a snapshot of a mined chain", () => {
  it("has the state of the block so many below the head, and all headers", async () => {
    const read = await checked(context(4), bytes);
    const { work } = branchesOf(full).tree.get(full.head.hash)!;
    expect(read).toMatchObject({
      ok: true,
      value: { height: 8n, firstBlock: 8n, assumed: { tip: 12n, depth: 4, work } },
    });
    const { stateRoot } = full.sealedBlockAt(8n)!.block.summary;
    expect(read.ok && hex(read.value.stateRoot)).toBe(hex(stateRoot));
  });

  it("is refused when a byte is changed, or missing at the end; the last header alone is anybody's to mine", async () => {
    const [tip] = [full.head].map(({ header }) => hex(encodeHeader(header)));
    const from = hex(bytes).indexOf(tip!) / 2;
    for (let at = 0; at < bytes.length; at += 3) {
      const changed = bytes.slice();
      changed[at]! ^= 1 << (at % 8);
      const read = await checked(context(4), changed);
      const isOfTip = at >= from && at < from + 80;
      if (read.ok && !isOfTip) expect.fail(`byte ${at} of ${bytes.length} says nothing`);
      if (at % 31 === 0)
        expect(await checked(context(4), bytes.subarray(0, at))).toMatchObject({ ok: false });
    }
  });

  it("is refused with fewer headers on top than are asked for, with the figures", async () => {
    expect(await checked(context(5), bytes)).toMatchObject({
      fault: {
        code: "too-few-headers",
        detail: expect.stringContaining("4 headers stand on block 8, 5 are asked for"),
      },
    });
  });

  it("is refused while its headers are ahead of the clock", async () => {
    expect(
      await checked(
        context(4, () => Number(genesis.timeMs) - 3_600_000),
        bytes,
      ),
    ).toMatchObject({
      fault: { code: "early-headers", detail: expect.stringContaining("ahead of this clock") },
    });
  });

  it("has one block, and no certificates or epochs", async () => {
    const end = bytes.length - 25;
    for (const kind of [SECTION.epoch, SECTION.checkpoint, SECTION.headers, SECTION.block]) {
      const strange = concatBytes(bytes.subarray(0, end), encodeSection(kind, EMPTY));
      expect(await checked(context(4), strange)).toMatchObject({
        fault: { code: "malformed", detail: expect.stringContaining("out of place") },
      });
    }
  });

  it("is not made of a chain that is not that high, in words that say so", async () => {
    expect((await exported(context(12), fullKv)).facts).toMatchObject({
      fault: {
        code: "no-blocks",
        detail: expect.stringContaining("12 blocks; its snapshot is of a block that has 12 on top"),
      },
    });
  });
});

describe("before a mined snapshot is taken from peers", () => {
  it("a chain with more work that leaves it out below its block is found at any of them, and no other", async () => {
    const { proof } = context(4);
    if (proof.kind !== "mined") throw new Error("blocks of this chain are mined");
    const time = new VirtualTime();
    let slowAsked = 0;
    const headers = Array.from({ length: 12 }, (_, i) => full.sealedBlockAt(BigInt(i + 1))!.block).map(
      (head) => ({
        head,
        work: branchesOf(full).tree.get(head.hash)!.work,
      }),
    );
    const forked = async (from: bigint, count: number) => {
      const chain = await openMinedChain();
      for (let height = 1n; height <= from; height++) await chain.importBlock(full.sealedBlockAt(height)!);
      await mine(chain, count, 5);
      return chain;
    };
    const found = (peers: readonly Chain[], delays: Readonly<Record<string, number>> = {}) =>
      heavierBranch(headers, 8n, {
        proof,
        scheduler: { now: () => time.nowMs, after: (ms, run) => time.after(ms, run) },
        peers: () => [...Object.keys(delays), ...peers.map((_, i) => `peer ${i}`)],
        async request(peerId, bytes) {
          const delayMs = delays[peerId];
          if (delayMs !== undefined) {
            await new Promise<void>((resolve) => time.after(delayMs, resolve));
            const heads = [full.sealedBlockAt(BigInt(1 + (slowAsked++ % 12)))!.block];
            return encodeBranchAnswer({ kind: "heads", heads });
          }
          const question = decodeBranchQuestion(bytes);
          if (!question.ok || question.value.kind !== "heads") throw new Error("it asks for headers alone");
          const chain = peers[Number(peerId.slice(5))]!;
          const scheduler = { now: late, after: () => () => undefined };
          const ledger = new BlockIngress({
            chain,
            branches: branchesOf(chain),
            scheduler,
            fatal: () => undefined,
          });
          // Three at a time, so that it has to go on.
          return encodeBranchAnswer({
            kind: "heads",
            heads: ledger.headsAfter(question.value.locator, 3, 100_000),
          });
        },
      });
    const [lighter, above, heavier] = [await forked(6n, 5), await forked(9n, 9), await forked(6n, 8)];
    expect(await found([full, lighter, above])).toBeUndefined();
    expect(await found([full, heavier])).toEqual({ peerId: "peer 1", fork: 6n });
    expect(await found([await forked(0n, 13)])).toEqual({ peerId: "peer 0", fork: 0n });
    // Nobody waits for a slow one when another has told; and for no longer than ten seconds when nobody has.
    expect(await found([heavier], { slow: 4_000 })).toEqual({ peerId: "peer 0", fork: 6n });
    let isOver = false;
    const slowly = found([full], { silent: 1e9, slow: 4_000 }).finally(() => {
      isOver = true;
    });
    expect(await time.run(11_000, () => isOver)).toBe(true);
    expect(await slowly).toBeUndefined();
  });
});

it("a snapshot of a mined chain is asked for by a question that an open network does not take for one for addresses", () => {
  expect(isAddressQuestion(encodeSnapshotQuestion({ kind: "list" }))).toBe(false);
  expect(isAddressQuestion(encodeAddressQuestion({ listenPort: 0 }))).toBe(true);
});

describe("a node that begins with a mined snapshot", () => {
  it("goes on with the blocks, and says of the state that it is assumed", async () => {
    const kv = await imported(bytes, 4);
    const chain = await openMinedChain({ kv });
    expect(chain.head.summary.height).toBe(8n);
    expect(branchesOf(chain).tree.bestHeader()!.head.summary.height).toBe(12n);
    expect(readAssumedHistory(kv)).toEqual({ height: 8n, checked: 0n, keepsBodies: false });
    expect(chain.store.lowestBody()).toBe(8n);
    for (let height = 9n; height <= 12n; height++)
      expect(await chain.importBlock(full.sealedBlockAt(height)!)).toEqual({ kind: "imported" });
    expect(hex(chain.head.hash)).toBe(hex(full.head.hash));
    const again = await openMinedChain({ kv });
    await mine(again, 1);
    expect(again.head.summary.height).toBe(13n);
  });

  it("exports the same bytes again, of the same block", async () => {
    const kv = await imported(bytes, 4);
    const chain = await openMinedChain({ kv });
    for (let height = 9n; height <= 12n; height++) await chain.importBlock(full.sealedBlockAt(height)!);
    expect(hex((await exported(context(4), kv)).bytes)).toBe(hex(bytes));
    expect((await exported(context(5), kv)).facts).toMatchObject({ fault: { code: "no-undo-data" } });
  });

  it("does not leave the chain below the snapshot, neither for a heavier branch nor at its operator's word", async () => {
    const chain = await openMinedChain({ kv: await imported(bytes, 4) });
    const other = await openMinedChain();
    for (let height = 1n; height <= 6n; height++) await other.importBlock(full.sealedBlockAt(height)!);
    const heavier = await mine(other, 8, 5);
    for (const block of heavier) await chain.importBlock(block);
    expect(hex(chain.head.hash)).toBe(hex(full.sealedBlockAt(8n)!.block.hash));
    expect(await branchesOf(chain).invalidate(full.sealedBlockAt(7n)!.block.hash)).toMatchObject({
      code: "no-undo-data",
      detail: expect.stringContaining("no higher than the snapshot"),
    });
  });
});

describe("the check of an assumed history", () => {
  it("executes the blocks below and makes an archive of the node, which then may leave them too", async () => {
    const kv = await imported(bytes, 4);
    const chain = await openMinedChain({ kv });
    const other = await openMinedChain();
    for (let height = 1n; height <= 6n; height++) await other.importBlock(full.sealedBlockAt(height)!);
    for (const block of await mine(other, 8, 5)) await chain.importBlock(block);
    const { check, run, removed, failures } = historyCheck(chain, [full]);
    check.start();
    expect(await run(() => removed.length > 0)).toBe(true);
    expect(failures).toEqual([]);
    expect(readAssumedHistory(kv)).toBeUndefined();
    expect(chain.store.lowestBody()).toBe(1n);
    for (let height = 1n; height <= 6n; height++) {
      const { hash } = full.sealedBlockAt(height)!.block;
      expect(chain.sealedBlockAt(height)).toEqual(full.sealedBlockAt(height));
      expect(chain.store.receipts(hash)).toEqual(full.store.receipts(hash));
    }
    // The heavier branch was known all the while.
    expect(hex(chain.head.hash)).toBe(hex(other.head.hash));
    await check.stop();
  });

  it("waits while no peer has the blocks, and goes on after a restart", async () => {
    const kv = await imported(bytes, 4);
    const chain = await openMinedChain({ kv });
    const side = new MemoryKv();
    const pruned = await openMinedChain({ kv: await imported(bytes, 4) });
    const first = historyCheck(chain, [pruned], side);
    first.check.start();
    await first.run(() => false);
    expect(readAssumedHistory(kv)?.checked).toBe(0n);
    await first.check.stop();
    const second = historyCheck(chain, [pruned, full], side);
    second.check.start();
    expect(await second.run(() => (readAssumedHistory(kv)?.checked ?? 0n) >= 3n)).toBe(true);
    await second.check.stop();
    const third = historyCheck(chain, [full], side);
    third.check.start();
    expect(await third.run(() => third.removed.length > 0)).toBe(true);
    expect(chain.store.lowestBody()).toBe(1n);
    await third.check.stop();
  });

  describe("whose ledger beside the chain is lost or no longer of it, says so and executes from block 1", () => {
    const behind = "the ledger that checks the history lost blocks: executing them again";
    const unfit = "the ledger that checks the history is of no use: beginning anew";
    const lost = {
      "between the last two writes": { said: behind, checked: 8n, side: async () => new MemoryKv() },
      "amid its way": { said: behind, checked: 3n, side: async () => new MemoryKv() },
      "and is of another branch": {
        said: unfit,
        checked: 0n,
        side: async () => {
          const kv = new MemoryKv();
          await mine(await openMinedChain({ kv }), 5, 5);
          return kv;
        },
      },
      "and is another chain's": {
        said: unfit,
        checked: 0n,
        side: async () => {
          const kv = new MemoryKv();
          await openMinedChain({ kv });
          await kv.write([{ kind: "put", key: GENESIS_KEY, value: new Uint8Array(32) }], { sync: true });
          return kv;
        },
      },
    };
    for (const [when, { said, checked, side }] of Object.entries(lost)) {
      it(when, async () => {
        const kv = await imported(bytes, 4);
        await kv.write(checkedOperations({ height: 8n, checked, keepsBodies: false }, []), { sync: true });
        const chain = await openMinedChain({ kv });
        const { check, run, removed, failures, warnings } = historyCheck(chain, [full], await side());
        check.start();
        expect(await run(() => readAssumedHistory(kv) === undefined || failures.length > 0)).toBe(true);
        expect(failures).toEqual([]);
        expect(warnings).toEqual([said]);
        await check.stop();
        expect(removed.length).toBeGreaterThan(0);
      });
    }
  });

  it("keeps no blocks on a pruned node", async () => {
    const kv = await imported(bytes, 4);
    const chain = await openMinedChain({ kv });
    const { check, run, removed } = historyCheck(chain, [full], new MemoryKv(), false);
    check.start();
    expect(await run(() => removed.length > 0)).toBe(true);
    expect([readAssumedHistory(kv), chain.store.lowestBody()]).toEqual([undefined, 8n]);
    expect(chain.sealedBlockAt(3n)).toBeUndefined();
    await check.stop();
  });

  it("names a peer that serves other bodies, and goes on with others", async () => {
    const chain = await openMinedChain({ kv: await imported(bytes, 4) });
    const liar = await openMinedChain();
    const store = { lowestBody: () => 1n, bodyBytes: () => full.store.bodyBytes(full.head.hash) };
    const served = [{ ...liar, store } as unknown as Chain, full];
    const { check, run, removed, faults } = historyCheck(chain, served);
    check.start();
    expect(await run(() => removed.length > 0)).toBe(true);
    expect(faults[0]).toContain("peer 0 served a body that is not the block's");
    expect(faults.every((fault) => fault.startsWith("peer 0"))).toBe(true);
    await check.stop();
  });

  it("stops the node where the blocks come to another state, and says so at each start", async () => {
    const { chain: false_, kv } = await falseChain();
    const lie = (await exported(context(4), kv)).bytes;
    expect(await checked(context(4), lie)).toMatchObject({ ok: true, value: { height: 8n } });

    const chain = await openMinedChain({ kv: await imported(lie, 4) });
    const side = new MemoryKv();
    for (let start = 0; start < 2; start++) {
      const { check, run, failures } = historyCheck(chain, [false_], side);
      check.start();
      await run(() => failures.length > 0);
      expect(failures[0]).toBeInstanceOf(FalseSnapshot);
      expect(String(failures[0])).toMatch(
        /snapshot of block 8.*executed up to block 4 .*wrong-root: stateRoot is /s,
      );
      await check.stop();
    }
    expect(readAssumedHistory(chain.store.kv)?.height).toBe(8n);
  });
});
