// The sum of many points times scalars by Pippenger's method: in each window of its bits every point goes into the bucket
// of its digit, and nothing is computed for each point beforehand. Digits are signed. Nothing here is secret, so time may
// tell anything. Source: D. J. Bernstein et al., "Faster batch forgery identification", 2 to 4; N. Pippenger.
import {
  BUCKET, CACHED, DIGITS, FE, RUNNING, TABLES, TERM_AT, TERM_WINDOWS, TOTAL, WINDOW, WINDOWS,
} from "./layout";
import { addCached, addPoints, cache, copyPoint, double, negate, setNeutral, subCached } from "./point";

/** How many points the sum has so far. */
let terms: i32 = 0;
/** Bits of a window. */
let width: i32 = 5;
/** Windows of the longest scalar. */
let windows: i32 = 0;

const ROW: usize = 2 * <usize>WINDOWS;

/** For a sum of about so many points. */
export function beginPippenger(expected: i32): void {
  terms = 0;
  windows = 0;
  width = expected < 180 ? 5 : expected < 500 ? 6 : 7;
}

/** Adds a term: the point at `point` times the scalar of so many bits, 128 or 253. */
export function addPippenger(point: usize, scalar: usize, bits: i32): void {
  const count = bits / width + 1;
  store<u32>(TERM_AT + 4 * <usize>terms, <u32>point);
  store<u32>(TERM_WINDOWS + 4 * <usize>terms, count);
  if (count > windows) windows = count;
  recode(DIGITS + ROW * <usize>terms, scalar, (bits + 31) / 32, count);
  terms++;
}

/** Digits of -2^(width-1) + 1 to 2^(width-1). */
function recode(out: usize, scalar: usize, words: i32, count: i32): void {
  const half = 1 << (width - 1), mask = (1 << width) - 1;
  let carry = 0;
  for (let w = 0; w < count; w++) {
    const bit = w * width, at = bit >> 5;
    let chunk: u64 = at < words ? load<u32>(scalar + 4 * <usize>at) : 0;
    if (at + 1 < words) chunk |= <u64>load<u32>(scalar + 4 * <usize>at, 4) << 32;
    let digit = (<i32>(chunk >> (bit & 31)) & mask) + carry;
    carry = digit > half ? 1 : 0;
    digit -= carry << width;
    store<i16>(out + 2 * <usize>w, <i16>digit);
  }
}

@inline function digitOf(term: i32, w: i32): i32 {
  if (w >= load<i32>(TERM_WINDOWS + 4 * <usize>term)) return 0;
  return load<i16>(DIGITS + ROW * <usize>term + 2 * <usize>w);
}

/** TOTAL = the sum. */
export function totalPippenger(): void {
  setNeutral(TOTAL);
  for (let w = windows - 1; w >= 0; w--) {
    for (let i = 0; i < width; i++) double(TOTAL, TOTAL);
    addBuckets(w);
  }
}

/** Bucket b holds the sum of the points whose digit is b + 1; TOTAL gets the sum of (b + 1) times bucket b. */
function addBuckets(w: i32): void {
  const count = 1 << (width - 1);
  for (let b = 0; b < count; b++) store<u32>(TABLES + BUCKET * <usize>b + FE, 0);
  for (let term = 0; term < terms; term++) {
    const digit = digitOf(term, w);
    if (digit != 0) put(load<u32>(TERM_AT + 4 * <usize>term), digit);
  }
  let isBegun = false;
  setNeutral(WINDOW);
  for (let b = count - 1; b >= 0; b--) {
    const bucket = TABLES + BUCKET * <usize>b;
    if (load<u32>(bucket + FE) != 0) {
      if (isBegun) addPoints(RUNNING, RUNNING, bucket);
      else copyPoint(RUNNING, bucket);
      isBegun = true;
      cache(CACHED, RUNNING);
    }
    if (isBegun) addCached(WINDOW, WINDOW, CACHED);
  }
  addPoints(TOTAL, TOTAL, WINDOW);
}

@inline function put(point: usize, digit: i32): void {
  const bucket = TABLES + BUCKET * <usize>(abs(digit) - 1);
  if (load<u32>(bucket + FE) != 0) {
    if (digit > 0) addCached(bucket, bucket, point + FE);
    else subCached(bucket, bucket, point + FE);
    return;
  }
  store<u32>(bucket + FE, 1);
  if (digit > 0) copyPoint(bucket, point);
  else negate(bucket, point);
}
