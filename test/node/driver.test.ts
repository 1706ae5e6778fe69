/** The driver alone: a scripted engine, a real ledger, virtual time. */

import { expect, it } from "vitest";
import { EMPTY, utf8 } from "../../src/base/bytes.ts";
import { accept, refuse } from "../../src/base/fault.ts";
import { CLOCK_AHEAD_MS_MAX, SLOW_SIGNATURES_PER_PROPOSAL_MAX } from "../../src/base/limits.ts";
import { SILENT } from "../../src/base/log.ts";
import type { Chain } from "../../src/chain/chain.ts";
import { bank } from "../../src/chain/modules/bank.ts";
import type { Block } from "../../src/chain/types/block.ts";
import { signTransaction } from "../../src/chain/types/transaction.ts";
import type { Consensus, Effect, EngineStatus, Input } from "../../src/consensus/engine.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { ED25519, type SignatureRules } from "../../src/crypto/keys.ts";
import { Driver } from "../../src/node/driver.ts";
import { WorkBudgets } from "../../src/node/ingress/work-budget.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { MemoryRecordLog } from "../../src/storage/memory-log.ts";
import { bob, genesis, genesisHash, openChain, plainRules, sealed } from "../chain/fixtures.ts";
import { slowSigner } from "../crypto/slow-signer.ts";
import { VirtualTime } from "../p2p/virtual-time.ts";

interface Message {
  readonly type: string;
  readonly from: number;
  readonly epoch: bigint;
}

/** Orders what it is told to, and remembers what came of it. */
class Rig {
  readonly time = new VirtualTime();
  readonly inputs: Input<Message>[] = [];
  readonly failures: unknown[] = [];
  readonly chain: Chain;
  readonly driver: Driver<Message, Message>;
  #orders: Effect<Message>[] = [];

  constructor(chain: Chain) {
    this.chain = chain;
    const engine = {
      wants: () => true,
      step: (input: Input<Message>) => {
        this.inputs.push(input);
        return this.#orders.splice(0);
      },
      status: () => undefined as unknown as EngineStatus,
    };
    const consensus: Consensus<Message, Message> = {
      rules: plainRules,
      validators: { epoch: 0n, members: [], hash: chain.genesisHash },
      verifier: { parse: () => accept(MESSAGE), verify: accept, encode: () => new Uint8Array(1) },
      recentHeads: 8,
      openEvidence: () => refuse("malformed", "no evidence"),
      createEngine: () => engine,
    };
    this.driver = new Driver(
      { consensus, engine, self: 0 },
      {
        chain,
        journal: new MemoryRecordLog(),
        scheduler: this.time,
        log: SILENT,
        template: () => [],
        held: () => 0,
        areComing: () => false,
        oldest: () => undefined,
        rewardTo: () => undefined,
        mine: () => undefined,
        stopMining: () => undefined,
        relayTransaction: () => undefined,
        mail: () => undefined,
        readsCompact: () => false,
        compactFromBytes: Number.POSITIVE_INFINITY,
        compactAskMs: 300,
        isFresh: () => true,
        find: () => undefined,
        serveBlocks: () => undefined,
        requestSync: () => undefined,
        announce: () => undefined,
        budgets: new WorkBudgets({ now: () => this.time.now(), meter: { spentUs: 0 }, count: 4 }),
        reportFault: () => undefined,
        ownBlock: () => undefined,
        fatal: (error) => this.failures.push(error),
      },
    );
    chain.onHeadChange(({ sealed }) => this.driver.headChanged({ head: sealed.block, seal: sealed.seal }));
  }

  order(...effects: readonly Effect<Message>[]): void {
    this.#orders.push(...effects);
    this.driver.receive(MESSAGE.from, new Uint8Array(1));
  }

  verdicts(): string[] {
    return this.inputs.flatMap((input) => (input.kind === "block-checked" ? [input.verdict] : []));
  }

  /** An empty block of another node on `parent`. */
  async foreign(timeMs: number, ...before: readonly Block[]): Promise<Block> {
    const other = await openChain(new MemoryKv());
    for (const block of before) await other.importBlock(sealed(block));
    return other.buildBlock(other.head.hash, { timeMs: BigInt(timeMs), proposer: 0 }, () => [], true)!;
  }
}

const MESSAGE: Message = { type: "test", from: 1, epoch: 0n };

async function rig(kv = new MemoryKv(), rules: SignatureRules = ED25519): Promise<Rig> {
  const made = new Rig(await openChain(kv, plainRules, rules));
  await made.time.pass(Number(genesis.timeMs) - made.time.now());
  return made;
}

it("the driver checks an early proposal when it is due, and once", async () => {
  const made = await rig();
  const { time, chain } = made;
  const block = await made.foreign(time.now() + CLOCK_AHEAD_MS_MAX + 1_000);
  made.order({ kind: "check-block", block, certified: false });
  await time.pass(500);
  made.driver.headChanged({ head: chain.head, seal: EMPTY });
  made.driver.headChanged({ head: chain.head, seal: EMPTY });
  await time.pass(400);
  expect(made.verdicts()).toEqual([]);
  expect(time.pending).toBe(1);
  // Once for the block, however often it is looked at, so that somebody looks at the clocks.
  expect([...made.driver.counts.early]).toMatchObject([
    [0, { count: 1, aheadMs: CLOCK_AHEAD_MS_MAX + 1_000 }],
  ]);
  await time.pass(200);
  expect(made.verdicts()).toEqual(["valid"]);
  expect(time.pending).toBe(0);
});

it("the driver takes a proposal right after its parent in time, however far back the own clock was set", async () => {
  const made = await rig();
  const ahead = made.time.now() + 3_600_000;
  const first = await made.foreign(ahead);
  await made.chain.importBlock(sealed(first));
  made.order({ kind: "check-block", block: await made.foreign(0, first), certified: false });
  await made.time.pass(10);
  expect(made.verdicts()).toEqual(["valid"]);
});

it("the driver leaves no timer behind when it stops while a proposal waits", async () => {
  const made = await rig();
  const block = await made.foreign(made.time.now() + 60_000);
  made.order({ kind: "check-block", block, certified: false });
  await made.time.pass(10);
  await made.driver.stop();
  made.driver.headChanged({ head: made.chain.head, seal: EMPTY });
  expect(made.time.pending).toBe(0);
});

it("the driver stops the node when a proposal that waited cannot be checked, instead of throwing out of the timer", async () => {
  const kv = new MemoryKv();
  const made = await rig(kv);
  const block = await made.foreign(made.time.now() + 6_000);
  made.order({ kind: "check-block", block, certified: false });
  await made.time.pass(10);
  await kv.close(); // as a disk that fails
  await made.time.pass(10_000);
  expect(made.failures).toHaveLength(1);
});

it("the driver drops a message that another validator than its author brings", async () => {
  const rig = new Rig(await openChain(new MemoryKv()));
  rig.driver.receive(MESSAGE.from + 1, new Uint8Array(1));
  await rig.time.pass(10);
  expect(rig.inputs).toEqual([]);
  expect([...rig.driver.counts.refused.keys()]).toEqual([`${MESSAGE.type} not-the-author`]);
});

it("the driver reads no more of a validator that sends nonsense, until the second is over", async () => {
  const made = await rig();
  const junk = () => made.driver.receive(2, new Uint8Array(1)); // in the name of validator 1
  for (let i = 0; i < 100; i++) junk();
  expect(made.driver.counts.refused.get("test not-the-author")).toBe(16);
  expect(made.driver.counts.dropped).toBe(84);
  await made.time.pass(1_000);
  junk();
  expect(made.driver.counts.refused.get("test not-the-author")).toBe(17);
});

const WITHOUT_KERNEL: SignatureRules = { ...ED25519, verifyEach: undefined };

/** A block full of signatures that only ZIP-215 accepts. */
async function slowBlock(count: number): Promise<Block> {
  const signer = slowSigner(sha256(utf8("test person alice")));
  const payload = bank.encodeCall({ to: bob.publicKey, amount: 1n, memo: EMPTY });
  const transactions = Array.from({ length: count }, (_, nonce) => {
    const fields = { chainId: genesis.chainId, nonce: BigInt(nonce), fee: 0n, validUntilHeight: 0n };
    return signTransaction({ ...fields, module: bank.id, payload }, signer, genesisHash);
  });
  const chain = await openChain();
  const proposal = { timeMs: genesis.timeMs, proposer: 0 };
  return chain.buildBlock(chain.head.hash, proposal, () => transactions, false)!;
}

it("the driver gives no verdict, and so no vote, on a proposal with too many slow signatures, and judges it once it is certified", async () => {
  const made = await rig(new MemoryKv(), WITHOUT_KERNEL);
  const block = await slowBlock(SLOW_SIGNATURES_PER_PROPOSAL_MAX + 1);
  made.order({ kind: "check-block", block, certified: false });
  await made.time.pass(10);
  expect(made.verdicts()).toEqual([]);
  expect([...made.driver.counts.slow]).toEqual([["0", SLOW_SIGNATURES_PER_PROPOSAL_MAX + 1]]);
  made.order({ kind: "check-block", block, certified: true });
  await made.time.pass(10);
  expect(made.verdicts()).toEqual(["valid"]);
});

it("the driver votes on a proposal full of slow signatures where there is a kernel, which makes none slow", async () => {
  const made = await rig();
  const block = await slowBlock(4 * SLOW_SIGNATURES_PER_PROPOSAL_MAX);
  made.order({ kind: "check-block", block, certified: false });
  await made.time.pass(10);
  expect(made.verdicts()).toEqual(["valid"]);
  expect([...made.driver.counts.slow]).toEqual([]);
});

it("the driver verifies a few slow signatures of a proposal", async () => {
  const made = await rig(new MemoryKv(), WITHOUT_KERNEL);
  const block = await slowBlock(SLOW_SIGNATURES_PER_PROPOSAL_MAX);
  made.order({ kind: "check-block", block, certified: false });
  await made.time.pass(10);
  expect(made.verdicts()).toEqual(["valid"]);
  expect([...made.driver.counts.slow]).toEqual([["0", SLOW_SIGNATURES_PER_PROPOSAL_MAX]]);
});
