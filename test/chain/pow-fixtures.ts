/** A mined chain for tests: the easiest target (about two hashes a block), nonces looked for on the spot. */
import { EMPTY } from "../../src/base/bytes.ts";
import { Chain } from "../../src/chain/chain.ts";
import type { BranchSettings } from "../../src/chain/chain-mode.ts";
import { AcceptedSignatures } from "../../src/chain/execution/accepted-signatures.ts";
import type { Genesis } from "../../src/chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../src/chain/genesis/genesis-state.ts";
import type { PowParameters } from "../../src/chain/genesis/pow-parameters.ts";
import { type Block, hashHeader, type SealedBlock } from "../../src/chain/types/block.ts";
import { meetsTarget } from "../../src/chain/types/target.ts";
import type { SignedTransaction } from "../../src/chain/types/transaction.ts";
import { selectConsensus } from "../../src/consensus/select.ts";
import type { Kv } from "../../src/storage/kv.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { alice, genesis as allianceGenesis, bob, proposer } from "./fixtures.ts";

export const parameters: PowParameters = {
  type: "pow",
  powLimitBits: 0x207fffff,
  startBits: 0x207fffff,
  spacing: 600,
  futureLimit: 7200,
  retarget: { rule: "fixed" },
  subsidy: 50n,
  halvingInterval: 150,
  maturity: 3,
};

export const genesis: Genesis<PowParameters> = {
  ...allianceGenesis,
  consensus: parameters,
  validators: [],
};

export const genesisHash = computeGenesisHash(genesis);
export const miner = proposer.publicKey;
export { alice, bob };

export function openMinedChain(
  options: {
    kv?: Kv;
    branches?: BranchSettings;
    now?: () => number;
    genesis?: Genesis;
    signatures?: AcceptedSignatures;
  } = {},
): Promise<Chain> {
  const { kv = new MemoryKv(), branches, now } = options;
  const chosen = options.genesis ?? genesis;
  const hash = computeGenesisHash(chosen);
  return Chain.open(chosen, {
    kv,
    rules: selectConsensus(chosen, hash).rules,
    signatures: options.signatures ?? new AcceptedSignatures(hash),
    ...(branches === undefined ? {} : { branches }),
    ...(now === undefined ? {} : { now }),
  });
}

/** The block with the first nonce that meets its target. */
export function solve(block: Block): SealedBlock {
  for (let nonce = 0; ; nonce++) {
    const header = { ...block.header, nonce };
    const hash = hashHeader(header);
    if (meetsTarget(hash, header.bits)) return { block: { ...block, header, hash }, seal: EMPTY };
  }
}

/** A solved block on the head; blocks of different `second`s differ. */
export function mineOn(
  chain: Chain,
  transactions: readonly SignedTransaction[] = [],
  second = 0,
): SealedBlock {
  const timeMs = genesis.timeMs + 1000n * (chain.head.summary.height * 600n + BigInt(second) + 600n);
  const block = chain.buildBlock(
    chain.head.hash,
    { timeMs, proposer: 0, rewardTo: miner },
    () => transactions,
    true,
  );
  if (block === undefined) throw new Error("nothing was built");
  return solve(block);
}
