/**
 * How likely a payment is undone: an attacker with share q of the hash power, one block mined in advance, races the
 * chain that has z blocks from the payment's on, and gets one ahead. Rosenfeld's exact form, rewritten as sums of
 * positive terms in logarithms so that small results keep their digits. It bounds the chance against our own nodes,
 * who follow the first seen of two equals. Source: Rosenfeld 2012 (arXiv 1402.2009); pow.md 2.3, 2.9.
 */
import { assert } from "../../base/assert.ts";

/** The answer for more confirmations is the one for so many, which is above it. */
const CONFIRMATIONS_MAX = 10_000;
/** Terms that change nothing in the digits of a double are left out. */
const NEGLIGIBLE = 1e-17;

/**
 * @param attackerShare of all hash power, 0 to below 1/2 (from there on the answer is 1)
 * @param confirmations blocks from the payment's own on, 1 for the head
 * @returns 0 to 1
 */
export function reversalProbability(attackerShare: number, confirmations: number): number {
  assert(attackerShare >= 0 && attackerShare <= 1, "a share is between 0 and 1");
  assert(Number.isInteger(confirmations) && confirmations >= 0, "confirmations are counted");
  if (confirmations === 0 || attackerShare >= 0.5) return 1;
  if (attackerShare === 0) return 0;
  const z = Math.min(confirmations, CONFIRMATIONS_MAX);
  return Math.min(1, catchesUp(attackerShare, z) + isAhead(attackerShare, z));
}

/** The attacker has found m <= z blocks meanwhile, and makes up for what it lacks: C(m+z-1, m) p^m q^z, from m = z down. */
function catchesUp(q: number, z: number): number {
  const p = 1 - q;
  let term = Math.exp(logChoose(z) + z * (Math.log(p) + Math.log(q)));
  let sum = 0;
  for (let m = z; m >= 0 && term > sum * NEGLIGIBLE; m--) {
    sum += term;
    term *= m / ((m + z - 1) * p);
  }
  return sum;
}

/** The attacker has found m > z blocks meanwhile: C(m+z-1, m) p^z q^m, from m = z + 1 up. */
function isAhead(q: number, z: number): number {
  const p = 1 - q;
  let term = Math.exp(logChoose(z) + z * (Math.log(p) + Math.log(q)));
  let sum = 0;
  for (let m = z + 1; ; m++) {
    term *= ((m + z - 1) * q) / m;
    if (term <= sum * NEGLIGIBLE) return sum;
    sum += term;
  }
}

/** The natural logarithm of C(2z-1, z). */
function logChoose(z: number): number {
  let sum = 0;
  for (let i = 1; i <= z; i++) sum += Math.log((z - 1 + i) / i);
  return sum;
}
