/**
 * Every read of JSON-RPC, and everything that peers are served, while the chain moves to another branch. The batch
 * lands between any two reads of the store (stagedkv.ts), and each place is tried, with a read that began before the
 * move and one that begins during it. A call answers what it answers before the move or after it, and nothing else.
 */

import { afterEach, describe, expect, it } from "vitest";
import { asHash, hex0x, parseHex, showHash } from "../../src/base/bytes.ts";
import { branchesOf } from "../../src/chain/chain-mode.ts";
import { BlockIngress } from "../../src/node/ingress/block-ingress.ts";
import { encodedBlocks } from "../../src/node/ingress/served-blocks.ts";
import { txStatusOf } from "../../src/rpc/answers/tx-status.ts";
import { CallError } from "../../src/rpc/errors.ts";
import { METHODS } from "../../src/rpc/methods/method-table.ts";
import { alice, bob } from "./fake-node.ts";
import { MinedNode } from "./mined-node.ts";
import { StagedKv } from "./stagedkv.ts";

let node: MinedNode;
let kv: StagedKv;
afterEach(() => node.stop());

/** Height where the branches part. */
const FORK = 4;
/** Turns of the loop after which a read that does not wait for the move has ended. */
const TURNS = 6;

interface Read {
  readonly name: string;
  /** Says something of one ledger; what peers are served need only not fail, for they ask again. */
  readonly isWhole: boolean;
  run(): unknown;
}

/**
 * Blocks 1 to 8, a payment in block 6; `rival`: 1 to 6, and another branch from block 4 on, of one block. The head goes
 * from the one to the other in one move: between two of them it stands still, which would be a third answer.
 */
async function openForked(rival: boolean): Promise<{ readonly first: string; readonly txHash: string }> {
  kv = new StagedKv();
  node = await MinedNode.open({}, { kv });
  await node.generate(FORK + 1);
  const tx = alice.transfer({ chain: node.chainRef, nonce: 0, to: bob.address, amount: 5n });
  await node.call("tx_send", { tx: hex0x(tx.bytes) });
  await node.generate(rival ? 1 : 3);
  const first = showHash(node.chain.sealedBlockAt(BigInt(FORK + 1))!.block.hash);
  if (rival) {
    const other = await node.rival(FORK);
    await other.generate(1, alice.address);
    await node.chain.importBlock(other.chain.sealedBlockAt(BigInt(FORK + 1))!);
    await other.stop();
  }
  return { first, txHash: hex0x(tx.id) };
}

/** Every method that reads, with the selectors that name a moving block. */
function methodReads(first: string, txHash: string): Read[] {
  const address = hex0x(bob.address);
  const tx = alice.transfer({ chain: node.chainRef, nonce: 0, to: bob.address, amount: 7n });
  const selectors = ["latest", "finalized", 6, 8, first].map((block) => ({ block }));
  const params: Record<string, object[]> = {
    chain_getBlock: selectors.map((selector) => ({ ...selector, full: true })),
    chain_getHeader: selectors,
    chain_getFinalityProof: selectors,
    chain_getBlockRange: [{ from: 0, to: 8 }],
    account_get: [{ address }],
    state_query: [{ path: `account/${address}`, prove: true }],
    tx_simulate: [{ tx: hex0x(tx.bytes) }],
    tx_get: [{ hash: txHash }],
    tx_getReceipt: [{ hash: txHash }],
    tx_getProof: [{ hash: txHash }],
  };
  const wanted = METHODS_READ.flatMap((name) => (params[name] ?? [{}]).map((one) => ({ name, one })));
  const calls = wanted.map(({ name, one }) => ({
    name: `${name} ${JSON.stringify(one)}`,
    // It tells of a node that hangs, too, and therefore waits for nothing.
    isWhole: name !== "consensus_explain",
    run: () => node.call(name, one),
  }));
  const id = asHash(parseHex(txHash)!);
  return [...calls, { name: "txStatusOf", isWhole: true, run: () => txStatusOf(node.api, id) }];
}

const METHODS_READ = Object.values(METHODS)
  .filter(({ kind, name }) => (kind === "read" && !name.startsWith("sub_")) || name === "miner_status")
  .map(({ name }) => name);

/** What peers are served, and what fetching from them reads. */
function servedReads(first: string): Read[] {
  const { chain, scheduler } = node;
  const fatal = (error: unknown) => {
    throw error;
  };
  const entry = new BlockIngress({ chain, branches: branchesOf(chain), scheduler, fatal });
  const hash = asHash(parseHex(first)!);
  const reads: [string, () => unknown][] = [
    ["head", () => entry.head()],
    ["best header", () => entry.bestHeader()],
    ["find", () => entry.find(hash)],
    ["locator", () => entry.locatorFrom(entry.head().hash)],
    ["missing", () => entry.missing(hash, 10)],
    ["scan", () => entry.scan(hash)],
    ["heads after", () => entry.headsAfter([hash, chain.genesisHash], 10, 10_000)],
    ["body", () => entry.body(hash, false)],
    ["transactions", () => entry.transactions(hash, [0])],
    ["blocks", () => encodedBlocks(chain, 1n, 1_000_000)],
    ["blocks at heights", () => chain.sealedBlockAt(7n)],
  ];
  return reads.map(([name, run]) => ({ name, isWhole: false, run }));
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** The answer as text; a refusal of the interface by its code. */
async function answerOf({ run }: Read): Promise<string> {
  try {
    return JSON.stringify(await run(), (_, value) => (typeof value === "bigint" ? `${value}` : value)) ?? "-";
  } catch (error) {
    if (error instanceof CallError && error.code !== "INTERNAL") return error.code;
    throw error;
  }
}

/** Moves the chain; the batch lands before the read after `reads` reads. @returns whether it landed so. */
async function readDuring(order: () => Promise<unknown>, read: Read, reads: number, isEarly: boolean) {
  kv.hold();
  const early = isEarly ? answerOf(read) : undefined;
  const moved = order();
  for (let turn = 0; !kv.isHeld && turn < 50; turn++) await settle();
  expect(kv.isHeld).toBe(true);
  kv.landAfter(reads);
  const pending = early ?? answerOf(read);
  pending.catch(() => undefined);
  for (let turn = 0; turn < TURNS; turn++) await settle();
  const hasLanded = kv.hasLanded;
  kv.release();
  await moved;
  return { hasLanded, answer: await pending };
}

/** Every place of one read, for both moves. @returns what was neither the answer before nor that after */
async function oddAnswers(read: Read, first: string): Promise<string[]> {
  const odd: string[] = [];
  for (const isEarly of [false, true]) {
    for (let place = 0, isMore = true; isMore; place++) {
      isMore = false;
      for (const name of ["debug_invalidateBlock", "debug_reconsiderBlock"]) {
        const before = await answerOf(read);
        const order = () => node.call(name, { hash: first });
        const { hasLanded, answer } = await readDuring(order, read, place, isEarly);
        isMore ||= hasLanded;
        const allowed = [before, await answerOf(read), "BLOCK_NOT_FOUND"];
        if (!read.isWhole || allowed.includes(answer)) continue;
        odd.push(`${name}, ${isEarly ? "begun before, " : ""}place ${place}: ${answer}\n not ${allowed}`);
      }
    }
  }
  return odd;
}

describe.each([
  ["is taken away", false],
  ["moves to another branch", true],
])("while the chain %s", (_, rival) => {
  it("every call answers what is true before the move or after it, at every moment of it", async () => {
    const { first, txHash } = await openForked(rival);
    const odd: string[] = [];
    for (const read of [...methodReads(first, txHash), ...servedReads(first)]) {
      for (const one of await oddAnswers(read, first)) odd.push(`${read.name}: ${one}`);
    }
    expect(odd).toEqual([]);
    expect(node.failures).toEqual([]);
  }, 60_000);
});
