/**
 * Signatures that only ZIP-215 accepts are judged before a block is executed, elsewhere: the chain's own thread, whose
 * verifier is counted here, has none of them left. What is invalid stays the chain's to say.
 */

import { describe, expect, it } from "vitest";
import { type Address, EMPTY, utf8 } from "../../../src/base/bytes.ts";
import { SLOW_SIGNATURES_BATCH } from "../../../src/base/limits.ts";
import { type LogFields, SILENT } from "../../../src/base/log.ts";
import type { Chain } from "../../../src/chain/chain.ts";
import { branchesOf } from "../../../src/chain/chain-mode.ts";
import { AcceptedSignatures } from "../../../src/chain/execution/accepted-signatures.ts";
import { readAccount } from "../../../src/chain/modules/accounts.ts";
import { bank } from "../../../src/chain/modules/bank.ts";
import {
  assembleBlock,
  type Block,
  bodyBytesOf,
  encodeBody,
  txRootOf,
} from "../../../src/chain/types/block.ts";
import {
  decodeTransaction,
  type SignedTransaction,
  signTransaction,
} from "../../../src/chain/types/transaction.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import {
  ED25519,
  type SignatureClaim,
  type SignatureRules,
  type Signer,
  verifySignature,
} from "../../../src/crypto/keys.ts";
import { selectTransactions } from "../../../src/mempool/template.ts";
import { BlockIngress } from "../../../src/node/ingress/block-ingress.ts";
import { SlowSignatures } from "../../../src/node/ingress/slow-signatures.ts";
import type { SignatureVerifier } from "../../../src/node/ports.ts";
import { alice, bob, genesisHash, mineOn, openMinedChain, solve } from "../../chain/pow-fixtures.ts";
import { slowSigner } from "../../crypto/slow-signer.ts";
import { VirtualTime } from "../../p2p/virtual-time.ts";
import { MinedCluster } from "../pow-cluster.ts";

/** Alice, with signatures that only the slow verifier accepts. */
const slowAlice = slowSigner(sha256(utf8("test person alice")));
const SLOW = 40;

function pay(from: Signer, nonce: number): SignedTransaction {
  const payload = bank.encodeCall({ to: bob.publicKey, amount: 1n, memo: EMPTY });
  const fields = {
    chainId: 7n,
    nonce: BigInt(nonce),
    fee: 0n,
    validUntilHeight: 0n,
    module: bank.id,
    payload,
  };
  return signTransaction(fields, from, genesisHash);
}

const slow = Array.from({ length: SLOW }, (_, nonce) => pay(slowAlice, nonce));

/** With the last byte of its signature changed. */
function forged(transaction: SignedTransaction): SignedTransaction {
  const bytes = transaction.bytes.slice();
  bytes[bytes.length - 2]! ^= 1;
  const decoded = decodeTransaction(bytes, 1_000);
  if (!decoded.ok) throw new Error(decoded.fault.detail);
  return decoded.value;
}

/** A solved block on genesis with these instead of its transactions; the roots are those of `block`. */
function withTransactions(block: Block, transactions: readonly SignedTransaction[]): Block {
  const all = [block.transactions[0]!, ...transactions];
  const body = { txCount: all.length, txRoot: txRootOf(all), bodyBytes: bodyBytesOf(all) };
  const { bodyRoot: _, ...header } = block.header;
  return solve(assembleBlock(header, { ...block.summary, ...body }, all)).block;
}

interface World {
  readonly chain: Chain;
  readonly ingress: BlockIngress;
  /** Signatures that the chain's thread verified slowly. */
  readonly slowHere: () => number;
  /** Sizes of the batches that the slow verifier was given. */
  readonly batches: readonly number[];
  readonly logged: readonly LogFields[];
}

type Judge = (claims: readonly SignatureClaim[]) => Promise<readonly boolean[] | undefined>;

const byTheRule: Judge = async (claims) =>
  claims.map(({ publicKey, message, signature }) => verifySignature(publicKey, message, signature));

/** Notes how many claims each batch has. */
function verifierOf(judge: Judge, batches: number[]): SignatureVerifier {
  return {
    batchMin: Number.POSITIVE_INFINITY,
    async judge(claims) {
      batches.push(claims.length);
      const verdicts = await judge(claims);
      return verdicts && { verdicts, workUs: 0 };
    },
  };
}

const WITHOUT_KERNEL: SignatureRules = { ...ED25519, verifyEach: undefined };

/** The rules without a kernel, and how often they had to verify slowly. */
function counted(): { readonly rules: SignatureRules; readonly slow: () => number } {
  let slow = 0;
  const rules: SignatureRules = {
    verifyQuickly: ED25519.verifyQuickly,
    verifySignature(...claim) {
      if (ED25519.verifyQuickly(...claim)) return true;
      slow++;
      return ED25519.verifySignature(...claim);
    },
  };
  return { rules, slow: () => slow };
}

async function open(judge: Judge | undefined): Promise<World> {
  const { rules, slow } = counted();
  const signatures = new AcceptedSignatures(genesisHash, rules);
  const [batches, logged]: [number[], LogFields[]] = [[], []];
  const log = {
    ...SILENT,
    log: (_: unknown, __: unknown, ___: unknown, fields: LogFields = {}) => void logged.push(fields),
  };
  const verifier = judge && verifierOf(judge, batches);
  const slowSignatures = verifier && new SlowSignatures({ signatures, verifier, log });
  const chain = await openMinedChain({ signatures });
  const fatal = (error: unknown) => {
    throw error;
  };
  const ingress = new BlockIngress({
    chain,
    branches: branchesOf(chain),
    scheduler: new VirtualTime(),
    slowSignatures,
    fatal,
  });
  return { chain, ingress, slowHere: slow, batches, logged };
}

const block = mineOn(await openMinedChain(), slow).block;

async function offer({ ingress }: World, offered: Block, body = encodeBody(offered.transactions)) {
  await ingress.addHeads([offered], 0n);
  return ingress.addBody(offered.hash, body);
}

describe("a mined block full of signatures that only the whole rule accepts", () => {
  it("is executed without a single slow verification on the chain's own thread", async () => {
    const world = await open(byTheRule);
    expect(await offer(world, block)).toBe("added");
    expect(world.chain.head.hash).toEqual(block.hash);
    expect(world.batches).toEqual([SLOW_SIGNATURES_BATCH, SLOW - SLOW_SIGNATURES_BATCH]);
    expect(world.slowHere()).toBe(0);
    expect(world.logged).toMatchObject([{ height: 1n, count: SLOW }]);
  });

  it("is executed without when it comes with others in one answer of a peer", async () => {
    const world = await open(byTheRule);
    const builder = await openMinedChain();
    await builder.importBlock({ block, seal: EMPTY });
    const next = mineOn(builder, [pay(slowAlice, SLOW), pay(alice, SLOW + 1)]).block;
    await world.ingress.addHeads([block, next], 0n);
    const bodies = [block, next].map(({ hash, transactions }) => ({ hash, body: encodeBody(transactions) }));
    expect(await world.ingress.addBodies(bodies)).toEqual(["added", "added"]);
    expect(world.chain.head.hash).toEqual(next.hash);
    expect(world.slowHere()).toBe(0);
    expect(world.batches.at(-1)).toBe(1);
  });

  it.each([
    ["there is no verifier", undefined],
    ["the verifier's thread has died", async () => undefined],
    ["the verifier is wrong about it", async (claims: readonly unknown[]) => claims.map(() => false)],
  ])("is accepted all the same when %s", async (_, judge) => {
    const world = await open(judge);
    expect(await offer(world, block)).toBe("added");
    expect(world.chain.head.hash).toEqual(block.hash);
    expect(world.slowHere()).toBe(SLOW);
  });

  it("is refused for one that is wrong, with the fault of always", async () => {
    const bad = withTransactions(
      block,
      slow.map((tx, i) => (i === 20 ? forged(tx) : tx)),
    );
    const faults: unknown[] = [];
    for (const judge of [undefined, byTheRule]) {
      const world = await open(judge);
      expect(await offer(world, bad)).toBe("added");
      expect(world.chain.head.summary.height).toBe(0n);
      const result = await world.chain.importBlock({ block: bad, seal: EMPTY });
      if (result.kind !== "invalid") throw new Error(result.kind);
      faults.push(result.fault);
      expect(world.slowHere()).toBe(judge === undefined ? 21 : 1);
      // What stands behind it was not looked at.
      if (judge !== undefined) expect(world.batches).toEqual([SLOW_SIGNATURES_BATCH]);
    }
    expect(faults[0]).toEqual(faults[1]);
    expect(faults[0]).toMatchObject({ code: "TX_BAD_SIGNATURE" });
  });

  it("costs nothing for a body that is another's", async () => {
    const world = await open(byTheRule);
    const body = encodeBody([block.transactions[0]!, forged(slow[0]!), ...slow.slice(1)]);
    expect(await offer(world, block, body)).toBe("wrong");
    expect(world.batches).toEqual([]);
  });

  it("is judged once when two peers send it, and is not written once the node stops", async () => {
    const waiting: (() => void)[] = [];
    const held: Judge = async (claims) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return byTheRule(claims);
    };
    const world = await open(held);
    const both = [offer(world, block), offer(world, block)];
    const ended = Promise.all(both);
    for (let i = 0; i < 1_000 && waiting.length === 0; i++) await Promise.resolve();
    waiting.shift()!();
    for (let i = 0; i < 1_000 && waiting.length === 0; i++) await Promise.resolve();
    world.ingress.stop();
    waiting.shift()!();
    expect(await ended).toEqual(["known", "known"]);
    expect(world.batches).toEqual([SLOW_SIGNATURES_BATCH, SLOW - SLOW_SIGNATURES_BATCH]);
    expect(world.chain.head.summary.height).toBe(0n);
  });
});

it("a block whose signatures the native library accepts asks the verifier for nothing", async () => {
  const world = await open(byTheRule);
  const plain = mineOn(await openMinedChain(), [pay(alice, 0), pay(bob, 0)]).block;
  expect(await offer(world, plain)).toBe("added");
  expect(world.chain.head.hash).toEqual(plain.hash);
  expect(world.batches).toEqual([]);
  expect(world.logged).toEqual([]);
});

it("a block full of slow signatures spreads to a replica that mines none of it again when the block is abandoned", async () => {
  const observer = counted();
  const batches: number[] = [];
  const verifier = verifierOf(byTheRule, batches);
  const judging = (node: number) => ({ rules: node === 1 ? observer.rules : WITHOUT_KERNEL, verifier });
  const never = () => Number.POSITIVE_INFINITY;
  const cluster = new MinedCluster({ nodes: 2, meanMs: never, seed: "slow signatures", judging });
  await cluster.start();
  await cluster.pass(2_000);
  const quick = pay(bob, 0);
  const { chain } = cluster.replica(0);
  const mixed = mineOn(chain, [...slow, quick]);
  expect(await chain.importBlock(mixed)).toEqual({ kind: "imported" });
  expect(await cluster.until(() => cluster.headOf(1) === cluster.headOf(0))).toBe(true);
  expect(cluster.height(1)).toBe(1n);
  expect(batches.reduce((sum, count) => sum + count, 0)).toBe(SLOW);

  const rival = await openMinedChain();
  for (let i = 0; i < 2; i++) {
    const empty = mineOn(rival, [], 1);
    await rival.importBlock(empty);
    await chain.importBlock(empty);
  }
  expect(await cluster.until(() => cluster.height(1) === 2n)).toBe(true);
  for (const node of [0, 1]) {
    const replica = cluster.replica(node);
    expect(replica.pool.hashes()).toEqual([quick.hash]);
    const head = { height: 2n, account: (of: Address) => readAccount(replica.chain.committed, of) };
    expect(selectTransactions(replica.pool, head, cluster.genesis.limits).map(({ hash }) => hash)).toEqual([
      quick.hash,
    ]);
  }
  expect(observer.slow()).toBe(0);
  await cluster.stop();
  expect(cluster.failures).toEqual([]);
});
