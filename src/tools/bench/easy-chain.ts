/**
 * A chain on which any block is found with about two hashes, for benchmarks that need many blocks and no mining.
 */
import { type Address, EMPTY } from "../../base/bytes.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { type Block, hashHeader, type SealedBlock } from "../../chain/types/block.ts";
import { meetsTarget } from "../../chain/types/target.ts";

/** @param funded accounts that hold a million each */
export function easyGenesis(name: string, funded: readonly Address[]): Genesis {
  return {
    name,
    chainId: 31_399n,
    timeMs: 1_767_225_600_000n,
    profile: "dev",
    consensus: {
      type: "pow",
      powLimitBits: 0x207fffff,
      startBits: 0x207fffff,
      spacing: 1,
      futureLimit: 7_200,
      retarget: { rule: "fixed" },
      subsidy: 50n,
      halvingInterval: 1_000_000,
      maturity: 10,
    },
    limits: { maxBlockBytes: 1_048_576, maxBlockTransactions: 5_000, maxTxBytes: 16_384, minFee: 0n },
    validators: [],
    accounts: funded.map((address) => ({ address, balance: 1_000_000n })),
  };
}

/** The block with the first nonce that meets its target. */
export function solve(block: Block): SealedBlock {
  for (let nonce = 0; ; nonce++) {
    const header = { ...block.header, nonce };
    const hash = hashHeader(header);
    if (meetsTarget(hash, header.bits)) return { block: { ...block, header, hash }, seal: EMPTY };
  }
}
