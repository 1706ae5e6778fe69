/**
 * The part of genesis that belongs to one kind of consensus: its parameters, their canonical bytes, and what they
 * make of block 0. A table by the name in the file: nobody else asks for names. The JSON form of the same fields is
 * chain/genesis/genesis-file.ts's. Layout: docs/protocol.md, "Genesis".
 */
import { type Hash, utf8, ZERO_HASH } from "../../base/bytes.ts";
import type { Writer } from "../../codec/writer.ts";
import { type Header, type Summary, VERSION_PBFT, VERSION_POW } from "../types/block.ts";
import type { PowParameters, RetargetParameters } from "./pow-parameters.ts";

export interface PbftParameters {
  readonly type: "pbft";
  /** K: a checkpoint each K heights. */
  readonly checkpointInterval: number;
  /** L: width of the log window in heights, a multiple of K, at least 2K. */
  readonly logWindow: number;
  /** W_p: heights that may be in agreement at once, 1..L. */
  readonly pipelineDepth: number;
  /** R: the primary changes at each R-th stable checkpoint. With 0 it changes only when it fails. */
  readonly rotationInterval: number;
  /**
   * Length of an epoch in heights, a multiple of K. Where undefined the validators never change, and there is
   * one epoch.
   */
  readonly epochLength?: number | undefined;
}

/** Whether the validators of a chain may change. */
export function hasEpochs(
  parameters: ConsensusParameters,
): parameters is PbftParameters & { epochLength: number } {
  return parameters.type === "pbft" && parameters.epochLength !== undefined;
}

export type ConsensusParameters = PbftParameters | PowParameters;

export type ConsensusName = ConsensusParameters["type"];

interface BlockZeroFields {
  readonly header: Pick<Header, "version" | "bits">;
  readonly summary: Pick<Summary, "timeMs" | "validatorsHash" | "nextValidatorsHash">;
}

export interface ParametersFormat<Parameters extends ConsensusParameters> {
  encode(writer: Writer, parameters: Parameters): void;
  blockZero(
    parameters: Parameters,
    genesis: { readonly timeMs: bigint; readonly validatorsHash: Hash },
  ): BlockZeroFields;
}

const pbft: ParametersFormat<PbftParameters> = {
  encode(writer, { checkpointInterval, logWindow, pipelineDepth, rotationInterval, epochLength }) {
    const name = epochLength === undefined ? "pbft" : "pbft/epochs";
    writer.bytes8(utf8(name)).u32(checkpointInterval).u32(logWindow).u32(pipelineDepth);
    writer.u32(rotationInterval);
    if (epochLength !== undefined) writer.u32(epochLength);
  },
  blockZero: (_, { timeMs, validatorsHash }) => ({
    header: { version: VERSION_PBFT, bits: 0 },
    summary: { timeMs, validatorsHash, nextValidatorsHash: validatorsHash },
  }),
};

const pow: ParametersFormat<PowParameters> = {
  encode(writer, parameters) {
    const { powLimitBits, startBits, spacing, futureLimit, subsidy, halvingInterval, maturity } = parameters;
    writer.bytes8(utf8("pow")).u32(powLimitBits).u32(startBits).u32(spacing).u32(futureLimit);
    writeRetarget(writer, parameters.retarget);
    writer.u64(subsidy).u32(halvingInterval).u32(maturity);
  },
  // Nobody signs blocks: the fields that speak of validators and of their clocks are zero.
  blockZero: ({ startBits }) => ({
    header: { version: VERSION_POW, bits: startBits },
    summary: { timeMs: 0n, validatorsHash: ZERO_HASH, nextValidatorsHash: ZERO_HASH },
  }),
};

const FORMATS = { pbft, pow } as const;

export const CONSENSUS_NAMES = Object.keys(FORMATS) as readonly ConsensusName[];

export function formatOf<Parameters extends ConsensusParameters>(
  parameters: Parameters,
): ParametersFormat<Parameters> {
  return FORMATS[parameters.type] as unknown as ParametersFormat<Parameters>;
}

/** The rule's name, then its own fields. */
function writeRetarget(writer: Writer, retarget: RetargetParameters): void {
  writer.bytes8(utf8(retarget.rule));
  if (retarget.rule === "bitcoin") writer.u32(retarget.interval).u8(retarget.timewarpGuard ? 1 : 0);
  if (retarget.rule === "asert") writer.u32(retarget.halflife);
}
