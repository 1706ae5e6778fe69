/**
 * The arithmetic of aserti3-2d: the target follows exponentially from how far the chain is off its schedule, counted
 * from an anchor block. Integers only: 2^x is a whole number of shifts and a cubic for the rest, whose constants make
 * it exact to 0.013 %. Which block is the anchor is retarget.ts's matter. Source: pow.md 2.5 B.
 */

export interface AsertSchedule {
  readonly anchorTarget: bigint;
  /** Seconds between the anchor's parent and the tip. */
  readonly timeSpan: number;
  /** Blocks from the anchor to the tip, 0 when it is the tip. */
  readonly heightSpan: bigint;
  /** How many seconds should lie between two blocks. */
  readonly spacing: number;
  /** Seconds behind schedule that double the target. */
  readonly halflife: number;
  /** The easiest target. */
  readonly powLimit: bigint;
}

/** The target of the block after the tip: from 1 to `powLimit`. */
export function asertTarget(schedule: AsertSchedule): bigint {
  const { anchorTarget, timeSpan, heightSpan, spacing, halflife, powLimit } = schedule;
  const behind = BigInt(timeSpan) - BigInt(spacing) * (heightSpan + 1n);
  // Division of bigints truncates toward zero, as the rule wants; the shift rounds down, so that fraction >= 0.
  const exponent = (behind * 65_536n) / BigInt(halflife);
  const shifts = exponent >> 16n;
  const fraction = exponent - (shifts << 16n);
  // A clock far off would otherwise ask for numbers of any size.
  if (shifts >= 256n) return powLimit;
  if (shifts <= -256n) return 1n;
  const scaled = anchorTarget * twoToThe(fraction);
  const target = (shifts >= 0n ? scaled << shifts : scaled >> -shifts) >> 16n;
  if (target === 0n) return 1n;
  return target > powLimit ? powLimit : target;
}

/** Computes 65536 * 2^(fraction / 65536), for a fraction from 0 to 65535. */
function twoToThe(fraction: bigint): bigint {
  const cubic =
    195_766_423_245_049n * fraction + 971_821_376n * fraction ** 2n + 5_127n * fraction ** 3n + (1n << 47n);
  return 65_536n + (cubic >> 48n);
}
