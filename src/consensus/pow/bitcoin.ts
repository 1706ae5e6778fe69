/**
 * Bitcoin's own parameters (mainnet), as data for the same rules that our chains run under: with them real headers can
 * be checked. The timewarp rules came too late for Bitcoin and are off. Source: pow.md 2.2, 2.5, 2.7.
 */
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";

export const BITCOIN = {
  type: "pow",
  powLimitBits: 0x1d00ffff,
  startBits: 0x1d00ffff,
  spacing: 600,
  futureLimit: 7_200,
  retarget: { rule: "bitcoin", interval: 2_016, timewarpGuard: false },
  subsidy: 5_000_000_000n,
  halvingInterval: 210_000,
  maturity: 100,
} as const satisfies PowParameters;
