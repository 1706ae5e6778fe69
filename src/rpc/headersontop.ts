/**
 * The headers on top of a block, and the work in them: what a mined block has in place of a certificate. Where
 * finality is instant there are none. Bound: PROOF_HEADERS_MAX; what is above is cut off.
 */
import { equalBytes, hex0x } from "../base/bytes.ts";
import { type BlockHead, encodeHeader } from "../chain/block.ts";
import { workOf } from "../chain/target.ts";
import type { NodeApi } from "./api.ts";

/** Headers that a proof of a transaction carries unless asked for more or less. */
export const PROOF_HEADERS = 144;

export async function showHeadersOn(
  api: NodeApi,
  block: BlockHead,
  countMax: number,
): Promise<{ readonly headers?: string[] }> {
  if (api.branches() === undefined) return {};
  return { headers: (await headsOn(api, block, countMax)).map(({ header }) => hex0x(encodeHeader(header))) };
}

/** Of the block and those headers. */
export async function showWorkOn(
  api: NodeApi,
  block: BlockHead,
  countMax: number,
): Promise<{ readonly work?: string }> {
  if (api.branches() === undefined) return {};
  const heads = [block, ...(await headsOn(api, block, countMax))];
  return { work: heads.reduce((sum, { header }) => sum + workOf(header.bits), 0n).toString() };
}

async function headsOn(api: NodeApi, block: BlockHead, countMax: number): Promise<readonly BlockHead[]> {
  const from = block.summary.height + 1n;
  const top = api.head().summary.height;
  const count = top < from ? 0 : Math.min(Number(top - from) + 1, countMax);
  const heads = await Promise.all(Array.from({ length: count }, (_, i) => api.headAt(from + BigInt(i))));
  const found = heads.filter((head) => head !== undefined);
  // A reorganisation may come between: only what links belongs to this block.
  let last = block;
  const linked: BlockHead[] = [];
  for (const head of found) {
    if (!equalBytes(head.header.previousHash, last.hash)) break;
    linked.push(head);
    last = head;
  }
  return linked;
}
