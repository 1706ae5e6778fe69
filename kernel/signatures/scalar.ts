// Integers modulo the order of the base point, L = 2^252 + 27742317777372353535851937790883648493, as 32-bit words with the
// lowest first: 8 words of a scalar, 16 of a hash or of a sum of products.
// Source: A. Menezes et al., "Handbook of Applied Cryptography", 14.42 (Barrett), with b = 2^32 and k = 8.
import { DIFFERENCE, QUOTIENT, REMAINDER } from "./layout";

/** 9 words: L, and 0 above it. */
const order = memory.data<u32>([
  0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de,
  0x00000000, 0x00000000, 0x00000000, 0x10000000, 0x00000000,
]);

/** 9 words: floor(2^512 / L). */
const reciprocal = memory.data<u32>([
  0x0a2c131b, 0xed9ce5a3, 0x086329a7, 0x2106215d,
  0xffffffeb, 0xffffffff, 0xffffffff, 0xffffffff, 0x0000000f,
]);

@inline function word(at: usize, i: usize): u64 {
  return load<u32>(at + 4 * i);
}

@inline function setWord(at: usize, i: usize, value: u64): void {
  store<u32>(at + 4 * i, <u32>value);
}

/** out += factor * a, `count` words of a; the carry goes to the word behind, which it may not overflow. */
function addProduct(out: usize, factor: u64, a: usize, count: usize): void {
  let carry: u64 = 0;
  for (let i: usize = 0; i < count; i++) {
    carry += word(out, i) + factor * word(a, i);
    setWord(out, i, carry);
    carry >>= 32;
  }
  for (let i = count; carry != 0; i++) {
    carry += word(out, i);
    setWord(out, i, carry);
    carry >>= 32;
  }
}

/** out = a - b, of 9 words, modulo 2^288. Returns whether b was greater. */
function subtract(out: usize, a: usize, b: usize): bool {
  let carry: i64 = 0;
  for (let i: usize = 0; i < 9; i++) {
    carry += <i64>word(a, i) - <i64>word(b, i);
    setWord(out, i, carry);
    carry >>= 32;
  }
  return carry < 0;
}

/** out (8 words) = a (16 words) mod L. out may be a. */
export function reduce(out: usize, a: usize): void {
  // q = floor(floor(a / b^7) * reciprocal / b^9) is too small by 2 at most.
  memory.fill(QUOTIENT, 0, 4 * 19);
  for (let i: usize = 0; i < 9; i++) addProduct(QUOTIENT + 4 * i, word(a, 7 + i), reciprocal, 9);
  // r = (a - q L) mod b^9: of q's and L's product the low words are enough, what is above is cut off.
  memory.fill(REMAINDER, 0, 4 * 9);
  for (let i: usize = 0; i < 9; i++) addLow(REMAINDER, i, word(QUOTIENT, 9 + i));
  subtract(REMAINDER, a, REMAINDER);
  while (!subtract(DIFFERENCE, REMAINDER, order)) memory.copy(REMAINDER, DIFFERENCE, 4 * 9);
  memory.copy(out, REMAINDER, 32);
}

/** out += factor * L * 2^(32 shift), modulo 2^288. */
function addLow(out: usize, shift: usize, factor: u64): void {
  let carry: u64 = 0;
  for (let i = shift; i < 9; i++) {
    carry += word(out, i) + factor * word(order, i - shift);
    setWord(out, i, carry);
    carry >>= 32;
  }
}

/** sum (16 words) += coefficient (4 words) * scalar (8 words). 2^16 such products below 2^384 fit. */
export function addTimes(sum: usize, coefficient: usize, scalar: usize): void {
  for (let i: usize = 0; i < 4; i++) addProduct(sum + 4 * i, word(coefficient, i), scalar, 8);
}

/** a = L - a, for a <= L: 8 words. */
export function negateScalar(a: usize): void {
  let carry: i64 = 0;
  for (let i: usize = 0; i < 8; i++) {
    carry += <i64>word(order, i) - <i64>word(a, i);
    setWord(a, i, carry);
    carry >>= 32;
  }
}

/** s < L, as RFC 8032 asks of a signature's second half: 8 words. */
export function isCanonical(s: usize): bool {
  for (let i = 7; i >= 0; i--) {
    const a = word(s, <usize>i), b = word(order, <usize>i);
    if (a != b) return a < b;
  }
  return false;
}
