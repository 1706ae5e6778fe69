// Where everything lies in the memory of the signatures' kernel: 4 MiB, no allocator. The host writes what verify.ts
// exports the place of; all else is the kernel's. An "element" here is four field elements side by side (field.ts).
// This folder is AssemblyScript, compiled to WebAssembly by bin/buildkernel.js; tsc and biome do not read it.

/** Bytes of an element. */
export const FE: usize = 160;
/** Bytes of a point: extended coordinates, then what is added to another (point.ts). */
export const POINT: usize = 2 * FE;

/** Signatures of one batch at most. */
export const SIGNATURES: i32 = 512;
/** Decoded public keys that are kept between batches, besides those of the batch itself. */
export const KEPT_KEYS: i32 = 1024;
/** Digits of a kept key have so many bits, and its table all odd multiples that these can be. */
export const KEY_WIDTH: i32 = 6;
export const KEY_MULTIPLES: usize = 1 << (<usize>KEY_WIDTH - 2);
/** Bytes of a kept key: extended coordinates, then its odd multiples, of which the first is what a point has there. */
export const KEPT_KEY: usize = FE + KEY_MULTIPLES * FE;
/** Signatures of a multiplication by the method for few of them. */
export const STRAUS_SIGNATURES: i32 = 128;
/** Windows of five bits, the narrowest, in 254 bits. */
export const WINDOWS: i32 = 51;
/** Bits of the longest scalar, and one for a carry. */
export const POSITIONS: i32 = 254;
/** Points of a multiplication: R and A of each signature, and B. */
const TERMS: usize = 2 * <usize>SIGNATURES + 1;

// Scratch of field.ts.
export const TIMES_19: usize = 0;
export const LOW: usize = 160;
export const HIGH: usize = 320;
// Scratch of point.ts.
export const SPREAD: usize = 480;
export const LEFT: usize = 640;
export const RIGHT: usize = 800;
export const CACHED: usize = 960;
// Scratch of decode.ts; ENCODED is 32 bytes.
export const Y: usize = 1120;
export const X: usize = 1280;
export const U: usize = 1440;
export const V: usize = 1600;
export const W: usize = 1760;
export const POWER_0: usize = 1920;
export const POWER_1: usize = 2080;
export const POWER_2: usize = 2240;
export const ENCODED: usize = 2400;
// Constants: elements with the same value in all lanes.
export const ONE: usize = 2560;
export const D: usize = 2720;
export const ROOT_MINUS_1: usize = 2880;
// Scratch of multiply.ts.
export const TOTAL: usize = 3040;
export const RUNNING: usize = 3200;
export const WINDOW: usize = 3360;
// Scratch of scalar.ts.
export const QUOTIENT: usize = 3520;
export const REMAINDER: usize = 3648;
export const DIFFERENCE: usize = 3712;
export const SCALAR: usize = 3776;
// Scratch of straus.ts, 48 bytes.
export const PADDED: usize = 3840;
/** The base point, and room for the three others that are decoded with it. */
export const BASE: usize = 4096;
/** Everything above ends before asconfig.json's memoryBase, static tables before 32 KiB. */
const ARRAYS: usize = 32768;

/** By signature, 64 bytes: R | s. */
export const RS: usize = ARRAYS;
/** By signature, 64 bytes: SHA-512(R | A | message). */
export const HASHES: usize = RS + 64 * <usize>SIGNATURES;
/** By signature, 16 bytes: its coefficient, little-endian. */
export const COEFFICIENTS: usize = HASHES + 64 * <usize>SIGNATURES;
/** By signature, u32: which of the batch's keys. */
export const KEY_OF: usize = COEFFICIENTS + 16 * <usize>SIGNATURES;
/** By signature, a byte: 1 where R and A decode and s < L. */
export const SOUND: usize = KEY_OF + 4 * <usize>SIGNATURES;
/** By key of the batch, u32: where its point lies, or 0 where it does not decode. */
export const KEY_AT: usize = SOUND + <usize>SIGNATURES;
/** By key of the batch, 64 bytes: the sum of coefficient times hash; one more for the base point. */
export const SUMS: usize = KEY_AT + 4 * <usize>SIGNATURES;
/** By key of the batch, a byte: 1 where a signature of the range is its. */
export const USED: usize = SUMS + 64 * <usize>(SIGNATURES + 1);
/** Encodings to decode, 32 bytes each: four more than used, so that the last four are whole. */
export const ENCODINGS: usize = (USED + <usize>SIGNATURES + 15) & ~15;
/** By signature: the point R. */
export const R_POINTS: usize = ENCODINGS + 32 * <usize>(SIGNATURES + 4);
/** Keys of the batch that were not kept. */
export const NEW_KEYS: usize = R_POINTS + POINT * <usize>(SIGNATURES + 4);
/** The base point with its multiples, then the keys that are kept. */
export const KEYS: usize = NEW_KEYS + POINT * <usize>(SIGNATURES + 4);
/** By point of a multiplication: u32 where its point lies, or its table. */
export const TERM_AT: usize = KEYS + KEPT_KEY * <usize>(KEPT_KEYS + 1);
/** By point of a multiplication: how many windows its scalar has, u32. */
export const TERM_WINDOWS: usize = TERM_AT + 4 * TERMS;
/** Digits by bit and point, i8 each, for few; by point and window, i16 each, the lowest first, for many. */
export const DIGITS: usize = (TERM_WINDOWS + 4 * TERMS + 15) & ~15;
export const DIGIT_ROW: usize = (2 * <usize>STRAUS_SIGNATURES + 1 + 7) & ~7;
const FEW_DIGITS: usize = DIGIT_ROW * <usize>POSITIONS, MANY_DIGITS: usize = 2 * <usize>WINDOWS * TERMS;
/** Four multiples of each point for few; buckets for many. */
export const TABLES: usize = (DIGITS + (FEW_DIGITS > MANY_DIGITS ? FEW_DIGITS : MANY_DIGITS) + 15) & ~15;
/** A bucket: a point in extended coordinates, and whether it holds one. */
export const BUCKET: usize = FE + 16;
export const END: usize = TABLES + 4 * FE * (2 * <usize>STRAUS_SIGNATURES + 1);
