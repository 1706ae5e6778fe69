// Encodings of points and field elements. Points decode as ZIP-215 has it: any 32 bytes whose y has an x on the curve,
// y >= p and the encoding of "minus zero" included. Four at a time, since most of it is one long power.
// Source: RFC 8032, 5.1.3; ZIP-215; the chain of the power from D. J. Bernstein's "ref10".
import { add, bits, mul, sqr, sqrTimes, sub, tighten, twiceP } from "./field";
import {
  D, ENCODED, FE, ONE, POINT, POWER_0, POWER_1, POWER_2, ROOT_MINUS_1, U, V, W, X, Y,
} from "./layout";
import { cache } from "./point";

/** 32 bytes, little-endian, at `at` into one lane; the highest bit is not read. */
export function loadLane(fe: usize, lane: usize, at: usize): void {
  const w0 = load<u64>(at), w1 = load<u64>(at, 8), w2 = load<u64>(at, 16), w3 = load<u64>(at, 24);
  const to = fe + 4 * lane;
  store<u32>(to, <u32>w0 & 0x3ffffff);
  store<u32>(to, <u32>(w0 >> 26) & 0x1ffffff, 16);
  store<u32>(to, <u32>((w0 >> 51) | (w1 << 13)) & 0x3ffffff, 32);
  store<u32>(to, <u32>(w1 >> 13) & 0x1ffffff, 48);
  store<u32>(to, <u32>(w1 >> 38), 64);
  store<u32>(to, <u32>w2 & 0x1ffffff, 80);
  store<u32>(to, <u32>(w2 >> 25) & 0x3ffffff, 96);
  store<u32>(to, <u32>((w2 >> 51) | (w3 << 13)) & 0x1ffffff, 112);
  store<u32>(to, <u32>(w3 >> 12) & 0x3ffffff, 128);
  store<u32>(to, <u32>(w3 >> 38) & 0x1ffffff, 144);
}

/** The canonical 32 bytes of one lane, up to 32 times loose, at ENCODED. */
export function encodeLane(fe: usize, lane: usize): void {
  const from = fe + 4 * lane;
  let carry: u64 = 0;
  // Three times around leave less than 2^255; the fourth takes p off if it is in it, as 19 more modulo 2^255.
  for (let round = 0; round < 4; round++) {
    carry *= 19;
    if (round == 3) carry = exceedsP() ? 19 : 0;
    for (let i = 0; i < 10; i++) {
      const at = ENCODED + 64 + 8 * <usize>i;
      carry += round == 0 ? <u64>load<u32>(from + 16 * <usize>i) : load<u64>(at);
      store<u64>(at, carry & ((1 << bits(i)) - 1));
      carry >>= bits(i);
    }
  }
  pack();
}

/** Whether the limbs make p or more, where they are less than 2^255: 19 more would pass 2^255. */
function exceedsP(): bool {
  let carry: u64 = 19;
  for (let i = 0; i < 10; i++) carry = (load<u64>(ENCODED + 64 + 8 * <usize>i) + carry) >> bits(i);
  return carry != 0;
}

function pack(): void {
  let word: u64 = 0, filled: u64 = 0, out = ENCODED;
  for (let i = 0; i < 10; i++) {
    const value = load<u64>(ENCODED + 64 + 8 * <usize>i);
    word |= value << filled;
    filled += bits(i);
    if (filled < 64) continue;
    store<u64>(out, word);
    out += 8;
    filled -= 64;
    word = filled == 0 ? 0 : value >> (<u64>bits(i) - filled);
  }
  store<u64>(out, word);
}

/** Whether a lane is 0 modulo p. Writes ENCODED. */
export function isZeroLane(fe: usize, lane: usize): bool {
  encodeLane(fe, lane);
  return (load<u64>(ENCODED) | load<u64>(ENCODED, 8) | load<u64>(ENCODED, 16) | load<u64>(ENCODED, 24)) == 0;
}

/** out = z^(2^252 - 3) */
function powerForRoot(out: usize, z: usize): void {
  sqr(POWER_0, z);
  sqrTimes(POWER_1, POWER_0, 2);
  mul(POWER_1, z, POWER_1); // 9
  mul(POWER_0, POWER_0, POWER_1); // 11
  sqr(POWER_0, POWER_0);
  mul(POWER_0, POWER_1, POWER_0); // 2^5 - 1
  sqrTimes(POWER_1, POWER_0, 5);
  mul(POWER_0, POWER_1, POWER_0); // 2^10 - 1
  sqrTimes(POWER_1, POWER_0, 10);
  mul(POWER_1, POWER_1, POWER_0); // 2^20 - 1
  sqrTimes(POWER_2, POWER_1, 20);
  mul(POWER_1, POWER_2, POWER_1); // 2^40 - 1
  sqrTimes(POWER_1, POWER_1, 10);
  mul(POWER_0, POWER_1, POWER_0); // 2^50 - 1
  sqrTimes(POWER_1, POWER_0, 50);
  mul(POWER_1, POWER_1, POWER_0); // 2^100 - 1
  sqrTimes(POWER_2, POWER_1, 100);
  mul(POWER_1, POWER_2, POWER_1); // 2^200 - 1
  sqrTimes(POWER_1, POWER_1, 50);
  mul(POWER_0, POWER_1, POWER_0); // 2^250 - 1
  sqrTimes(POWER_0, POWER_0, 2);
  mul(out, POWER_0, z);
}

/**
 * Decodes four encodings of 32 bytes, `step` apart from `at`, to points at `out`. Returns a mask of those that are points;
 * at the others' places nothing is to be read.
 */
export function decode4(at: usize, step: usize, out: usize): i32 {
  for (let lane: usize = 0; lane < 4; lane++) loadLane(Y, lane, at + lane * step);
  candidateRoot();
  let decoded = 0;
  sqr(W, X);
  mul(W, V, W); // v x^2 is u, -u, or neither
  sub(POWER_0, W, U);
  add(POWER_1, W, U);
  mul(POWER_2, X, ROOT_MINUS_1);
  for (let lane: usize = 0; lane < 4; lane++) {
    if (!isZeroLane(POWER_0, lane)) {
      if (!isZeroLane(POWER_1, lane)) continue;
      copyLane(X, POWER_2, lane);
    }
    decoded |= 1 << <i32>lane;
    encodeLane(X, lane);
    if ((load<u8>(ENCODED) & 1) != load<u8>(at + lane * step, 31) >> 7) negateLane(X, lane);
  }
  tighten(X, X);
  mul(W, X, Y);
  for (let lane: usize = 0; lane < 4; lane++) storePoint(out + lane * POINT, lane);
  return decoded;
}

/** U = y^2 - 1, V = d y^2 + 1, X = u v^3 (u v^7)^((p-5)/8): a root of u/v, or sqrt(-1) times one, if there is any. */
function candidateRoot(): void {
  sqr(W, Y);
  mul(V, W, D);
  sub(U, W, ONE);
  tighten(U, U);
  add(V, V, ONE);
  tighten(V, V);
  sqr(W, V);
  mul(W, W, V);
  mul(X, U, W); // u v^3
  sqr(W, W);
  mul(W, V, W);
  mul(W, U, W); // u v^7
  powerForRoot(W, W);
  mul(X, X, W);
}

function copyLane(out: usize, from: usize, lane: usize): void {
  for (let at: usize = 4 * lane; at < FE; at += 16) store<u32>(out + at, load<u32>(from + at));
}

/** Three times loose where it was once. */
function negateLane(fe: usize, lane: usize): void {
  for (let i = 0; i < 10; i++) {
    const at = fe + 16 * <usize>i + 4 * lane;
    store<u32>(at, twiceP(i) - load<u32>(at));
  }
}

/** The point of one lane of X, Y and W = XY. */
function storePoint(out: usize, lane: usize): void {
  for (let at: usize = 0; at < FE; at += 16) {
    store<u32>(out + at, load<u32>(X + at + 4 * lane));
    store<u32>(out + at, load<u32>(Y + at + 4 * lane), 4);
    store<u32>(out + at, at == 0 ? 1 : 0, 8);
    store<u32>(out + at, load<u32>(W + at + 4 * lane), 12);
  }
  cache(out + FE, out);
}

/** out = four times the same 32 bytes. */
export function setConstant(out: usize, at: usize): void {
  for (let lane: usize = 0; lane < 4; lane++) loadLane(out, lane, at);
}
