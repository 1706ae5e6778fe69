/**
 * Which bits the next block must have, from its ancestors alone: Bitcoin's rule every so many blocks, ASERT at every
 * block, or never anything else than at the start. The rule is data in genesis (chain/genesis/pow-parameters.ts, its form
 * in a file genesis-file-formats.ts beside it); ASERT's arithmetic is asert.ts, Bitcoin's constants are bitcoin.ts, what
 * a header's time may be is time-bounds.ts. Source: pow.md 2.5.
 */
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";
import { compactOf, targetOf } from "../../chain/types/target.ts";
import { asertTarget } from "./asert.ts";
import { BITCOIN } from "./bitcoin.ts";
import type { Past } from "./time-bounds.ts";

/** ASERT takes a new anchor every so many blocks, which forgets how late a chain without hash power has become. */
const ANCHOR_INTERVAL = 144n;

/** The bits that the block after `past` must have. */
export function expectedBits(parameters: PowParameters, past: Past): number {
  const { retarget } = parameters;
  switch (retarget.rule) {
    case "fixed":
      return parameters.startBits;
    case "asert":
      return asertBits(parameters, retarget.halflife, past);
    case "bitcoin":
      return bitcoinBits(parameters, retarget.interval, past);
  }
}

/** Whether the rule computes new bits for the block at `height`; elsewhere they are those of the block before. */
export function retargetsAt({ retarget }: PowParameters, height: bigint): boolean {
  switch (retarget.rule) {
    case "fixed":
      return false;
    case "asert":
      return height > 2n;
    case "bitcoin":
      return height > 0n && height % BigInt(retarget.interval) === 0n;
  }
}

/** The first height above `height` at which {@link retargetsAt} holds, or undefined when there is none. */
export function nextRetarget({ retarget }: PowParameters, height: bigint): bigint | undefined {
  switch (retarget.rule) {
    case "fixed":
      return undefined;
    case "asert":
      return height < 2n ? 3n : height + 1n;
    case "bitcoin":
      return (height / BigInt(retarget.interval) + 1n) * BigInt(retarget.interval);
  }
}

/**
 * The ancestor beyond the last eleven that the rule looks at for the block at `height` > 0: the first block of its
 * parent's period, or the anchor (whose parent is read too). Undefined where it looks at none.
 */
export function referenceHeight({ retarget }: PowParameters, height: bigint): bigint | undefined {
  switch (retarget.rule) {
    case "fixed":
      return undefined;
    case "asert":
      return height > 1n ? anchorHeight(height) : undefined;
    case "bitcoin":
      return height - 1n - ((height - 1n) % BigInt(retarget.interval));
  }
}

/**
 * The lowest height whose header tells the bits of the block at `height` > 0, together with those from there up to
 * its parent; `height` itself where the genesis alone tells them (they are its startBits).
 */
export function lowestRead(parameters: PowParameters, height: bigint): bigint {
  const { retarget } = parameters;
  switch (retarget.rule) {
    case "fixed":
      return height;
    case "asert": {
      if (height <= 2n) return height;
      const anchor = anchorHeight(height);
      return anchor === 1n ? anchor : anchor - 1n;
    }
    case "bitcoin": {
      const interval = BigInt(retarget.interval);
      if (height < interval) return height;
      return retargetsAt(parameters, height) ? height - interval : height - 1n;
    }
  }
}

/** The lowest of {@link lowestRead} for the blocks of heights `from` to `to`, at most `from`. */
export function lowestReadOf(parameters: PowParameters, from: bigint, to: bigint): bigint {
  let lowest = from;
  for (let height = from > 1n ? from : 1n; height <= to; height++) {
    const read = lowestRead(parameters, height);
    if (read < lowest) lowest = read;
  }
  return lowest;
}

function bitcoinBits(parameters: PowParameters, interval: number, past: Past): number {
  const { bits, time } = past.headerAt(past.height);
  const height = past.height + 1n;
  if (!retargetsAt(parameters, height)) return bits;
  const firstTime = past.headerAt(height - BigInt(interval)).time;
  return retargetBitcoin({ firstTime, lastTime: time, bits }, { ...parameters, interval });
}

/** A period that has ended: the times of its first and its last block, and the bits of the latter. */
export interface Period {
  readonly firstTime: number;
  readonly lastTime: number;
  readonly bits: number;
}

export interface PeriodParameters extends Pick<PowParameters, "spacing" | "powLimitBits"> {
  /** The number of blocks in a period. */
  readonly interval: number;
}

/**
 * Bitcoin's retarget. The time between `interval` blocks spans one spacing less than it is compared with: an old slip
 * that is the rule. So is what the compact form cuts off: the next period starts from the bits, not from the number.
 */
export function retargetBitcoin(
  { firstTime, lastTime, bits }: Period,
  { interval, spacing, powLimitBits }: PeriodParameters = { ...BITCOIN, ...BITCOIN.retarget },
): number {
  const timespan = interval * spacing;
  // A quarter need not be whole where interval and spacing are small; Bitcoin divides integers.
  const least = Math.floor(timespan / 4);
  const actual = Math.min(Math.max(lastTime - firstTime, least), timespan * 4);
  const target = (targetOf(bits) * BigInt(actual)) / BigInt(timespan);
  const limit = targetOf(powLimitBits);
  return compactOf(target > limit ? limit : atLeastOne(target));
}

/** A target of 0 could never be met again; Bitcoin is too far from it to have a rule. */
function atLeastOne(target: bigint): bigint {
  return target > 0n ? target : 1n;
}

function asertBits(parameters: PowParameters, halflife: number, past: Past): number {
  const height = past.height + 1n;
  // No schedule yet: the time of block 0 may lie years back.
  if (height <= 2n) return parameters.startBits;
  const anchor = anchorHeight(height);
  const target = asertTarget({
    anchorTarget: targetOf(past.headerAt(anchor).bits),
    timeSpan: past.headerAt(past.height).time - anchorParentTime(past, anchor, parameters.spacing),
    heightSpan: past.height - anchor,
    spacing: parameters.spacing,
    halflife,
    powLimit: targetOf(parameters.powLimitBits),
  });
  return compactOf(target);
}

function anchorHeight(height: bigint): bigint {
  const anchor = height - 1n - ((height - 1n) % ANCHOR_INTERVAL);
  return anchor > 0n ? anchor : 1n;
}

/** Block 1 counts as mined on schedule, since block 0's time says when the genesis was written, not mined. */
function anchorParentTime(past: Past, anchor: bigint, spacing: number): number {
  return anchor === 1n ? past.headerAt(1n).time - spacing : past.headerAt(anchor - 1n).time;
}
