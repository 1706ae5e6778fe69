/**
 * How fast blocks full of transfers are connected: checked, executed, committed to a store in memory, one after the
 * other on one core. Once with signatures that were never seen, once with all of them accepted before at admission.
 */
import { must } from "../../base/assert.ts";
import { EMPTY } from "../../base/bytes.ts";
import { Chain } from "../../chain/chain.ts";
import { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { bank } from "../../chain/modules/bank.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import { type SignedTransaction, signTransaction } from "../../chain/types/transaction.ts";
import { selectConsensus } from "../../consensus/select.ts";
import { createSigner, type Signer } from "../../crypto/keys.ts";
import { MemoryKv } from "../../storage/memory.ts";
import { easyGenesis, solve } from "./easy-chain.ts";

export interface ConnectRun {
  readonly transactions: number;
  readonly uncachedSeconds: number;
  readonly cachedSeconds: number;
}

/** As many at least: one for each transfer of a block. */
const ACCOUNTS = 1_000;

/** @param perBlock transfers in each block */
export async function measureConnect(blocks: number, perBlock: number): Promise<ConnectRun> {
  const signers = Array.from({ length: Math.max(ACCOUNTS, perBlock) }, (_, i) => createSigner(seedOf(i)));
  const genesis = easyGenesis(
    "bench-connect",
    signers.map(({ publicKey }) => publicKey),
  );
  const genesisHash = computeGenesisHash(genesis);
  const made = await makeBlocks(genesis, signers, blocks, perBlock);
  const uncachedSeconds = await connect(genesis, new AcceptedSignatures(genesisHash), made);
  const known = new AcceptedSignatures(genesisHash);
  for (const { block } of made) for (const tx of block.transactions.slice(1)) known.admit(tx);
  const cachedSeconds = await connect(genesis, known, made);
  return { transactions: blocks * perBlock, uncachedSeconds, cachedSeconds };
}

async function connect(
  genesis: Genesis,
  signatures: AcceptedSignatures,
  blocks: readonly SealedBlock[],
): Promise<number> {
  const chain = await open(genesis, signatures);
  const started = performance.now();
  for (const block of blocks) {
    const { kind } = await chain.importBlock(block);
    if (kind !== "imported") throw new Error(`a block of ours is ${kind}`);
  }
  return (performance.now() - started) / 1_000;
}

function open(genesis: Genesis, signatures: AcceptedSignatures): Promise<Chain> {
  const { rules } = selectConsensus(genesis, computeGenesisHash(genesis));
  return Chain.open(genesis, { kv: new MemoryKv(), rules, signatures });
}

async function makeBlocks(
  genesis: Genesis,
  signers: readonly Signer[],
  count: number,
  perBlock: number,
): Promise<SealedBlock[]> {
  const chain = await open(genesis, new AcceptedSignatures(computeGenesisHash(genesis)));
  const blocks: SealedBlock[] = [];
  for (let nonce = 0; nonce < count; nonce++) {
    const transfers = signers.slice(0, perBlock).map((signer, i) => {
      const to = must(signers[(i + nonce + 1) % signers.length], "the index is below their number");
      return transferOf(chain, signer, to, BigInt(nonce));
    });
    const timeMs = genesis.timeMs + 1_000n * BigInt(nonce + 1);
    const proposal = { timeMs, proposer: 0, rewardTo: must(signers[0], "there are accounts").publicKey };
    const built = chain.buildBlock(chain.head.hash, proposal, () => transfers, true);
    const sealed = solve(must(built, "the head is there to be built on"));
    await chain.importBlock(sealed);
    blocks.push(sealed);
  }
  return blocks;
}

function transferOf(chain: Chain, from: Signer, to: Signer, nonce: bigint): SignedTransaction {
  const payload = bank.encodeCall({ to: to.publicKey, amount: 1n, memo: EMPTY });
  const fields = { chainId: chain.genesis.chainId, nonce, fee: 0n, validUntilHeight: 0n, module: bank.id };
  return signTransaction({ ...fields, payload }, from, chain.genesisHash);
}

function seedOf(index: number): Uint8Array {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, index + 1);
  return seed;
}
