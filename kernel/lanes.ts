// Double SHA-256 of four headers at once that differ in the nonce alone: one lane of a vector each. What no nonce
// changes is computed before (prepareLanes): the midstate, the first three rounds, the second block's constant words.
// Of the last hash only its last word is computed, the most significant of the integer that is compared.
//
// Schedules and rounds are loops over tables in memory on purpose: their machine code fits the processor's caches of
// decoded instructions, and was faster than rounds mixed with their schedule (measured). The working variables stay
// in registers: eight rounds rename them once around. Source: FIPS 180-4, 6.2.2; names as there.
import {
  DIGEST_W17, DIGEST_W23, DIGEST_W30, FIRST, FIRST_END, FIRST_START, HEADER, MIDSTATE, ROUND_KEYS, SCRATCH, SECOND,
  SECOND_END, SECOND_START, STATE, W18, W19, W30, W31,
} from "./layout";
import * as scalar from "./scalar";

const LANES: usize = 16;

@inline function lanes(base: usize, index: usize): v128 {
  return v128.load(base + index * LANES);
}

@inline function setLanes(base: usize, index: usize, value: v128): void {
  v128.store(base + index * LANES, value);
}

@inline function setAll(base: usize, index: usize, value: u32): void {
  setLanes(base, index, i32x4.splat(value));
}

@inline function add(x: v128, y: v128): v128 {
  return i32x4.add(x, y);
}

@inline function xor(x: v128, y: v128): v128 {
  return v128.xor(x, y);
}

@inline function rotate(x: v128, right: i32): v128 {
  return v128.or(i32x4.shr_u(x, right), i32x4.shl(x, 32 - right));
}

@inline function sigma0(w: v128): v128 {
  return xor(xor(rotate(w, 7), rotate(w, 18)), i32x4.shr_u(w, 3));
}

@inline function sigma1(w: v128): v128 {
  return xor(xor(rotate(w, 17), rotate(w, 19)), i32x4.shr_u(w, 10));
}

/** T1 of round t. */
@inline function first(e: v128, f: v128, g: v128, h: v128, words: usize, keys: usize, t: usize): v128 {
  const sum = add(h, add(lanes(words, t), lanes(keys, t)));
  const choice = xor(g, v128.and(e, xor(f, g)));
  return add(add(sum, choice), xor(xor(rotate(e, 6), rotate(e, 11)), rotate(e, 25)));
}

/** T2. The majority is b where a and b or b and c agree, else a; b ^ c is the round before's a ^ b. */
@inline function second(a: v128, b: v128, ab: v128, bc: v128): v128 {
  return add(xor(b, v128.and(ab, bc)), xor(xor(rotate(a, 2), rotate(a, 13)), rotate(a, 22)));
}

/** 56 rounds on STATE from the one whose word and key are at `words` and `keys`. */
function rounds56(words: usize, keys: usize): void {
  let a = lanes(STATE, 0), b = lanes(STATE, 1), c = lanes(STATE, 2), d = lanes(STATE, 3);
  let e = lanes(STATE, 4), f = lanes(STATE, 5), g = lanes(STATE, 6), h = lanes(STATE, 7);
  let x = xor(b, c), y = x;
  for (const end = words + 56 * LANES; words < end; words += 8 * LANES, keys += 8 * LANES) {
    h = first(e, f, g, h, words, keys, 0); d = add(d, h); y = xor(a, b); h = add(h, second(a, b, y, x));
    g = first(d, e, f, g, words, keys, 1); c = add(c, g); x = xor(h, a); g = add(g, second(h, a, x, y));
    f = first(c, d, e, f, words, keys, 2); b = add(b, f); y = xor(g, h); f = add(f, second(g, h, y, x));
    e = first(b, c, d, e, words, keys, 3); a = add(a, e); x = xor(f, g); e = add(e, second(f, g, x, y));
    d = first(a, b, c, d, words, keys, 4); h = add(h, d); y = xor(e, f); d = add(d, second(e, f, y, x));
    c = first(h, a, b, c, words, keys, 5); g = add(g, c); x = xor(d, e); c = add(c, second(d, e, x, y));
    b = first(g, h, a, b, words, keys, 6); f = add(f, b); y = xor(c, d); b = add(b, second(c, d, y, x));
    a = first(f, g, h, a, words, keys, 7); e = add(e, a); x = xor(b, c); a = add(a, second(b, c, x, y));
  }
  setLanes(STATE, 0, a); setLanes(STATE, 1, b); setLanes(STATE, 2, c); setLanes(STATE, 3, d);
  setLanes(STATE, 4, e); setLanes(STATE, 5, f); setLanes(STATE, 6, g); setLanes(STATE, 7, h);
}

/** Rounds 60 to 63 of the first hash on STATE. */
function finishFirst(): void {
  let a = lanes(STATE, 0), b = lanes(STATE, 1), c = lanes(STATE, 2), d = lanes(STATE, 3);
  let e = lanes(STATE, 4), f = lanes(STATE, 5), g = lanes(STATE, 6), h = lanes(STATE, 7);
  h = first(e, f, g, h, FIRST, ROUND_KEYS, 60); d = add(d, h); h = add(h, second(a, b, xor(a, b), xor(b, c)));
  g = first(d, e, f, g, FIRST, ROUND_KEYS, 61); c = add(c, g); g = add(g, second(h, a, xor(h, a), xor(a, b)));
  f = first(c, d, e, f, FIRST, ROUND_KEYS, 62); b = add(b, f); f = add(f, second(g, h, xor(g, h), xor(h, a)));
  e = first(b, c, d, e, FIRST, ROUND_KEYS, 63); a = add(a, e); e = add(e, second(f, g, xor(f, g), xor(g, h)));
  // Four rounds rename half around.
  setLanes(STATE, 0, e); setLanes(STATE, 1, f); setLanes(STATE, 2, g); setLanes(STATE, 3, h);
  setLanes(STATE, 4, a); setLanes(STATE, 5, b); setLanes(STATE, 6, c); setLanes(STATE, 7, d);
}

/** Rounds 57 to 60 of the second hash: its last word is e of round 60, three rounds later called h. */
function finishSecond(): v128 {
  const a = lanes(STATE, 0), b = lanes(STATE, 1), c = lanes(STATE, 2), d = lanes(STATE, 3);
  const e = lanes(STATE, 4), f = lanes(STATE, 5), g = lanes(STATE, 6), h = lanes(STATE, 7);
  const e57 = add(d, first(e, f, g, h, SECOND, ROUND_KEYS, 57));
  const e58 = add(c, first(e57, e, f, g, SECOND, ROUND_KEYS, 58));
  const e59 = add(b, first(e58, e57, e, f, SECOND, ROUND_KEYS, 59));
  const e60 = add(a, first(e59, e58, e57, e, SECOND, ROUND_KEYS, 60));
  return add(lanes(SECOND_END, 7), e60);
}

/** W of any t >= 16. */
@inline function expand(words: usize, t: usize): void {
  const near = add(sigma1(lanes(words, t - 2)), lanes(words, t - 7));
  setLanes(words, t, add(near, add(sigma0(lanes(words, t - 15)), lanes(words, t - 16))));
}

/** W of 32 to 59. */
function expandLater(words: usize): void {
  for (const end = words + 28 * LANES; words < end; words += 4 * LANES) {
    expand(words, 32);
    expand(words, 33);
    expand(words, 34);
    expand(words, 35);
  }
}

/** Words 18 to 63 of the header's second block, of which 3 alone varies; 5 to 14 are zero. */
function expandFirst(): void {
  setLanes(FIRST, 18, add(v128.load(W18), sigma0(lanes(FIRST, 3))));
  setLanes(FIRST, 19, add(v128.load(W19), lanes(FIRST, 3)));
  setLanes(FIRST, 20, add(sigma1(lanes(FIRST, 18)), lanes(FIRST, 4)));
  setLanes(FIRST, 21, sigma1(lanes(FIRST, 19)));
  for (let t: usize = 22; t < 30; t++) {
    setLanes(FIRST, t, add(sigma1(lanes(FIRST, t - 2)), lanes(FIRST, t - 7)));
  }
  setLanes(FIRST, 30, add(v128.load(W30), add(sigma1(lanes(FIRST, 28)), lanes(FIRST, 23))));
  setLanes(FIRST, 31, add(v128.load(W31), add(sigma1(lanes(FIRST, 29)), lanes(FIRST, 24))));
  expandLater(FIRST);
  expand(FIRST, 60);
  expand(FIRST, 61);
  expand(FIRST, 62);
  expand(FIRST, 63);
}

/** Words 16 to 60 of the block around the digest, which is words 0 to 7; 9 to 14 are zero. */
function expandSecond(): void {
  setLanes(SECOND, 16, add(sigma0(lanes(SECOND, 1)), lanes(SECOND, 0)));
  setLanes(SECOND, 17, add(v128.load(DIGEST_W17), add(sigma0(lanes(SECOND, 2)), lanes(SECOND, 1))));
  for (let t: usize = 18; t < 22; t++) {
    const far = add(sigma0(lanes(SECOND, t - 15)), lanes(SECOND, t - 16));
    setLanes(SECOND, t, add(sigma1(lanes(SECOND, t - 2)), far));
  }
  expand(SECOND, 22);
  const far23 = add(v128.load(DIGEST_W23), lanes(SECOND, 7));
  setLanes(SECOND, 23, add(far23, add(sigma1(lanes(SECOND, 21)), lanes(SECOND, 16))));
  setLanes(SECOND, 24, add(lanes(SECOND, 8), add(sigma1(lanes(SECOND, 22)), lanes(SECOND, 17))));
  for (let t: usize = 25; t < 30; t++) {
    setLanes(SECOND, t, add(sigma1(lanes(SECOND, t - 2)), lanes(SECOND, t - 7)));
  }
  setLanes(SECOND, 30, add(v128.load(DIGEST_W30), add(sigma1(lanes(SECOND, 28)), lanes(SECOND, 23))));
  expand(SECOND, 31);
  expandLater(SECOND);
  expand(SECOND, 60);
}

/** Working variables after the round of the first word that varies: prepared for the word 0, which two sums take in. */
@inline function begin(start: usize, varying: v128): void {
  for (let i: usize = 0; i < 8; i++) setLanes(STATE, i, lanes(start, i));
  setLanes(STATE, 0, add(lanes(start, 0), varying));
  setLanes(STATE, 4, add(lanes(start, 4), varying));
}

/** Swaps the bytes of every word. */
@inline function swap(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/** The most significant 32 bits of the double hashes, as little-endian integers, of the headers with these nonces. */
@inline export function hashLanes(nonces: v128): v128 {
  setLanes(FIRST, 3, swap(nonces));
  expandFirst();
  begin(FIRST_START, lanes(FIRST, 3));
  rounds56(FIRST + 4 * LANES, ROUND_KEYS + 4 * LANES);
  finishFirst();
  for (let i: usize = 0; i < 8; i++) setLanes(SECOND, i, add(lanes(FIRST_END, i), lanes(STATE, i)));
  expandSecond();
  begin(SECOND_START, lanes(SECOND, 0));
  rounds56(SECOND + LANES, ROUND_KEYS + LANES);
  return swap(finishSecond());
}

/** Everything that is the same for all nonces of the header. The midstate is computed already. */
export function prepareLanes(): void {
  for (let t: usize = 0; t < 64; t++) setAll(ROUND_KEYS, t, scalar.word(scalar.constants, t));
  for (let i: usize = 0; i < 8; i++) {
    setAll(FIRST_END, i, scalar.word(MIDSTATE, i));
    setAll(SECOND_END, i, scalar.word(scalar.initial, i));
  }
  prepareFirst();
  prepareSecond();
}

function prepareFirst(): void {
  const w0 = bswap(scalar.word(HEADER, 16)), w1 = bswap(scalar.word(HEADER, 17)), w2 = bswap(scalar.word(HEADER, 18));
  const w16 = scalar.sigma0(w1) + w0;
  const w17 = scalar.sigma1(scalar.HEADER_BITS) + scalar.sigma0(w2) + w1;
  setAll(FIRST, 4, scalar.STOP_BIT);
  for (let t: usize = 5; t < 15; t++) setAll(FIRST, t, 0);
  setAll(FIRST, 15, scalar.HEADER_BITS);
  setAll(FIRST, 16, w16);
  setAll(FIRST, 17, w17);
  setAll(W18, 0, scalar.sigma1(w16) + w2);
  setAll(W19, 0, scalar.sigma1(w17) + scalar.sigma0(scalar.STOP_BIT));
  setAll(W30, 0, scalar.sigma0(scalar.HEADER_BITS));
  setAll(W31, 0, scalar.sigma0(w16) + scalar.HEADER_BITS);
  memory.copy(SCRATCH, MIDSTATE, scalar.HASH_BYTES);
  scalar.round(SCRATCH, scalar.word(scalar.constants, 0) + w0);
  scalar.round(SCRATCH, scalar.word(scalar.constants, 1) + w1);
  scalar.round(SCRATCH, scalar.word(scalar.constants, 2) + w2);
  scalar.round(SCRATCH, scalar.word(scalar.constants, 3));
  for (let i: usize = 0; i < 8; i++) setAll(FIRST_START, i, scalar.word(SCRATCH, i));
}

function prepareSecond(): void {
  setAll(SECOND, 8, scalar.STOP_BIT);
  for (let t: usize = 9; t < 15; t++) setAll(SECOND, t, 0);
  setAll(SECOND, 15, scalar.DIGEST_BITS);
  setAll(DIGEST_W17, 0, scalar.sigma1(scalar.DIGEST_BITS));
  setAll(DIGEST_W23, 0, scalar.sigma0(scalar.STOP_BIT));
  setAll(DIGEST_W30, 0, scalar.sigma0(scalar.DIGEST_BITS));
  memory.copy(SCRATCH, scalar.initial, scalar.HASH_BYTES);
  scalar.round(SCRATCH, scalar.word(scalar.constants, 0));
  for (let i: usize = 0; i < 8; i++) setAll(SECOND_START, i, scalar.word(SCRATCH, i));
}
