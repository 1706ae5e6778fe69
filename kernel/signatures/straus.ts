// The sum of points times scalars by Straus's method: the doublings are shared by all, and each point is added or
// subtracted where its scalar, written with few digits that are not zero, has one. The digits are odd, so that a table
// needs the odd multiples of its point alone. Tables of kept keys are made once (verify.ts), those of other points for each sum.
// Nothing here is secret, so time may tell anything.
// Source: E. Straus; D. Hankerson, A. Menezes, S. Vanstone, "Guide to Elliptic Curve Cryptography", 3.35 and 3.51.
import { CACHED, DIGITS, DIGIT_ROW, FE, KEYS, KEY_WIDTH, PADDED, POSITIONS, RUNNING, TABLES, TERM_AT, TOTAL } from "./layout";
import { addCached, cache, copyPoint, double, setNeutral, subCached } from "./point";

/** Odd digits of a width of four bits: 1, 3, 5 and 7. */
const WIDTH: i32 = 4;
const MULTIPLES: usize = 4;

/** How many points the sum has so far. */
let terms: usize = 0;
/** The longest scalar has digits before this one. */
let positions: i32 = 0;

export function beginStraus(): void {
  memory.fill(DIGITS, 0, DIGIT_ROW * <usize>POSITIONS);
  terms = 0;
  positions = 0;
}

/** Adds a term: the point at `point` times the scalar of so many bits, 128 or 253. */
export function addStraus(point: usize, scalar: usize, bits: i32): void {
  const isKept = point >= KEYS;
  const table = isKept ? point + FE : TABLES + MULTIPLES * FE * terms;
  if (!isKept) fillTable(table, point, MULTIPLES);
  store<u32>(TERM_AT + 4 * terms, <u32>table);
  recode(DIGITS + terms, scalar, bits == 128 ? 16 : 32, isKept ? KEY_WIDTH : WIDTH);
  if (bits + 1 > positions) positions = bits + 1;
  terms++;
}

/** The odd multiples of a point, 1, 3, 5 and so on, as they are added. The point's own place may be the table's. */
export function fillTable(table: usize, point: usize, count: usize): void {
  double(RUNNING, point);
  cache(CACHED, RUNNING);
  if (table != point + FE) copyPoint(table, point + FE);
  copyPoint(RUNNING, point);
  for (let i: usize = 1; i < count; i++) {
    addCached(RUNNING, RUNNING, CACHED);
    cache(table + FE * i, RUNNING);
  }
}

/**
 * Writes the digits of a scalar, one byte a bit, DIGIT_ROW apart: each is zero or odd, above -2^(width-1) and below
 * 2^(width-1), and of `width` in a row at most one is not zero.
 */
function recode(out: usize, scalar: usize, bytes: i32, width: i32): void {
  memory.fill(PADDED, 0, 48);
  memory.copy(PADDED, scalar, bytes);
  const mask: u64 = (1 << width) - 1;
  let carry = 0;
  for (let at = 0; at <= 8 * bytes; ) {
    const chunk = <i32>((load<u64>(PADDED + <usize>(at >> 3)) >> (at & 7)) & mask);
    if ((chunk & 1) == carry) {
      at++;
      continue;
    }
    const digit = chunk + carry;
    carry = digit >> (width - 1);
    store<i8>(out + DIGIT_ROW * <usize>at, <i8>(digit - (carry << width)));
    at += width;
  }
}

/** TOTAL = the sum. */
export function totalStraus(): void {
  setNeutral(TOTAL);
  for (let at = positions - 1; at >= 0; at--) {
    double(TOTAL, TOTAL);
    const row = DIGITS + DIGIT_ROW * <usize>at;
    for (let term: usize = 0; term < terms; term++) {
      const digit = <i32>load<i8>(row + term);
      if (digit == 0) continue;
      const multiple = <usize>load<u32>(TERM_AT + 4 * term) + FE * <usize>(abs(digit) >> 1);
      if (digit > 0) addCached(TOTAL, TOTAL, multiple);
      else subCached(TOTAL, TOTAL, multiple);
    }
  }
}
