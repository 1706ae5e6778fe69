// The sum of points times scalars, by the method that is quicker for so many: Straus's, which has tables of the kept keys,
// or Pippenger's, which needs none but sums up its buckets.
import { STRAUS_SIGNATURES } from "./layout";
import { addPippenger, beginPippenger, totalPippenger } from "./pippenger";
import { addStraus, beginStraus, totalStraus } from "./straus";

let isFew: bool = true;

/** For so many signatures, by so many keys. */
export function begin(signatures: i32, keys: i32): void {
  isFew = signatures <= STRAUS_SIGNATURES;
  if (isFew) beginStraus();
  else beginPippenger(signatures + keys + 1);
}

/** Adds a term: the point at `point` times the scalar of so many bits, 128 or 253. */
export function addTerm(point: usize, scalar: usize, bits: i32): void {
  if (isFew) addStraus(point, scalar, bits);
  else addPippenger(point, scalar, bits);
}

/** TOTAL = the sum. */
export function total(): void {
  if (isFew) totalStraus();
  else totalPippenger();
}
