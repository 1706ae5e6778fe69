/**
 * Targets: the compact form ("bits") in both directions, the work that a target stands for, and whether a hash meets
 * it. Bits are u32 as numbers, targets and work are bigints; a hash counts as a little-endian integer, so its display
 * (byte-reversed) is the number as people write it. Nothing here knows heights or times.
 * Source: pow.md 2.1 to 2.3; the compact form and its odd cases are Bitcoin's.
 */
import { type Hash, hex, showHash } from "../../base/bytes.ts";
import { accept, type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";

/** What compact bits say. A value of 256 bits or more has no use here and is not computed. */
export type Compact =
  | { readonly kind: "target"; readonly target: bigint }
  /** The sign bit is set and the value is not 0. */
  | { readonly kind: "negative"; readonly magnitude: bigint }
  | { readonly kind: "overflow" };

/** The target of difficulty 1: Bitcoin's easiest. */
const DIFFICULTY_ONE_BITS = 0x1d00ffff;

/** @param bits u32: exponent (bytes of the number) 8 bits | sign 1 bit | mantissa 23 bits */
export function decodeCompact(bits: number): Compact {
  const exponent = bits >>> 24;
  const mantissa = mantissaOf(bits);
  // Below 2^256 the mantissa's last byte must lie within the 32 bytes.
  if (mantissa !== 0 && exponent + byteLength(mantissa) - 3 > 32) return { kind: "overflow" };
  const magnitude = exponent <= 3 ? BigInt(mantissa) : BigInt(mantissa) << BigInt(8 * (exponent - 3));
  const negative = (bits & 0x800000) !== 0 && mantissa !== 0;
  return negative ? { kind: "negative", magnitude } : { kind: "target", target: magnitude };
}

/** The mantissa. What an exponent below 3 shifts out is gone. */
function mantissaOf(bits: number): number {
  const exponent = bits >>> 24;
  const mantissa = bits & 0x7fffff;
  return exponent < 3 ? mantissa >>> (8 * (3 - exponent)) : mantissa;
}

function byteLength(mantissa: number): number {
  return mantissa > 0xffff ? 3 : mantissa > 0xff ? 2 : 1;
}

/** The target of bits that were checked before. @throws RangeError when they are negative or overflow. */
export function targetOf(bits: number): bigint {
  const compact = decodeCompact(bits);
  if (compact.kind === "target") return compact.target;
  throw new RangeError(`bits ${showBits(bits)} are no target: ${compact.kind}`);
}

/**
 * The bits of a target: its three highest bytes, the rest is cut off. The result decodes to at most `target`.
 * @param target 0 up to 2^256 - 1
 */
export function compactOf(target: bigint): number {
  if (target < 0n || target >> 256n !== 0n) throw new RangeError(`no target of 256 bits: ${target}`);
  let length = Math.ceil(target.toString(16).length / 2);
  if (target === 0n) length = 0;
  const excess = BigInt(8 * (length - 3));
  let mantissa = Number(excess >= 0n ? target >> excess : target << -excess);
  // The highest mantissa bit is the sign.
  if (mantissa > 0x7fffff) {
    mantissa >>>= 8;
    length += 1;
  }
  return ((length << 24) | mantissa) >>> 0;
}

/** Expected hashes until one meets the target: floor(2^256 / (target + 1)). */
export function workOfTarget(target: bigint): bigint {
  return (1n << 256n) / (target + 1n);
}

/** The work of a block with these bits, checked before. */
export function workOf(bits: number): bigint {
  return workOfTarget(targetOf(bits));
}

/** How many times harder than Bitcoin's easiest target, for display. Infinity for a target of 0. */
export function difficultyOf(bits: number): number {
  return Number(targetOf(DIFFICULTY_ONE_BITS)) / Number(targetOf(bits));
}

/** A hash as the number that is compared with the target. */
export function hashAsInteger(hash: Hash): bigint {
  return BigInt(showHash(hash));
}

/** Bits that some block may have: a target of at least 1, not easier than the limit. */
export function checkBits(bits: number, powLimitBits: number): Verdict<bigint, "bad-bits" | "easy-target"> {
  const compact = decodeCompact(bits);
  if (compact.kind !== "target")
    return refuse("bad-bits", `bits ${showBits(bits)} are ${SAID[compact.kind]}`);
  if (compact.target === 0n) return refuse("bad-bits", `bits ${showBits(bits)} are a target of 0`);
  if (compact.target <= targetOf(powLimitBits)) return accept(compact.target);
  return refuse(
    "easy-target",
    `bits ${showBits(bits)} are an easier target than the limit ${showBits(powLimitBits)}`,
  );
}

const SAID = { negative: "a negative number", overflow: "a number of more than 256 bits" } as const;

/**
 * Whether a hash is at most the target, for bits that passed {@link checkBits}. It compares bytes with the mantissa,
 * because a header check does this for every header and bigints would take a third of its time (measured).
 */
export function meetsTarget(hash: Hash, bits: number): boolean {
  const mantissa = mantissaOf(bits);
  // The mantissa's three bytes lie at low, low + 1, low + 2 of the little-endian number.
  const low = Math.max(0, (bits >>> 24) - 3);
  for (let i = 31; i > low + 2; i--) if (hash[i] !== 0) return false;
  const top = (byteOrZero(hash, low + 2) << 16) | (byteOrZero(hash, low + 1) << 8) | byteOrZero(hash, low);
  if (top !== mantissa) return top < mantissa;
  for (let i = low - 1; i >= 0; i--) if (hash[i] !== 0) return false;
  return true;
}

function byteOrZero(hash: Hash, index: number): number {
  return hash[index] ?? 0;
}

/** The proof of work: bits that a block may have, and a hash that is at most their target (pow.md 2.1). */
export function checkProofOfWork(
  hash: Hash,
  bits: number,
  powLimitBits: number,
): Fault<"bad-bits" | "easy-target" | "high-hash"> | undefined {
  const target = checkBits(bits, powLimitBits);
  if (!target.ok) return target.fault;
  if (meetsTarget(hash, bits)) return undefined;
  return fault(
    "high-hash",
    `hash ${showHash(hash)} is above the target ${showTarget(target.value)} of bits ${showBits(bits)}`,
  );
}

/** 1d00ffff: eight hex digits, as bits are written everywhere. */
export function showBits(bits: number): string {
  return hex(Uint8Array.of(bits >>> 24, bits >>> 16, bits >>> 8, bits));
}

/** 0x and 64 hex digits, to be compared with a shown hash by eye. */
export function showTarget(target: bigint): string {
  return `0x${target.toString(16).padStart(64, "0")}`;
}
