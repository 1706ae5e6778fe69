/**
 * How much a block may mint besides its fees: a start that halves every so many blocks until nothing is left. Who
 * gets it and when it can be spent is the ledger's matter (coinbase, maturity). Source: pow.md 2.7.
 */
import type { PowParameters } from "./pow-parameters.ts";

type Minting = Pick<PowParameters, "subsidy" | "halvingInterval">;

/** Amounts are u64: nothing is left after so many halvings. */
const HALVINGS_MAX = 64n;

/** What the coinbase of the block at `height` may mint at most. Bitcoin's formula, block 0 included. */
export function subsidyAt({ subsidy, halvingInterval }: Minting, height: bigint): bigint {
  const halvings = height / BigInt(halvingInterval);
  return halvings >= HALVINGS_MAX ? 0n : subsidy >> halvings;
}

/** The subsidies of all heights from 0: block 0 of our chains mints none, so that they stay one subsidy below it. */
export function totalSupply({ subsidy, halvingInterval }: Minting): bigint {
  let sum = 0n;
  for (let halvings = 0n; halvings < HALVINGS_MAX; halvings++) sum += subsidy >> halvings;
  return sum * BigInt(halvingInterval);
}
