/**
 * What a header must obey on its branch: the bits its ancestors ask for, a hash that meets them, a time after the
 * median, and the rules against stretching a period (timewarp). All of it is permanent: a header that fails here
 * fails on every node for ever. Not judged: version and link (the caller's), and how far the time lies ahead, which
 * is temporary (time-bounds.ts). Source: pow.md 2.1, 2.4, 2.5.
 */
import type { Hash } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";
import type { Header } from "../../chain/types/block.ts";
import { checkProofOfWork, showBits } from "../../chain/types/target.ts";
import { expectedBits } from "./retarget.ts";
import { medianTimePast, type Past } from "./time-bounds.ts";

export type HeaderCode =
  | "wrong-bits"
  | "bad-bits"
  | "easy-target"
  | "high-hash"
  | "time-too-old"
  /** The first block of a period lies far before its parent, or the last one before the first. */
  | "timewarp";

/** How far the first block of a period may lie before its parent, seconds (BIP 94). */
const TIMEWARP_GRACE_SECONDS = 600;

/**
 * @param hash of the header, which the caller has computed
 * @param past the branch up to the header's parent
 * @returns the first rule broken, with the values compared
 */
export function checkHeader(
  header: Header,
  hash: Hash,
  parameters: PowParameters,
  past: Past,
): Fault<HeaderCode> | undefined {
  const bits = expectedBits(parameters, past);
  if (header.bits !== bits) {
    return fault("wrong-bits", `bits ${showBits(header.bits)}, its ancestors ask for ${showBits(bits)}`);
  }
  return (
    checkProofOfWork(hash, bits, parameters.powLimitBits) ??
    checkTime(header.time, past) ??
    checkTimewarp(header.time, parameters, past)
  );
}

/**
 * The earliest time that {@link checkHeader} accepts in the block after `past`, in seconds since the Unix
 * epoch.
 */
export function earliestTime(parameters: PowParameters, past: Past): number {
  return Math.max(medianTimePast(past) + 1, timewarpFloor(parameters, past)?.time ?? 0);
}

/** The median of the last eleven blocks of `past` is before `time`. */
export function checkTime(time: number, past: Past): Fault<"time-too-old"> | undefined {
  const median = medianTimePast(past);
  if (time > median) return undefined;
  return fault("time-too-old", `time ${time} is not after ${median}, the median time of the blocks before`);
}

export function checkTimewarp(
  time: number,
  parameters: PowParameters,
  past: Past,
): Fault<"timewarp"> | undefined {
  const floor = timewarpFloor(parameters, past);
  if (floor === undefined || time >= floor.time) return undefined;
  return fault("timewarp", `time ${time} is before ${floor.time}, ${floor.why}`);
}

/** The height whose time {@link checkTimewarp} reads for the block at `height`, or undefined where it reads none. */
export function timewarpReads({ retarget }: PowParameters, height: bigint): bigint | undefined {
  if (retarget.rule !== "bitcoin" || !retarget.timewarpGuard) return undefined;
  const interval = BigInt(retarget.interval);
  if (height % interval === 0n) return height - 1n;
  return (height + 1n) % interval === 0n ? height + 1n - interval : undefined;
}

interface Floor {
  readonly time: number;
  readonly why: string;
}

/** The floor at the begin and at the end of a period: the two places whose times a majority could bend (pow.md 2.5). */
function timewarpFloor({ retarget }: PowParameters, past: Past): Floor | undefined {
  if (retarget.rule !== "bitcoin" || !retarget.timewarpGuard) return undefined;
  const interval = BigInt(retarget.interval);
  const height = past.height + 1n;
  if (height % interval === 0n) {
    const time = past.headerAt(past.height).time - TIMEWARP_GRACE_SECONDS;
    return { time, why: `${TIMEWARP_GRACE_SECONDS} s before the last block of the period before` };
  }
  if ((height + 1n) % interval !== 0n) return undefined;
  return { time: past.headerAt(height + 1n - interval).time, why: "the time of the period's first block" };
}
