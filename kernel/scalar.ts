// SHA-256 of one message, word by word: for what is computed once per header, and to judge a nonce that the four
// lanes found. Source: FIPS 180-4, 4.1.2, 5.3.3 and 6.2.2.
import { BLOCK, DIGEST, HEADER, MIDSTATE, SCRATCH, TARGET, WORDS } from "./layout";

/** K of FIPS 180-4, 4.2.2. */
export const constants = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

/** H(0) of 5.3.3. */
export const initial = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/** 32 bytes. */
export const HASH_BYTES: usize = 32;
/** The bit after a message, and the lengths in bits of a header and of a digest (5.1.1). */
export const STOP_BIT: u32 = 0x80000000;
export const HEADER_BITS: u32 = 640;
export const DIGEST_BITS: u32 = 256;

@inline export function word(base: usize, index: usize): u32 {
  return load<u32>(base + index * 4);
}

@inline export function setWord(base: usize, index: usize, value: u32): void {
  store<u32>(base + index * 4, value);
}

@inline export function sigma0(w: u32): u32 {
  return rotr<u32>(w, 7) ^ rotr<u32>(w, 18) ^ (w >>> 3);
}

@inline export function sigma1(w: u32): u32 {
  return rotr<u32>(w, 17) ^ rotr<u32>(w, 19) ^ (w >>> 10);
}

/** One round on the 8 working variables at `state`; `sum` is the round's constant plus its schedule word. */
export function round(state: usize, sum: u32): void {
  const a = word(state, 0), b = word(state, 1), c = word(state, 2), d = word(state, 3);
  const e = word(state, 4), f = word(state, 5), g = word(state, 6), h = word(state, 7);
  const t1 = h + (rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25)) + ((e & f) ^ (~e & g)) + sum;
  const t2 = (rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
  memory.copy(state + 4, state, HASH_BYTES - 4);
  setWord(state, 0, t1 + t2);
  setWord(state, 4, d + t1);
}

/** Takes the 64 bytes at `block` into the 8 words at `state`. */
export function compress(state: usize, block: usize): void {
  for (let t: usize = 0; t < 16; t++) setWord(WORDS, t, bswap(word(block, t)));
  for (let t: usize = 16; t < 64; t++) {
    const sum = sigma1(word(WORDS, t - 2)) + word(WORDS, t - 7) + sigma0(word(WORDS, t - 15));
    setWord(WORDS, t, sum + word(WORDS, t - 16));
  }
  memory.copy(SCRATCH, state, HASH_BYTES);
  for (let t: usize = 0; t < 64; t++) round(SCRATCH, word(constants, t) + word(WORDS, t));
  for (let i: usize = 0; i < 8; i++) setWord(state, i, word(state, i) + word(SCRATCH, i));
}

export function computeMidstate(): void {
  memory.copy(MIDSTATE, initial, HASH_BYTES);
  compress(MIDSTATE, HEADER);
}

/** Whether the header with this nonce is solved: the whole hash as a little-endian integer <= target. */
export function solves(nonce: u32): bool {
  memory.copy(BLOCK, HEADER + 64, 12);
  setWord(BLOCK, 3, nonce);
  pad(16, HEADER_BITS);
  memory.copy(DIGEST, MIDSTATE, HASH_BYTES);
  compress(DIGEST, BLOCK);
  for (let i: usize = 0; i < 8; i++) setWord(BLOCK, i, bswap(word(DIGEST, i)));
  pad(HASH_BYTES, DIGEST_BITS);
  memory.copy(DIGEST, initial, HASH_BYTES);
  compress(DIGEST, BLOCK);
  for (let i: usize = 8; i > 0; i--) {
    const digit = bswap(word(DIGEST, i - 1)), most = word(TARGET, i - 1);
    if (digit != most) return digit < most;
  }
  return true;
}

/** Ends a message of less than 56 bytes in BLOCK. */
function pad(length: usize, bits: u32): void {
  memory.fill(BLOCK + length, 0, 64 - length);
  store<u32>(BLOCK + length, bswap(STOP_BIT));
  setWord(BLOCK, 15, bswap(bits));
}
