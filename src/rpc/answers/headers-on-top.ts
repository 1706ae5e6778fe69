/**
 * The headers on top of a block and the work in them: what a mined block has in place of a certificate; and the ones
 * below it that their targets follow from. Where finality is instant there are none. Bound: PROOF_HEADERS_MAX; what is above is cut off.
 */
import { must } from "../../base/assert.ts";
import { equalBytes, hex0x } from "../../base/bytes.ts";
import { PROOF_HEADERS_MAX } from "../../base/limits.ts";
import { type BlockHead, encodeHeader } from "../../chain/types/block.ts";
import { workOf } from "../../chain/types/target.ts";
import type { NodeApi } from "../api.ts";

/** Headers that a proof of a transaction carries unless asked for more or less. */
export const PROOF_HEADERS = 144;

export async function showHeadersOn(
  api: NodeApi,
  block: BlockHead,
  countMax: number,
): Promise<{ readonly headers?: string[] }> {
  if (api.chainMode().kind === "final") return {};
  return { headers: (await headsOn(api, block, countMax)).map(({ header }) => hex0x(encodeHeader(header))) };
}

/**
 * The headers below a block that the chain's rule reads for the targets of it and of `countMax` blocks on top,
 * ascending up to its parent; left out where it reads none. Of Bitcoin's rule a period long where one ends there.
 */
export async function showHeadersBefore(
  api: NodeApi,
  block: BlockHead,
  countMax: number,
): Promise<{ readonly before?: string[] }> {
  const mode = api.chainMode();
  if (mode.kind === "final") return {};
  const { height } = block.summary;
  const top = api.head().summary.height;
  const highest = height + BigInt(countMax);
  const lowest = mode.branches.schedule.readsFrom(height, highest < top ? highest : top);
  if (lowest >= height || height - lowest > BigInt(PROOF_HEADERS_MAX)) return {};
  const count = Number(height - lowest);
  const heads = await Promise.all(Array.from({ length: count }, (_, i) => api.headAt(lowest + BigInt(i))));
  // A reorganisation may come between: only what the block stands on belongs to it.
  const linked: BlockHead[] = [];
  for (let above = block; linked.length < count; above = must(linked[0], "a header was just linked")) {
    const below = heads[count - 1 - linked.length];
    if (below === undefined || !equalBytes(below.hash, above.header.previousHash)) break;
    linked.unshift(below);
  }
  return { before: linked.map(({ header }) => hex0x(encodeHeader(header))) };
}

/** Shows the work of the block and of those headers. */
export async function showWorkOn(
  api: NodeApi,
  block: BlockHead,
  countMax: number,
): Promise<{ readonly work?: string }> {
  if (api.chainMode().kind === "final") return {};
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
