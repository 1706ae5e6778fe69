/**
 * What the chain must know of proof of work: which header fields a block on a branch must have, how its hash proves
 * it, how much work it adds, what it may mint. The seal is empty: the header proves itself. Fields of the summary
 * that speak of validators are zero. Source: pow.md 2.1 to 2.8; decision 4.
 *
 * This folder: proof of work: what a header must be (check-header.ts), retargets, header chains and their excerpts, the
 * engine that orders what to mine. Not here: finding nonces (node/mining), and which branch is followed (chain/forks).
 */
import { EMPTY, equalBytes, showHash, ZERO_HASH } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";
import { subsidyAt } from "../../chain/genesis/subsidy.ts";
import type { ForkableRules, HeadFields } from "../../chain/rules.ts";
import { type BlockHead, VERSION_POW } from "../../chain/types/block.ts";
import { checkProofOfWork, difficultyOf, showBits, workOf } from "../../chain/types/target.ts";
import { checkHeader, earliestTime } from "./check-header.ts";
import { expectedBits, lowestReadOf, nextRetarget } from "./retarget.ts";
import { dueAt, medianTimePast, type Past } from "./time-bounds.ts";

export function powRules(parameters: PowParameters): ForkableRules {
  const { powLimitBits, maturity } = parameters;
  return {
    name: "pow",
    kind: "forkable",
    rewards: { maturity, subsidyAt: (height) => subsidyAt(parameters, height) },
    schedule: {
      spacing: parameters.spacing,
      futureLimit: parameters.futureLimit,
      limitBits: powLimitBits,
      retarget: parameters.retarget.rule,
      nextRetarget: (height) => nextRetarget(parameters, height),
      readsFrom: (from, to) => lowestReadOf(parameters, from, to),
    },
    prepareHead: (_parent, { timeMs }, branch) => prepareHead(parameters, Number(timeMs / 1000n), branch),
    checkHead: (_parent, head, branch) =>
      checkSummary(head) ?? checkHeader(head.header, head.hash, parameters, branch),
    verifySeal: ({ hash, header }, seal) =>
      seal.length > 0
        ? fault("wrong-seal", `a seal of ${seal.length} bytes, a mined block has none`)
        : checkProofOfWork(hash, header.bits, powLimitBits),
    notBeforeMs: ({ header }) => 1000 * dueAt(header.time, parameters),
    weight: ({ bits }) => workOf(bits),
    executionTimeMs: (_parent, _head, branch) => 1000n * BigInt(medianTimePast(branch)),
    logFields: ({ header }) => ({ bits: showBits(header.bits), difficulty: difficultyOf(header.bits) }),
    describeSeal: ({ header: { bits, nonce } }) => ({
      type: "pow",
      bits,
      nonce,
      difficulty: difficultyOf(bits),
      work: workOf(bits),
    }),
  };
}

function prepareHead(parameters: PowParameters, now: number, branch: Past): HeadFields {
  const earliest = earliestTime(parameters, branch);
  const header = {
    version: VERSION_POW,
    time: Math.max(now, earliest),
    bits: expectedBits(parameters, branch),
    nonce: 0,
  };
  const summary = {
    epoch: 0n,
    timeMs: 0n,
    proposer: 0,
    flags: 0,
    validatorsHash: ZERO_HASH,
    nextValidatorsHash: ZERO_HASH,
    extra: EMPTY,
  };
  return { header, summary };
}

/** `extra` is the miner's: it makes headers differ when the nonces are spent. */
function checkSummary({ header, summary }: BlockHead): Fault | undefined {
  if (header.version !== VERSION_POW) {
    return fault("wrong-version", `header version ${header.version}, must be ${VERSION_POW}`);
  }
  for (const field of ["epoch", "timeMs", "proposer", "flags"] as const) {
    const value = summary[field];
    if (value.toString() !== "0") return fault("wrong-summary", `${field} ${value}, a mined block has 0`);
  }
  for (const field of ["validatorsHash", "nextValidatorsHash"] as const) {
    if (equalBytes(summary[field], ZERO_HASH)) continue;
    return fault("wrong-summary", `${field} ${showHash(summary[field])}, a mined block has zeros`);
  }
  return undefined;
}
