/**
 * Schemas of what the node answers: heights, views, counts and milliseconds are JSON numbers; amounts are decimal
 * strings; bytes, hashes and addresses are lower-case 0x-hex; block hashes byte-reversed, as Bitcoin shows them.
 * The one exception is a u64 that a transaction's author chose: beyond 2^53-1 it is a decimal string.
 * The values are made in show.ts; these schemas document and type them, and the tests hold every answer to them.
 */
import { z } from "zod";

export const bytesHex = z
  .string()
  .regex(/^0x(?:[0-9a-f]{2})*$/)
  .meta({ description: "bytes" });
export const hash32 = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .meta({ description: "32 bytes" });
export const blockHash = hash32.meta({ description: "block hash, byte-reversed" });
export const amount = z.string().regex(/^\d+$/).meta({ description: "amount, decimal" });
export const count = z.int().nonnegative();
export const timeMs = count.meta({ description: "ms since the Unix epoch" });
/** A u64 of a transaction. */
export const wide = z.union([count, amount]).meta({ description: "number; decimal string beyond 2^53-1" });
export const validatorIndex = count.meta({ description: "validator index" });

export const work = amount.meta({ description: "expected hashes, decimal" });

export const sealResult = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("pbft"),
    view: count,
    seq: count,
    commits: z.array(z.strictObject({ validator: validatorIndex, sig: bytesHex })),
  }),
  z.strictObject({
    type: z.literal("pow"),
    nonce: count,
    bits: z.string().meta({ description: "compact target, 0x and 8 hex digits" }),
    difficulty: z.number().meta({ description: "times as hard as bits 0x1d00ffff" }),
    work: amount.meta({ description: "expected hashes for this block" }),
    totalWork: amount.optional().meta({ description: "of all blocks up to this one" }),
  }),
]);

/** The chance that an attacker undoes it, by Rosenfeld's formula. */
export const reversalProbability = z.number().min(0).max(1).meta({
  description: "chance that an attacker of the asked share undoes it; absent where blocks are final",
});

/** What is known of a block, or of a branch, that is not on the active chain. */
export const sideStatus = z.enum(["valid-fork", "valid-headers", "headers-only", "invalid"]).meta({
  description:
    "valid-fork: executed once; valid-headers: whole, never executed; headers-only: bodies are missing",
});

export const headerResult = z.strictObject({
  height: count,
  hash: blockHash,
  parentHash: blockHash,
  time: timeMs,
  epoch: count,
  proposer: validatorIndex,
  txCount: count,
  bodyBytes: count,
  txRoot: hash32,
  stateRoot: hash32,
  receiptsRoot: hash32,
  validatorsHash: hash32,
  nextValidatorsHash: hash32,
  bodyRoot: hash32,
  version: z.int(),
  bits: count,
  nonce: count,
  extra: bytesHex,
  consensus: sealResult.optional().meta({ description: "of a mined block, whose header proves itself" }),
  branch: z
    .strictObject({
      status: sideStatus,
      forkHeight: count.meta({ description: "of the last block shared with the active chain" }),
    })
    .optional()
    .meta({ description: "only of a block that is NOT on the active chain, asked for by its hash" }),
});

/** What a module's values are as JSON: a list or an object stands in a declared module's alone. */
const plain = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const description = z.record(
  z.string(),
  z.union([plain, z.array(z.unknown()), z.record(z.string(), z.unknown())]),
);

export const txResult = z.strictObject({
  txHash: hash32,
  envelopeHash: hash32.meta({ description: "hash of the whole envelope: the leaf under txRoot" }),
  chainId: wide,
  from: hash32,
  nonce: wide,
  fee: amount,
  validUntilHeight: wide,
  module: z.string(),
  call: description.nullable().meta({ description: "the payload, decoded by its module" }),
  payload: bytesHex,
  signature: bytesHex,
  raw: bytesHex.meta({ description: "the whole envelope" }),
});

export const eventResult = z.strictObject({
  module: z.string(),
  kind: count,
  data: bytesHex,
  decoded: description.nullable(),
});

export const receiptResult = z.strictObject({
  txHash: hash32,
  status: z.enum(["success", "failed"]),
  code: count.meta({ description: "0, or the module's fault code" }),
  fault: z.string().nullable().meta({ description: "name of the fault code" }),
  blockHash,
  blockHeight: count,
  index: count,
  fee: amount,
  events: z.array(eventResult),
  confirmations: count.meta({ description: "blocks from its own on: 1 in the head" }),
  reversalProbability: reversalProbability.optional(),
  final: z.boolean(),
});

export const pathResult = z
  .strictObject({ index: count, count, siblings: z.array(hash32) })
  .meta({ description: "Merkle path, leaf to top" });

/** Header, summary and seal as bytes: with the genesis, enough to check offline that a block is final. */
export const sealedHeadResult = z.strictObject({
  header: bytesHex.meta({ description: "80 bytes" }),
  summary: bytesHex,
  seal: bytesHex.meta({ description: "commit certificate; empty at height 0 and of a mined block" }),
});

export const beforeResult = z.array(bytesHex).meta({
  description:
    "headers below the block that the chain's rule reads for its target and for those of `headers`, ascending; absent where it reads none",
});

export const headersResult = z.array(bytesHex).meta({
  description:
    "headers of the blocks on top, ascending, 80 bytes each; absent where a certificate proves the block",
});
