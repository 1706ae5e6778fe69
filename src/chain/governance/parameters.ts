/**
 * The numbers of genesis that a vote may change from the next epoch on, and how far. What is decoded, kept and framed is bounded
 * by genesis, so a vote goes below its limits of blocks and back, never above. Source: docs/protocol.md, "Governance"; docs/adr/0037-02.
 */
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import type { GenesisLimits } from "../genesis/genesis.ts";
import type { BlockLimits, Governance } from "./governance-state.ts";

export const PARAMETERS = [
  "epochLength",
  "rotationInterval",
  "minFee",
  "maxBlockTransactions",
  "maxBlockBytes",
] as const;
export type ParameterName = (typeof PARAMETERS)[number];

/** The parameters of genesis that bound what can be voted in. */
export interface ChangeBounds {
  readonly checkpointInterval: number;
  readonly logWindow: number;
  /** The limits that genesis names. */
  readonly limits: GenesisLimits;
}

export type ChangeFault = "unfit" | "epoch-full";

/** Checkpoints of an epoch, at least: a change needs two of them to take effect. */
const EPOCH_CHECKPOINTS_MIN = 2;
export const EPOCH_LENGTH_MAX = 100_000_000;
export const ROTATION_INTERVAL_MAX = 1_000_000;

/** Says why a number of heights cannot be the length of an epoch, or undefined when it can. */
export function epochLengthProblem(epochLength: number, checkpointInterval: number): string | undefined {
  const least = EPOCH_CHECKPOINTS_MIN * checkpointInterval;
  if (epochLength >= least && epochLength <= EPOCH_LENGTH_MAX && epochLength % checkpointInterval === 0) {
    return undefined;
  }
  return `${epochLength} is no multiple of checkpointInterval ${checkpointInterval} from ${least} to ${EPOCH_LENGTH_MAX}`;
}

/** A vote multiplies the least fee by at most so much, so that whoever votes can still pay for the next vote. */
const MIN_FEE_FACTOR_MAX = 10n;

/**
 * Says why a limit cannot have a value, or undefined when it can. `now` is what is planned for the next
 * epoch, `bounds` what genesis names.
 */
function limitProblem(
  parameter: keyof BlockLimits,
  value: number,
  { now, genesis }: { readonly now: BlockLimits; readonly genesis: GenesisLimits },
): string | undefined {
  const between = (least: number | bigint, most: number | bigint) =>
    value >= least && value <= most ? undefined : `${value} is not from ${least} to ${most}`;
  // What is decoded, kept and sent is bounded by genesis: a vote goes below it and back.
  if (parameter === "maxBlockTransactions") return between(1, genesis.maxBlockTransactions);
  if (parameter === "maxBlockBytes") return between(genesis.maxTxBytes, genesis.maxBlockBytes);
  const least = genesis.minFee === 0n ? 0n : 1n;
  return between(least, (now.minFee > 1n ? now.minFee : 1n) * MIN_FEE_FACTOR_MAX);
}

function setLimit(
  governance: Governance,
  parameter: keyof BlockLimits,
  value: number,
  genesis: GenesisLimits,
): Verdict<Governance, ChangeFault> {
  const { minFee, maxBlockTransactions, maxBlockBytes } = governance.nextParameters.limits ?? genesis;
  const now = { minFee, maxBlockTransactions, maxBlockBytes };
  const problem = limitProblem(parameter, value, { now, genesis });
  if (problem !== undefined) return unfit(`${parameter}: ${problem}`);
  const limits = { ...now, [parameter]: parameter === "minFee" ? BigInt(value) : value };
  return accept({ ...governance, nextParameters: { ...governance.nextParameters, limits } });
}

export function setParameter(
  governance: Governance,
  { parameter, value }: { readonly parameter: ParameterName; readonly value: number },
  { checkpointInterval, limits }: ChangeBounds,
): Verdict<Governance, ChangeFault> {
  if (parameter !== "epochLength" && parameter !== "rotationInterval")
    return setLimit(governance, parameter, value, limits);
  const problem =
    parameter === "epochLength"
      ? epochLengthProblem(value, checkpointInterval)
      : value > ROTATION_INTERVAL_MAX
        ? `${value} checkpoints, at most ${ROTATION_INTERVAL_MAX}`
        : undefined;
  if (problem !== undefined) return unfit(`${parameter}: ${problem}`);
  return accept({ ...governance, nextParameters: { ...governance.nextParameters, [parameter]: value } });
}

function unfit(detail: string): Verdict<never, "unfit"> {
  return refuse("unfit", detail);
}
