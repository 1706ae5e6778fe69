/** Blocks and chains that examples of several fuzz targets are made from. */
import { ZERO_HASH } from "../../src/base/bytes.ts";
import {
  assembleBlock,
  BLANK_SUMMARY,
  type Block,
  bodyBytesOf,
  txRootOf,
  VERSION_PBFT,
} from "../../src/chain/types/block.ts";
import { makeCoinbase, type SignedTransaction } from "../../src/chain/types/transaction.ts";
import { alice } from "../chain/fixtures.ts";

/** A block whose summary commits to its body, and to nothing else that is true. */
export function blockOf(transactions: readonly SignedTransaction[]): Block {
  const summary = {
    ...BLANK_SUMMARY,
    chainId: 7n,
    height: 1n,
    timeMs: 1_700_000_001_000n,
    txRoot: txRootOf(transactions),
    txCount: transactions.length,
    bodyBytes: bodyBytesOf(transactions),
  };
  const fields = { version: VERSION_PBFT, previousHash: ZERO_HASH, time: 1_700_000_001, bits: 0, nonce: 0 };
  return assembleBlock(fields, summary, transactions);
}

export function coinbaseBlock(): Block {
  return blockOf([makeCoinbase(1n, alice.publicKey, 50n)]);
}
