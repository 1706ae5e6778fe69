/**
 * What a block costs besides its signatures (target 7 of the performance budget):
 *
 *   npx tsx bench/execute.ts [transactions a block] [accounts]
 *
 * Blocks of transfers among random accounts, signatures accepted before (as the pool has them), in memory and over
 * LevelDB. One chain builds each block, another decodes, checks and commits it. The parts of the check are then
 * measured on the same block by themselves. CPU time of all threads, so that other work on the machine disturbs
 * it less; medians.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EMPTY } from "../src/base/bytes.ts";
import { Chain } from "../src/chain/chain.ts";
import { AcceptedSignatures } from "../src/chain/execution/accepted-signatures.ts";
import { BlockExecution } from "../src/chain/execution/execute.ts";
import type { Genesis } from "../src/chain/genesis/genesis.ts";
import { computeGenesisHash } from "../src/chain/genesis/genesis-state.ts";
import { bank } from "../src/chain/modules/bank.ts";
import { updateTree } from "../src/chain/state/state-tree.ts";
import { treeChanges } from "../src/chain/state/tree-changes.ts";
import { type Block, decodeSealedBlock, encodeSealedBlock, txRootOf } from "../src/chain/types/block.ts";
import { encodeReceipt, receiptsRootOf } from "../src/chain/types/receipt.ts";
import { type SignedTransaction, signTransaction } from "../src/chain/types/transaction.ts";
import { sha256 } from "../src/crypto/hash.ts";
import { createSigner } from "../src/crypto/keys.ts";
import type { Kv } from "../src/storage/kv.ts";
import { openLevel } from "../src/storage/level.ts";
import { MemoryKv } from "../src/storage/memory.ts";
import { plainRules, proposer, SEAL } from "../test/chain/fixtures.ts";

const COUNT = Number(process.argv[2] ?? 1_000);
const ACCOUNTS = Number(process.argv[3] ?? 10_000);
const WARM_BLOCKS = 8;
const MEASURED_BLOCKS = 15;

const seedOf = (index: number) => sha256(new Uint8Array(new Uint32Array([index]).buffer));
const people = Array.from({ length: ACCOUNTS }, (_, index) => createSigner(seedOf(index)));
const nonces = new Map<number, bigint>();
const genesis: Genesis = {
  name: "bench",
  chainId: 1n,
  timeMs: 1_700_000_000_000n,
  profile: "dev",
  consensus: { type: "pbft", checkpointInterval: 64, logWindow: 256, pipelineDepth: 1, rotationInterval: 0 },
  limits: {
    maxBlockBytes: 2 * 1024 * 1024,
    maxBlockTransactions: 10_000,
    maxTxBytes: 1_000,
    minFee: 1n,
  },
  validators: [
    { name: "node0", publicKey: proposer.publicKey, account: proposer.publicKey, peerId: "peer0" },
  ],
  accounts: people.map(({ publicKey }) => ({ address: publicKey, balance: 1_000_000_000n })),
};
const genesisHash = computeGenesisHash(genesis);
const signatures = new AcceptedSignatures(genesisHash);

let state = 88172645;
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

function transfer(): SignedTransaction {
  const from = random(ACCOUNTS);
  const nonce = nonces.get(from) ?? 0n;
  nonces.set(from, nonce + 1n);
  const to = people[random(ACCOUNTS)]!.publicKey;
  const fields = { chainId: genesis.chainId, nonce, fee: 1n, validUntilHeight: 0n, module: bank.id };
  const payload = bank.encodeCall({ to, amount: 1n, memo: EMPTY });
  const signed = signTransaction({ ...fields, payload }, people[from]!, genesisHash);
  if (!signatures.admit(signed)) throw new Error("a signature of our own is refused");
  return signed;
}

type Phase = "build" | "decode" | "check" | "commit" | "txRoot" | "execute" | "tree" | "receipts";
type Times = Map<Phase, number[]>;

async function timed<T>(times: Times, phase: Phase, work: () => T | Promise<T>): Promise<T> {
  const start = process.cpuUsage();
  const result = await work();
  const used = process.cpuUsage(start);
  times.set(phase, [...(times.get(phase) ?? []), used.user + used.system]);
  return result;
}

async function measureBlock(builder: Chain, checker: Chain, times: Times): Promise<void> {
  const transactions = Array.from({ length: COUNT }, transfer);
  const proposal = { timeMs: builder.head.summary.timeMs + 1_000n, proposer: 0 };
  const built = await timed(times, "build", () =>
    builder.buildBlock(builder.head.hash, proposal, () => transactions, false),
  );
  if (built?.transactions.length !== COUNT) throw new Error("transactions were left out");
  const bytes = encodeSealedBlock({ block: built, seal: SEAL });
  const sealed = await timed(times, "decode", () => decodeSealedBlock(bytes, genesis.limits));
  if (!sealed.ok) throw new Error(sealed.fault.detail);
  const { block } = sealed.value;
  await measureParts(checker, block, times);
  const verdict = await timed(times, "check", () => checker.checkBlock(block));
  if (verdict.kind !== "valid") throw new Error(JSON.stringify(verdict));
  await timed(times, "commit", () => checker.importBlock(sealed.value));
  await builder.importBlock(sealed.value);
}

/** What `checkBlock` does, part by part. */
async function measureParts({ committed }: Chain, block: Block, times: Times): Promise<void> {
  const { height, timeMs } = block.summary;
  const execution = new BlockExecution(committed, {
    height,
    timeMs,
    feeRecipient: proposer.publicKey,
    rules: { chainId: genesis.chainId, minFee: 1n },
    signatureIsValid: (tx) => signatures.validate(tx),
  });
  await timed(times, "txRoot", () => txRootOf(block.transactions));
  await timed(times, "execute", () => {
    for (const tx of block.transactions) execution.run(tx);
  });
  await timed(times, "tree", () => updateTree(committed, treeChanges(execution.state.diff())));
  await timed(times, "receipts", () => receiptsRootOf(execution.receipts.map(encodeReceipt)));
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >>> 1]!;

async function measure(name: string, kvs: readonly [Kv, Kv]): Promise<void> {
  nonces.clear();
  const open = (kv: Kv) => Chain.open(genesis, { kv, rules: plainRules, signatures });
  const [builder, checker] = [await open(kvs[0]), await open(kvs[1])];
  const times: Times = new Map();
  for (let i = 0; i < WARM_BLOCKS; i++) await measureBlock(builder, checker, new Map());
  for (let i = 0; i < MEASURED_BLOCKS; i++) await measureBlock(builder, checker, times);
  const us = (phase: Phase) => median(times.get(phase)!) / COUNT;
  const connect = us("check") + us("commit");
  const cells = [...times.keys()].map((phase) => `${phase} ${us(phase).toFixed(1)}`);
  console.log(
    `${name}: ${Math.round(1e6 / connect)} tx/s (check and commit); us a transaction: ${cells.join(", ")}`,
  );
}

const directory = await mkdtemp(join(tmpdir(), "quorate-bench-"));
try {
  await measure("memory", [new MemoryKv(), new MemoryKv()]);
  const onDisk = [await openLevel(join(directory, "a")), await openLevel(join(directory, "b"))] as const;
  await measure("leveldb", onDisk);
  for (const kv of onDisk) await kv.close();
} finally {
  await rm(directory, { recursive: true, force: true });
}
