/** Equivocations that the node tells of, verified here: what convicts a validator is its two signatures, no node's word. */

import type { Answer } from "./asked-nodes.ts";
import { type Check, record, trustedUpTo } from "./checks.ts";
import { loadMore } from "./on-demand.ts";

export type ClaimedEvidence = Exclude<Answer<"consensus_getEvidence">, Error>[number];

export interface CheckedEvidence {
  readonly claim: ClaimedEvidence;
  readonly check: Check;
  /** What is proven, by the verified bytes; or why it is not. */
  readonly words: string;
}

export async function checkEvidence(all: readonly ClaimedEvidence[]): Promise<readonly CheckedEvidence[]> {
  if (all.length === 0) return [];
  const newest = Math.max(0, ...all.map(({ epoch }) => Number(epoch)).filter(Number.isSafeInteger));
  const [trusted, { verifyEvidence }] = await Promise.all([trustedUpTo(newest), loadMore()]);
  return all.map((claim) => {
    const answer = verifyEvidence(trusted, claim.evidence);
    const words = answer.valid
      ? `${answer.name} signed two ${answer.phase}s in view ${answer.view}${answer.height === 0n ? "" : ` at height ${answer.height}`}: ${answer.digests.join(" and ")}`
      : `the node accuses ${claim.name}, and its evidence does not hold: ${answer.reason}`;
    const check = { what: "equivocation", holds: answer.valid, words };
    record(`validator ${claim.name}`, [check]);
    return { claim, check, words };
  });
}
