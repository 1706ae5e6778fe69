/**
 * Answers the questions about branches. Every answer is bounded in number and bytes before anything is read; what
 * cannot be answered is refused, and the stream ends with it. Source: docs/protocol.md, "Branches".
 */

import type { Hash } from "../../base/bytes.ts";
import { EMPTY } from "../../base/bytes.ts";
import { BODIES_PER_QUESTION_MAX, SYNC_BATCH_BYTES } from "../../base/limits.ts";
import type { BranchLedger } from "./branch-ledger.ts";
import {
  type BranchAnswer,
  type BranchQuestion,
  decodeBranchQuestion,
  encodeBranchAnswer,
} from "./branch-wire.ts";
import type { EncodedHeads } from "./encoded-heads.ts";

/** @throws Error for a question that is malformed or asks for what cannot be. */
export async function answerBranchQuestion(
  ledger: BranchLedger,
  heads: EncodedHeads,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  const question = decodeBranchQuestion(bytes);
  if (!question.ok) throw new Error(question.fault.detail);
  if (question.value.kind === "heads") return heads.answer(question.value.locator);
  return encodeBranchAnswer(await answerTo(ledger, question.value));
}

async function answerTo(
  ledger: BranchLedger,
  question: Exclude<BranchQuestion, { kind: "heads" }>,
): Promise<BranchAnswer> {
  switch (question.kind) {
    case "bodies":
      return { kind: "bodies", bodies: await serveBodies(ledger, question.hashes, question.bytesMax) };
    case "block-transactions":
      return {
        kind: "block-transactions",
        envelopes: await ledger.transactions(question.hash, question.indexes),
      };
  }
}

/** Serves bodies in the order asked for. It stops before the bytes are exceeded, but not before the first body. */
async function serveBodies(
  ledger: BranchLedger,
  hashes: readonly Hash[],
  bytesMax: number,
): Promise<readonly Uint8Array[]> {
  const most = Math.min(bytesMax, SYNC_BATCH_BYTES);
  const bodies: Uint8Array[] = [];
  let bytes = 0;
  for (const hash of hashes.slice(0, BODIES_PER_QUESTION_MAX)) {
    const mayWait = bodies.length === 0;
    const body = (await ledger.body(hash, mayWait)) ?? EMPTY;
    bytes += 4 + body.length;
    if (bodies.length > 0 && bytes > most) break;
    bodies.push(body);
  }
  return bodies;
}
