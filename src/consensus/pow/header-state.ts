/**
 * The state that a check of headers ended with, from which another goes on: a few numbers instead of the headers
 * before. Whoever takes one from elsewhere believes it: nothing here can prove that such blocks exist.
 * Source: pow.md 2.4, 2.5, 2.8.
 */
import type { Hash } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";
import { checkBits } from "../../chain/types/target.ts";
import type { HeaderMark, Reference } from "./lookback.ts";
import { referenceHeight } from "./retarget.ts";
import { MEDIAN_SPAN } from "./time-bounds.ts";

/** All that the rules want to know of the blocks before a height: where a check ended, or shall begin. */
export interface HeaderState {
  /** The height of the next header. */
  readonly height: bigint;
  /** Hash of the block before it. */
  readonly previousHash: Hash;
  /** Sum of the work of all blocks before it. */
  readonly chainwork: bigint;
  /** The last eleven blocks before it, or all when there are fewer, the oldest first. */
  readonly recent: readonly HeaderMark[];
  /** The block further back that the retarget rule looks at, or undefined where it looks at none. */
  readonly reference: Reference | undefined;
}

/** Checks a state that somebody wrote down: sizes, and bits and times that fit together. */
export function checkHeaderState(
  parameters: PowParameters,
  state: HeaderState,
): Fault<"bad-state"> | undefined {
  const problem = stateProblem(state, parameters);
  return problem === undefined ? undefined : fault("bad-state", `state: ${problem}`);
}

function stateProblem(state: HeaderState, parameters: PowParameters): string | undefined {
  const { height, chainwork, recent, reference } = state;
  if (height < 1n) return `height ${height}: a state stands before a block after block 0`;
  if (chainwork < 1n) return "a chain of at least one block has work";
  const count = height < BigInt(MEDIAN_SPAN) ? Number(height) : MEDIAN_SPAN;
  if (recent.length !== count) return `${recent.length} blocks, ${count} are wanted at height ${height}`;
  for (const { bits } of recent) {
    const target = checkBits(bits, parameters.powLimitBits);
    if (!target.ok) return target.fault.detail;
  }
  const at = referenceHeight(parameters, height);
  if ((at === undefined) !== (reference === undefined)) {
    return at === undefined ? "a reference block, the rule wants none" : `block ${at} is wanted as reference`;
  }
  return at === undefined || reference === undefined ? undefined : referenceProblem(at, reference, state);
}

/** What stands in the state twice must be the same. */
function referenceProblem(
  at: bigint,
  { time }: Reference,
  { height, recent }: HeaderState,
): string | undefined {
  const index = recent.length - Number(height - at);
  const twice = recent[index];
  if (twice === undefined || twice.time === time) return undefined;
  return `block ${at} has time ${time} as reference, and ${twice.time} among the last blocks`;
}
