/**
 * Goal: whatever write is the last before power is lost, the next start finds the head that was or the head that was
 * to be, with the very state of that block, and goes on to where the others are. Method: a run with reorganisations,
 * an invalid branch, a long move in stages and the operator's word; it is cut after each of its writes, once with
 * all unsynced writes lost, once with some of them kept.
 *
 *     0 - a1 - a2 - a3                        then the operator takes b3 away and gives it back
 *      \- b1 - b2 - b3 - b4
 *           \- c2 - c3 - c4 - c5 (c4 is invalid)
 */
import { describe, expect, it } from "vitest";
import { EMPTY, showHash } from "../../../src/base/bytes.ts";
import type { Chain } from "../../../src/chain/chain.ts";
import { type BranchSettings, branchesOf } from "../../../src/chain/chain-mode.ts";
import { type Block, bodyRootOf, type SealedBlock } from "../../../src/chain/types/block.ts";
import type { SignedTransaction } from "../../../src/chain/types/transaction.ts";
import type { Kv, KvOperation, KvRange } from "../../../src/storage/kv.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { transfer } from "../fixtures.ts";
import { alice, bob, mineOn, openMinedChain, solve } from "../pow-fixtures.ts";

/** Takes so many writes; the next one is never done, as if power went. */
class CutKv implements Kv {
  readonly inner: MemoryKv;
  #left: number;
  writes = 0;

  constructor(inner: MemoryKv, left: number) {
    this.inner = inner;
    this.#left = left;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.inner.get(key);
  }

  async write(operations: readonly KvOperation[], options: { readonly sync: boolean }): Promise<void> {
    if (operations.length === 0) return;
    if (this.#left-- <= 0) throw new Error("power was lost");
    this.writes++;
    await this.inner.write(operations, options);
  }

  entries(range: KvRange): Promise<readonly (readonly [Uint8Array, Uint8Array])[]> {
    return this.inner.entries(range);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

type Step = (chain: Chain) => Promise<unknown>;

const stories = await makeStories();
/** Every block of the story with a state of its own, by how it is shown. */
const blocks = new Map(stories.blocks.map(({ block }) => [showHash(block.hash), block]));

describe("a power cut", () => {
  for (const [name, branches] of [
    ["in one batch", {}],
    ["in stages", { moveBytesMax: 1 }],
    ["with a tree that forgets at once", { treeDepth: 1 }],
  ] as const satisfies readonly (readonly [string, BranchSettings])[]) {
    it(`leaves the old head or the new one, moves being made ${name}`, async () => {
      const whole = new CutKv(new MemoryKv(), Number.POSITIVE_INFINITY);
      const heads = await play(whole, branches);
      const goal = heads.at(-1)!;
      expect(whole.writes).toBeGreaterThan(20);
      for (let cut = 1; cut < whole.writes; cut++) {
        const kv = new CutKv(new MemoryKv(), cut);
        await expect(play(kv, branches)).rejects.toThrow("power was lost");
        const { unsyncedWrites } = kv.inner;
        for (const kept of new Set([0, unsyncedWrites >> 1, unsyncedWrites])) {
          const found = await reopen(kv.inner.crash(kept), branches, goal);
          expect(heads, `cut at ${cut}, ${kept} kept`).toContain(found);
        }
      }
    });
  }
});

/** @returns all heads there were, the first included. */
async function play(kv: Kv, branches: BranchSettings): Promise<string[]> {
  const chain = await openMinedChain({ kv, branches });
  const heads = [showHash(chain.head.hash)];
  chain.onHeadChange(() => heads.push(showHash(chain.head.hash)));
  for (const step of stories.steps) await step(chain);
  return heads;
}

/** @returns the head that was found; the chain is then led to the goal. */
async function reopen(kv: MemoryKv, branches: BranchSettings, goal: string): Promise<string> {
  const stored = kv.get(Uint8Array.from([0, ...new TextEncoder().encode("head")]));
  const chain = await openMinedChain({ kv, branches });
  const found = stored === undefined ? showHash(chain.head.hash) : showHash(stored);
  const { stateRoot } = chain.head.summary;
  const fresh = await replay(showHash(chain.head.hash));
  expect(showHash(fresh.head.summary.stateRoot)).toBe(showHash(stateRoot));
  await expectSameLedger(chain, fresh, kv);
  for (const step of stories.steps) await step(chain);
  expect(showHash(chain.head.hash)).toBe(goal);
  return found;
}

/** The state and its tree, byte for byte. */
async function expectSameLedger(chain: Chain, fresh: Chain, kv: MemoryKv): Promise<void> {
  const ledger = { from: Uint8Array.of(0x08), to: Uint8Array.of(0x0a) };
  const shown = (entries: readonly (readonly [Uint8Array, Uint8Array])[]) =>
    entries.map(([key, value]) => `${showHash(key)} ${showHash(value)}`).join("\n");
  expect(shown(await kv.entries(ledger))).toBe(shown(await fresh.store.kv.entries(ledger)));
  const above = chain.head.summary.height + 1n;
  expect(chain.store.hashAt(above), "no block above the head").toBeUndefined();
}

/** A chain that saw only this block and its ancestors. Each is made once. */
function replay(head: string): Promise<Chain> {
  const made = replays.get(head) ?? replayAnew(head);
  replays.set(head, made);
  return made;
}
const replays = new Map<string, Promise<Chain>>();

async function replayAnew(head: string): Promise<Chain> {
  const chain = await openMinedChain();
  const line: Block[] = [];
  for (let at = blocks.get(head); at !== undefined; at = blocks.get(showHash(at.header.previousHash)))
    line.unshift(at);
  for (const block of line) await chain.importBlock({ block, seal: EMPTY });
  expect(showHash(chain.head.hash)).toBe(head);
  return chain;
}

async function makeStories(): Promise<{ steps: Step[]; blocks: SealedBlock[] }> {
  const [a, b, c] = [await openMinedChain(), await openMinedChain(), await openMinedChain()];
  const pay = (nonce: bigint, amount: bigint) => transfer(alice, bob.publicKey, amount, { nonce, fee: 1n });
  const grow = async (chain: Chain, second: number, ...transactions: SignedTransaction[]) => {
    const block = mineOn(chain, transactions, second);
    await chain.importBlock(block);
    return block;
  };
  const as = [await grow(a, 0, pay(0n, 5n)), await grow(a, 0, pay(1n, 6n)), await grow(a, 0)];
  const bs = [
    await grow(b, 1, pay(0n, 7n)),
    await grow(b, 1),
    await grow(b, 1, pay(1n, 6n)),
    await grow(b, 1),
  ];
  await c.importBlock(bs[0]!);
  const cs = [await grow(c, 2), await grow(c, 2, transfer(bob, alice.publicKey, 3n))];
  const good = mineOn(c, [], 2);
  const summary = { ...good.block.summary, stateRoot: good.block.summary.txRoot };
  const c4 = solve({
    ...good.block,
    summary,
    header: { ...good.block.header, bodyRoot: bodyRootOf(summary) },
  });
  // What stands on it is built by another chain's hands: only its link and its proof are true.
  const under = { ...good.block.header, previousHash: c4.block.hash, time: c4.block.header.time + 600 };
  const above = { ...good.block.summary, height: good.block.summary.height + 1n };
  const c5 = solve({ ...good.block, summary: above, header: { ...under, bodyRoot: bodyRootOf(above) } });
  const whole =
    (block: SealedBlock): Step =>
    (chain) =>
      chain.importBlock(block);
  const say =
    (word: "invalidate" | "reconsider", block: SealedBlock): Step =>
    (chain) =>
      chain.enqueue(async () => {
        // After a cut the block may not be known again yet.
        await branchesOf(chain)[word](block.block.hash);
      });
  const heads =
    (list: readonly SealedBlock[]): Step =>
    (chain) =>
      chain.enqueue(() => branchesOf(chain).addHeads(list.map(({ block }) => block)));
  const body =
    ({ block }: SealedBlock): Step =>
    (chain) =>
      chain.enqueue(() => branchesOf(chain).addBody(block.hash, block.transactions));
  const steps = [
    ...as.map(whole),
    heads(bs),
    ...bs.slice(1).map(body),
    body(bs[0]!),
    heads([...cs, c4, c5]),
    body(c5),
    body(c4),
    ...cs.map(body),
    say("invalidate", bs[2]!),
    say("reconsider", bs[2]!),
  ];
  return { steps, blocks: [...as, ...bs, ...cs] };
}
