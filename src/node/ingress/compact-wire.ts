/**
 * The two short messages by which the transactions of a compact proposal are asked for and brought. Sizes first; whether an
 * envelope is one that was asked for is compact-proposals.ts's matter.
 * Source: docs/protocol.md, "Compact proposals".
 */
import { asHash, type Hash } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import type { BodyLimits } from "../../chain/types/block.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";

/** Which transactions of a block are wanted. */
export interface WantedTransactions {
  readonly block: Hash;
  /** Places in the block, ascending, at least one. */
  readonly indexes: readonly number[];
}

export interface BlockTransactions {
  readonly block: Hash;
  readonly envelopes: readonly Uint8Array[];
}

/** block hash 32 | u32 count, u32 index each */
export function encodeWanted({ block, indexes }: WantedTransactions): Uint8Array {
  return new Writer(36 + 4 * indexes.length)
    .raw(block)
    .list(indexes, (writer, index) => writer.u32(index))
    .finish();
}

export function decodeWanted(
  bytes: Uint8Array,
  limits: BodyLimits,
): Verdict<WantedTransactions, "malformed"> {
  return decode(bytes, "question for transactions", (reader) => {
    const block = asHash(reader.raw(32).slice());
    const indexes = reader.list(limits.maxBlockTransactions, (r) => r.u32());
    if (indexes.length === 0) reader.fail("no transaction is asked for");
    for (let i = 1; i < indexes.length; i++) {
      if ((indexes[i] as number) <= (indexes[i - 1] as number)) reader.fail("indexes are not ascending");
    }
    return { block, indexes };
  });
}

/** block hash 32 | u32 count, (u16 length, envelope) each */
export function encodeBlockTransactions({ block, envelopes }: BlockTransactions): Uint8Array {
  const size = envelopes.reduce((sum, envelope) => sum + 2 + envelope.length, 36);
  return new Writer(size)
    .raw(block)
    .list(envelopes, (writer, envelope) => writer.bytes16(envelope))
    .finish();
}

/** The envelopes share the message's memory. */
export function decodeBlockTransactions(
  bytes: Uint8Array,
  limits: BodyLimits,
): Verdict<BlockTransactions, "malformed"> {
  return decode(bytes, "transactions of a block", (reader) => ({
    block: asHash(reader.raw(32)),
    envelopes: reader.list(limits.maxBlockTransactions, (r) => r.bytes16(limits.maxTxBytes)),
  }));
}
