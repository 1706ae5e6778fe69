// Arithmetic modulo p = 2^255 - 19, four elements at a time: one in each 32-bit lane of ten vectors. Limb i has 26 bits
// where i is even and 25 where it is odd, so that limb i counts 2^ceil(25.5 i). What is "k times loose" has limbs of at
// most k times their bits; products come out 1 time loose, but for a carry of a few units. A product of j and k times
// loose fits 64 bits while j * k <= 32; the second factor, of which multiples of 19 are taken in 32 bits, and the argument
// of a square may be 3 times loose. A difference adds 2p, so what is subtracted is once loose.
// Source: D. J. Bernstein, P. Schwabe, "NEON crypto", 4, the representation; docs/batch-verification.md has the bounds.
import { FE, HIGH, LOW, TIMES_19 } from "./layout";

@inline function limb(fe: usize, i: usize): v128 {
  return v128.load(fe + 16 * i);
}

@inline function setLimb(fe: usize, i: usize, value: v128): void {
  v128.store(fe + 16 * i, value);
}

/** Of limb i. */
@inline export function bits(i: i32): i32 {
  return 26 - (i & 1);
}

/** Limb i of 2p. */
@inline export function twiceP(i: i32): i32 {
  return i == 0 ? 0x7ffffda : (i & 1) == 0 ? 0x7fffffe : 0x3fffffe;
}

/** out = a + b, as loose as both together. */
export function add(out: usize, a: usize, b: usize): void {
  for (let i: usize = 0; i < 10; i++) setLimb(out, i, i32x4.add(limb(a, i), limb(b, i)));
}

/** out = a - b + 2p, loose by 2 more than a; b once loose. */
export function sub(out: usize, a: usize, b: usize): void {
  for (let i: usize = 0; i < 10; i++) {
    setLimb(out, i, i32x4.add(limb(a, i), i32x4.sub(i32x4.splat(twiceP(<i32>i)), limb(b, i))));
  }
}

export function copy(out: usize, a: usize): void {
  memory.copy(out, a, FE);
}

/** out = a, once loose but for some units, where a is up to 16 times loose. */
export function tighten(out: usize, a: usize): void {
  const last = limb(a, 9);
  let carry = i32x4.mul(i32x4.shr_u(last, 25), i32x4.splat(19));
  for (let i: usize = 0; i < 9; i++) {
    const value = limb(a, i);
    const mask = i32x4.splat((1 << bits(<i32>i)) - 1);
    setLimb(out, i, i32x4.add(v128.and(value, mask), carry));
    carry = i32x4.shr_u(value, bits(<i32>i));
  }
  setLimb(out, 9, i32x4.add(v128.and(last, i32x4.splat(0x1ffffff)), carry));
}

/** Products of the first two lanes or of the last two. */
@inline function x(a: v128, b: v128, high: bool): v128 {
  return high ? i64x2.extmul_high_i32x4_u(a, b) : i64x2.extmul_low_i32x4_u(a, b);
}

@inline function sum(a: v128, b: v128): v128 {
  return i64x2.add(a, b);
}

/** z + x(a, b). */
@inline function more(z: v128, a: v128, b: v128, high: bool): v128 {
  return i64x2.add(z, x(a, b, high));
}

@inline function low26(z: v128): v128 {
  return v128.and(z, i64x2.splat(0x3ffffff));
}

@inline function low25(z: v128): v128 {
  return v128.and(z, i64x2.splat(0x1ffffff));
}

/** Ten sums of 64 bits, carried: two chains that do not wait for one another. */
@inline function settle(
  out: usize, z0: v128, z1: v128, z2: v128, z3: v128, z4: v128, z5: v128, z6: v128, z7: v128, z8: v128, z9: v128,
): void {
  z1 = sum(z1, i64x2.shr_u(z0, 26)); z0 = low26(z0); z5 = sum(z5, i64x2.shr_u(z4, 26)); z4 = low26(z4);
  z2 = sum(z2, i64x2.shr_u(z1, 25)); z1 = low25(z1); z6 = sum(z6, i64x2.shr_u(z5, 25)); z5 = low25(z5);
  z3 = sum(z3, i64x2.shr_u(z2, 26)); z2 = low26(z2); z7 = sum(z7, i64x2.shr_u(z6, 26)); z6 = low26(z6);
  z4 = sum(z4, i64x2.shr_u(z3, 25)); z3 = low25(z3); z8 = sum(z8, i64x2.shr_u(z7, 25)); z7 = low25(z7);
  z5 = sum(z5, i64x2.shr_u(z4, 26)); z4 = low26(z4); z9 = sum(z9, i64x2.shr_u(z8, 26)); z8 = low26(z8);
  const top = i64x2.shr_u(z9, 25); z9 = low25(z9);
  z0 = sum(z0, sum(top, sum(i64x2.shl(top, 1), i64x2.shl(top, 4)))); // 19 times
  z1 = sum(z1, i64x2.shr_u(z0, 26)); z0 = low26(z0);
  v128.store(out, z0, 0); v128.store(out, z1, 16);
  v128.store(out, z2, 32); v128.store(out, z3, 48);
  v128.store(out, z4, 64); v128.store(out, z5, 80);
  v128.store(out, z6, 96); v128.store(out, z7, 112);
  v128.store(out, z8, 128); v128.store(out, z9, 144);
}

/** Both halves, whose values have 32 bits, into one. */
@inline function join(out: usize): void {
  joinLimb(out, 0); joinLimb(out, 1); joinLimb(out, 2); joinLimb(out, 3);
  joinLimb(out, 4); joinLimb(out, 5); joinLimb(out, 6); joinLimb(out, 7);
  joinLimb(out, 8); joinLimb(out, 9);
}

@inline function joinLimb(out: usize, i: usize): void {
  setLimb(out, i, v128.shuffle<u32>(limb(LOW, i), limb(HIGH, i), 0, 2, 4, 6));
}

/** Row i of the schoolbook: limb i of a times each of b; what passes 2^255 comes back 19 times. */
@inline function mulHalf(out: usize, a: usize, b: usize, high: bool): void {
  const a0 = v128.load(a, 0);
  let z0 = x(a0, v128.load(b, 0), high); let z1 = x(a0, v128.load(b, 16), high);
  let z2 = x(a0, v128.load(b, 32), high); let z3 = x(a0, v128.load(b, 48), high);
  let z4 = x(a0, v128.load(b, 64), high); let z5 = x(a0, v128.load(b, 80), high);
  let z6 = x(a0, v128.load(b, 96), high); let z7 = x(a0, v128.load(b, 112), high);
  let z8 = x(a0, v128.load(b, 128), high); let z9 = x(a0, v128.load(b, 144), high);
  const a1 = v128.load(a, 16), d1 = i32x4.shl(a1, 1);
  z0 = more(z0, d1, v128.load(TIMES_19, 144), high); z1 = more(z1, a1, v128.load(b, 0), high);
  z2 = more(z2, d1, v128.load(b, 16), high); z3 = more(z3, a1, v128.load(b, 32), high);
  z4 = more(z4, d1, v128.load(b, 48), high); z5 = more(z5, a1, v128.load(b, 64), high);
  z6 = more(z6, d1, v128.load(b, 80), high); z7 = more(z7, a1, v128.load(b, 96), high);
  z8 = more(z8, d1, v128.load(b, 112), high); z9 = more(z9, a1, v128.load(b, 128), high);
  const a2 = v128.load(a, 32);
  z0 = more(z0, a2, v128.load(TIMES_19, 128), high); z1 = more(z1, a2, v128.load(TIMES_19, 144), high);
  z2 = more(z2, a2, v128.load(b, 0), high); z3 = more(z3, a2, v128.load(b, 16), high);
  z4 = more(z4, a2, v128.load(b, 32), high); z5 = more(z5, a2, v128.load(b, 48), high);
  z6 = more(z6, a2, v128.load(b, 64), high); z7 = more(z7, a2, v128.load(b, 80), high);
  z8 = more(z8, a2, v128.load(b, 96), high); z9 = more(z9, a2, v128.load(b, 112), high);
  const a3 = v128.load(a, 48), d3 = i32x4.shl(a3, 1);
  z0 = more(z0, d3, v128.load(TIMES_19, 112), high); z1 = more(z1, a3, v128.load(TIMES_19, 128), high);
  z2 = more(z2, d3, v128.load(TIMES_19, 144), high); z3 = more(z3, a3, v128.load(b, 0), high);
  z4 = more(z4, d3, v128.load(b, 16), high); z5 = more(z5, a3, v128.load(b, 32), high);
  z6 = more(z6, d3, v128.load(b, 48), high); z7 = more(z7, a3, v128.load(b, 64), high);
  z8 = more(z8, d3, v128.load(b, 80), high); z9 = more(z9, a3, v128.load(b, 96), high);
  const a4 = v128.load(a, 64);
  z0 = more(z0, a4, v128.load(TIMES_19, 96), high); z1 = more(z1, a4, v128.load(TIMES_19, 112), high);
  z2 = more(z2, a4, v128.load(TIMES_19, 128), high); z3 = more(z3, a4, v128.load(TIMES_19, 144), high);
  z4 = more(z4, a4, v128.load(b, 0), high); z5 = more(z5, a4, v128.load(b, 16), high);
  z6 = more(z6, a4, v128.load(b, 32), high); z7 = more(z7, a4, v128.load(b, 48), high);
  z8 = more(z8, a4, v128.load(b, 64), high); z9 = more(z9, a4, v128.load(b, 80), high);
  const a5 = v128.load(a, 80), d5 = i32x4.shl(a5, 1);
  z0 = more(z0, d5, v128.load(TIMES_19, 80), high); z1 = more(z1, a5, v128.load(TIMES_19, 96), high);
  z2 = more(z2, d5, v128.load(TIMES_19, 112), high); z3 = more(z3, a5, v128.load(TIMES_19, 128), high);
  z4 = more(z4, d5, v128.load(TIMES_19, 144), high); z5 = more(z5, a5, v128.load(b, 0), high);
  z6 = more(z6, d5, v128.load(b, 16), high); z7 = more(z7, a5, v128.load(b, 32), high);
  z8 = more(z8, d5, v128.load(b, 48), high); z9 = more(z9, a5, v128.load(b, 64), high);
  const a6 = v128.load(a, 96);
  z0 = more(z0, a6, v128.load(TIMES_19, 64), high); z1 = more(z1, a6, v128.load(TIMES_19, 80), high);
  z2 = more(z2, a6, v128.load(TIMES_19, 96), high); z3 = more(z3, a6, v128.load(TIMES_19, 112), high);
  z4 = more(z4, a6, v128.load(TIMES_19, 128), high); z5 = more(z5, a6, v128.load(TIMES_19, 144), high);
  z6 = more(z6, a6, v128.load(b, 0), high); z7 = more(z7, a6, v128.load(b, 16), high);
  z8 = more(z8, a6, v128.load(b, 32), high); z9 = more(z9, a6, v128.load(b, 48), high);
  const a7 = v128.load(a, 112), d7 = i32x4.shl(a7, 1);
  z0 = more(z0, d7, v128.load(TIMES_19, 48), high); z1 = more(z1, a7, v128.load(TIMES_19, 64), high);
  z2 = more(z2, d7, v128.load(TIMES_19, 80), high); z3 = more(z3, a7, v128.load(TIMES_19, 96), high);
  z4 = more(z4, d7, v128.load(TIMES_19, 112), high); z5 = more(z5, a7, v128.load(TIMES_19, 128), high);
  z6 = more(z6, d7, v128.load(TIMES_19, 144), high); z7 = more(z7, a7, v128.load(b, 0), high);
  z8 = more(z8, d7, v128.load(b, 16), high); z9 = more(z9, a7, v128.load(b, 32), high);
  const a8 = v128.load(a, 128);
  z0 = more(z0, a8, v128.load(TIMES_19, 32), high); z1 = more(z1, a8, v128.load(TIMES_19, 48), high);
  z2 = more(z2, a8, v128.load(TIMES_19, 64), high); z3 = more(z3, a8, v128.load(TIMES_19, 80), high);
  z4 = more(z4, a8, v128.load(TIMES_19, 96), high); z5 = more(z5, a8, v128.load(TIMES_19, 112), high);
  z6 = more(z6, a8, v128.load(TIMES_19, 128), high); z7 = more(z7, a8, v128.load(TIMES_19, 144), high);
  z8 = more(z8, a8, v128.load(b, 0), high); z9 = more(z9, a8, v128.load(b, 16), high);
  const a9 = v128.load(a, 144), d9 = i32x4.shl(a9, 1);
  z0 = more(z0, d9, v128.load(TIMES_19, 16), high); z1 = more(z1, a9, v128.load(TIMES_19, 32), high);
  z2 = more(z2, d9, v128.load(TIMES_19, 48), high); z3 = more(z3, a9, v128.load(TIMES_19, 64), high);
  z4 = more(z4, d9, v128.load(TIMES_19, 80), high); z5 = more(z5, a9, v128.load(TIMES_19, 96), high);
  z6 = more(z6, d9, v128.load(TIMES_19, 112), high); z7 = more(z7, a9, v128.load(TIMES_19, 128), high);
  z8 = more(z8, d9, v128.load(TIMES_19, 144), high); z9 = more(z9, a9, v128.load(b, 0), high);
  settle(out, z0, z1, z2, z3, z4, z5, z6, z7, z8, z9);
}

function mulLow(a: usize, b: usize): void {
  mulHalf(LOW, a, b, false);
}

function mulHigh(a: usize, b: usize): void {
  mulHalf(HIGH, a, b, true);
}

@inline function times19(b: usize): void {
  limbTimes19(b, 1); limbTimes19(b, 2); limbTimes19(b, 3); limbTimes19(b, 4);
  limbTimes19(b, 5); limbTimes19(b, 6); limbTimes19(b, 7); limbTimes19(b, 8);
  limbTimes19(b, 9);
}

/** 16 + 2 + 1 times: vectors have no quick product of 32 bits. */
@inline function limbTimes19(b: usize, i: usize): void {
  const value = limb(b, i);
  setLimb(TIMES_19, i, i32x4.add(i32x4.shl(value, 4), i32x4.add(i32x4.shl(value, 1), value)));
}

/** out = a * b. */
export function mul(out: usize, a: usize, b: usize): void {
  times19(b);
  mulLow(a, b);
  mulHigh(a, b);
  join(out);
}

/** As mulHalf, with what occurs twice computed once. */
@inline function sqrHalf(out: usize, a: usize, high: bool): void {
  const a0 = v128.load(a, 0), d0 = i32x4.shl(a0, 1);
  let z0 = x(a0, a0, high); let z1 = x(d0, v128.load(a, 16), high);
  let z2 = x(d0, v128.load(a, 32), high); let z3 = x(d0, v128.load(a, 48), high);
  let z4 = x(d0, v128.load(a, 64), high); let z5 = x(d0, v128.load(a, 80), high);
  let z6 = x(d0, v128.load(a, 96), high); let z7 = x(d0, v128.load(a, 112), high);
  let z8 = x(d0, v128.load(a, 128), high); let z9 = x(d0, v128.load(a, 144), high);
  const a1 = v128.load(a, 16), d1 = i32x4.shl(a1, 1), q1 = i32x4.shl(a1, 2);
  z2 = more(z2, d1, a1, high); z3 = more(z3, d1, v128.load(a, 32), high);
  z4 = more(z4, q1, v128.load(a, 48), high); z5 = more(z5, d1, v128.load(a, 64), high);
  z6 = more(z6, q1, v128.load(a, 80), high); z7 = more(z7, d1, v128.load(a, 96), high);
  z8 = more(z8, q1, v128.load(a, 112), high); z9 = more(z9, d1, v128.load(a, 128), high);
  z0 = more(z0, q1, v128.load(TIMES_19, 144), high);
  const a2 = v128.load(a, 32), d2 = i32x4.shl(a2, 1);
  z4 = more(z4, a2, a2, high); z5 = more(z5, d2, v128.load(a, 48), high);
  z6 = more(z6, d2, v128.load(a, 64), high); z7 = more(z7, d2, v128.load(a, 80), high);
  z8 = more(z8, d2, v128.load(a, 96), high); z9 = more(z9, d2, v128.load(a, 112), high);
  z0 = more(z0, d2, v128.load(TIMES_19, 128), high); z1 = more(z1, d2, v128.load(TIMES_19, 144), high);
  const a3 = v128.load(a, 48), d3 = i32x4.shl(a3, 1), q3 = i32x4.shl(a3, 2);
  z6 = more(z6, d3, a3, high); z7 = more(z7, d3, v128.load(a, 64), high);
  z8 = more(z8, q3, v128.load(a, 80), high); z9 = more(z9, d3, v128.load(a, 96), high);
  z0 = more(z0, q3, v128.load(TIMES_19, 112), high); z1 = more(z1, d3, v128.load(TIMES_19, 128), high);
  z2 = more(z2, q3, v128.load(TIMES_19, 144), high);
  const a4 = v128.load(a, 64), d4 = i32x4.shl(a4, 1);
  z8 = more(z8, a4, a4, high); z9 = more(z9, d4, v128.load(a, 80), high);
  z0 = more(z0, d4, v128.load(TIMES_19, 96), high); z1 = more(z1, d4, v128.load(TIMES_19, 112), high);
  z2 = more(z2, d4, v128.load(TIMES_19, 128), high); z3 = more(z3, d4, v128.load(TIMES_19, 144), high);
  const a5 = v128.load(a, 80), d5 = i32x4.shl(a5, 1), q5 = i32x4.shl(a5, 2);
  z0 = more(z0, d5, v128.load(TIMES_19, 80), high); z1 = more(z1, d5, v128.load(TIMES_19, 96), high);
  z2 = more(z2, q5, v128.load(TIMES_19, 112), high); z3 = more(z3, d5, v128.load(TIMES_19, 128), high);
  z4 = more(z4, q5, v128.load(TIMES_19, 144), high);
  const a6 = v128.load(a, 96), d6 = i32x4.shl(a6, 1);
  z2 = more(z2, a6, v128.load(TIMES_19, 96), high); z3 = more(z3, d6, v128.load(TIMES_19, 112), high);
  z4 = more(z4, d6, v128.load(TIMES_19, 128), high); z5 = more(z5, d6, v128.load(TIMES_19, 144), high);
  const a7 = v128.load(a, 112), d7 = i32x4.shl(a7, 1), q7 = i32x4.shl(a7, 2);
  z4 = more(z4, d7, v128.load(TIMES_19, 112), high); z5 = more(z5, d7, v128.load(TIMES_19, 128), high);
  z6 = more(z6, q7, v128.load(TIMES_19, 144), high);
  const a8 = v128.load(a, 128), d8 = i32x4.shl(a8, 1);
  z6 = more(z6, a8, v128.load(TIMES_19, 128), high); z7 = more(z7, d8, v128.load(TIMES_19, 144), high);
  const a9 = v128.load(a, 144), d9 = i32x4.shl(a9, 1), q9 = i32x4.shl(a9, 2);
  z8 = more(z8, d9, v128.load(TIMES_19, 144), high);
  settle(out, z0, z1, z2, z3, z4, z5, z6, z7, z8, z9);
}

function sqrLow(a: usize): void {
  sqrHalf(LOW, a, false);
}

function sqrHigh(a: usize): void {
  sqrHalf(HIGH, a, true);
}

/** out = a * a. */
export function sqr(out: usize, a: usize): void {
  times19(a);
  sqrLow(a);
  sqrHigh(a);
  join(out);
}

/** out = a^(2^times), times >= 1. */
export function sqrTimes(out: usize, a: usize, times: i32): void {
  sqr(out, a);
  for (let i = 1; i < times; i++) sqr(out, out);
}

/** Each limb times a constant of each lane below 2^19: the factors of point.ts. a up to 3 times loose. */
@inline function scaleHalf(out: usize, a: usize, high: bool): void {
  const by = i32x4(121666, 121666, 243332, 243330);
  settle(
    out,
    x(v128.load(a), by, high), x(v128.load(a, 16), by, high), x(v128.load(a, 32), by, high),
    x(v128.load(a, 48), by, high), x(v128.load(a, 64), by, high), x(v128.load(a, 80), by, high),
    x(v128.load(a, 96), by, high), x(v128.load(a, 112), by, high), x(v128.load(a, 128), by, high),
    x(v128.load(a, 144), by, high),
  );
}

/** out = a with its lanes times 121666, 121666, 2 * 121666 and 2 * 121665. */
export function scale(out: usize, a: usize): void {
  scaleHalf(LOW, a, false);
  scaleHalf(HIGH, a, true);
  join(out);
}
