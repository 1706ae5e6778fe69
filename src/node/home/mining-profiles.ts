/**
 * The three kinds of mined chains that are ready to use, as parameters of a genesis: `bitcoin` for a public one,
 * `dev` for a network of play miners, `regtest` for blocks on demand. The files in genesis/ and `quorate init` are
 * made of them. Meaning and sources: docs/design/pow.md 2.5 and 2.7; genesis/README.md.
 */
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";
import { compactOf } from "../../chain/types/target.ts";

export type MiningProfile = "dev" | "bitcoin" | "regtest";

/** Bitcoin's: 50 coins of 10^8 units, a halving all 210,000 blocks. */
const SUBSIDY = { subsidy: 5_000_000_000n, halvingInterval: 210_000 };
/** Blocks until a coinbase can be spent, where one plays: soon enough to see it. */
const DEV_MATURITY = 10;

/** Expected hashes of a second's work at the easiest target of a dev chain: 2^20 for a block every 5 seconds. */
const DEV_HASHES_A_SECOND = 2 ** 20 / 5;
const DEV_HALFLIFE_SPACINGS = 60;

/**
 * The parameters of a dev chain: as easy for any spacing, so that a few threads at a low rate keep the schedule.
 * @param spacing is in whole seconds.
 */
export function devMining(spacing: number): PowParameters {
  const easiest = compactOf((1n << 256n) / BigInt(Math.round(spacing * DEV_HASHES_A_SECOND)));
  const halflife = DEV_HALFLIFE_SPACINGS * spacing;
  return {
    type: "pow",
    powLimitBits: easiest,
    startBits: easiest,
    spacing,
    futureLimit: halflife / 10,
    retarget: { rule: "asert", halflife },
    ...SUBSIDY,
    maturity: DEV_MATURITY,
  };
}

/** Bitcoin's header rules, and the timewarp rules that a chain without a history can have from its first block. */
const bitcoinMining: PowParameters = {
  type: "pow",
  powLimitBits: 0x1d00ffff,
  startBits: 0x1d00ffff,
  spacing: 600,
  futureLimit: 7_200,
  retarget: { rule: "bitcoin", interval: 2_016, timewarpGuard: true },
  ...SUBSIDY,
  maturity: 100,
};

/** Two hashes a block: `quorate miner generate` makes them when they are wanted. */
const regtestMining: PowParameters = {
  type: "pow",
  powLimitBits: 0x207fffff,
  startBits: 0x207fffff,
  spacing: 600,
  futureLimit: 7_200,
  retarget: { rule: "fixed" },
  ...SUBSIDY,
  maturity: DEV_MATURITY,
};

export const MINING_PROFILES: { readonly [Name in MiningProfile]: PowParameters } = {
  dev: devMining(5),
  bitcoin: bitcoinMining,
  regtest: regtestMining,
};
