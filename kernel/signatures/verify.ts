// What the host calls (src/crypto/signature-kernel.ts). It writes a batch, calls `decode` for the encodings, `prepare` once and
// then `holds` for the whole batch or any range of it: whether
//
//   8 ( sum z R + sum (z h mod L) A - (sum z s mod L) B ) = 0
//
// over the range's sound signatures, z being their coefficients. Nothing is kept from batch to batch but what the host
// puts into KEYS. Source: docs/batch-verification.md.
import { decode4, isZeroLane, setConstant } from "./decode";
import { sub } from "./field";
import {
  BASE, COEFFICIENTS, D, ENCODINGS, END, FE, HASHES, KEPT_KEY, KEPT_KEYS, KEYS, KEY_AT, KEY_MULTIPLES, KEY_OF, LEFT, NEW_KEYS, ONE, POINT, RIGHT,
  ROOT_MINUS_1, RS, R_POINTS, SCALAR, SIGNATURES, SOUND, SUMS, TOTAL, USED,
} from "./layout";
import { addTerm, begin, total } from "./multiply";
import { double } from "./point";
import { addTimes, isCanonical, negateScalar, reduce } from "./scalar";
import { fillTable } from "./straus";

export const signaturesMax: i32 = SIGNATURES;
export const keptKeysMax: i32 = KEPT_KEYS;
export const pointBytes: usize = POINT;
export const keptKeyBytes: usize = KEPT_KEY;
export const signaturesAt: usize = RS;
export const hashesAt: usize = HASHES;
export const coefficientsAt: usize = COEFFICIENTS;
export const keyOfAt: usize = KEY_OF;
export const keyAtAt: usize = KEY_AT;
export const soundAt: usize = SOUND;
export const encodingsAt: usize = ENCODINGS;
export const newKeysAt: usize = NEW_KEYS;
export const keysAt: usize = KEYS + KEPT_KEY;
export const memoryEnd: usize = END;

/** Little-endian words of 64 bits: 1, d, sqrt(-1), and y of the base point (4/5), whose x is even. */
const one = memory.data<u64>([1, 0, 0, 0]);
const d = memory.data<u64>([0x75eb4dca135978a3, 0x00700a4d4141d8ab, 0x8cc740797779e898, 0x52036cee2b6ffe73]);
const rootMinus1 = memory.data<u64>([0xc4ee1b274a0ea0b0, 0x2f431806ad2fe478, 0x2b4d00993dfbd7a7, 0x2b8324804fc1df0b]);
const baseY = memory.data<u64>([0x6666666666666658, 0x6666666666666666, 0x6666666666666666, 0x6666666666666666]);

/** To be called once. */
export function start(): void {
  setConstant(ONE, one);
  setConstant(D, d);
  setConstant(ROOT_MINUS_1, rootMinus1);
  decode4(baseY, 0, BASE);
  keep(BASE, KEYS);
}

/** Copies a decoded key to a place among those that are kept, with its multiples. */
export function keep(from: usize, to: usize): void {
  memory.copy(to, from, POINT);
  fillTable(to + FE, to, KEY_MULTIPLES);
}

/** Decodes `count` of ENCODINGS to NEW_KEYS. Whether one is a point is written over its first byte: 1 or 0. */
export function decodeKeys(count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const at = ENCODINGS + 32 * <usize>i;
    const decoded = decode4(at, 32, NEW_KEYS + POINT * <usize>i);
    for (let k = 0; k < 4; k++) store<u8>(at + 32 * <usize>k, (decoded >> k) & 1);
  }
}

/** Decodes the R of `count` signatures, reduces their hashes and writes SOUND. KEY_OF and KEY_AT are written before. */
export function prepare(count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const decoded = decode4(RS + 64 * <usize>i, 64, R_POINTS + POINT * <usize>i);
    for (let k = i; k < i + 4 && k < count; k++) store<u8>(SOUND + k, (decoded >> (k - i)) & 1);
  }
  for (let i: usize = 0; i < <usize>count; i++) {
    if (keyPoint(load<u32>(KEY_OF + 4 * i)) == 0 || !isCanonical(RS + 64 * i + 32)) store<u8>(SOUND + i, 0);
    reduce(HASHES + 64 * i, HASHES + 64 * i);
  }
}

@inline function keyPoint(key: u32): usize {
  return load<u32>(KEY_AT + 4 * <usize>key);
}

/** Whether the equation holds for the sound signatures from `from` to before `to`, with `keys` keys in the batch. */
export function holds(from: i32, to: i32, keys: i32): bool {
  const distinct = sumScalars(from, to, keys);
  begin(to - from, distinct);
  for (let i = from; i < to; i++) {
    if (load<u8>(SOUND + i) != 0) addTerm(R_POINTS + POINT * <usize>i, COEFFICIENTS + 16 * <usize>i, 128);
  }
  for (let key = 0; key < keys; key++) {
    if (load<u8>(USED + key) == 0) continue;
    reduce(SCALAR, SUMS + 64 * <usize>key);
    addTerm(keyPoint(key), SCALAR, 253);
  }
  reduce(SCALAR, SUMS + 64 * <usize>keys);
  negateScalar(SCALAR);
  addTerm(KEYS, SCALAR, 253);
  total();
  return isOfSmallOrder(TOTAL);
}

/** SUMS of the range, of the base point behind those of the keys. Returns how many keys the range has. */
function sumScalars(from: i32, to: i32, keys: i32): i32 {
  memory.fill(SUMS, 0, 64 * <usize>(keys + 1));
  memory.fill(USED, 0, keys);
  let distinct = 0;
  for (let at = <usize>from; at < <usize>to; at++) {
    if (load<u8>(SOUND + at) == 0) continue;
    const key = <usize>load<u32>(KEY_OF + 4 * at), coefficient = COEFFICIENTS + 16 * at;
    if (load<u8>(USED + key) == 0) distinct++;
    store<u8>(USED + key, 1);
    addTimes(SUMS + 64 * key, coefficient, HASHES + 64 * at);
    addTimes(SUMS + 64 * <usize>keys, coefficient, RS + 64 * at + 32);
  }
  return distinct;
}

/** 8 times the point is the neutral one: X = 0 and Y = Z. */
function isOfSmallOrder(point: usize): bool {
  for (let i = 0; i < 3; i++) double(point, point);
  if (!isZeroLane(point, 0)) return false;
  for (let at: usize = 0; at < FE; at += 16) {
    const all = v128.load(point + at);
    v128.store(LEFT + at, v128.shuffle<u32>(all, all, 1, 1, 1, 1));
    v128.store(RIGHT + at, v128.shuffle<u32>(all, all, 2, 2, 2, 2));
  }
  sub(LEFT, LEFT, RIGHT);
  return isZeroLane(LEFT, 0);
}
