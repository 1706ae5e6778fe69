/**
 * The consensus part of genesis.json, a table by its name: what does not fit together, what is legal but unwise, and
 * the fields as text (their bounds are in genesis-fields.ts). It refuses what a chain could not live with.
 * Every field, unit and bound for people: genesis/README.md.
 */
import { hex } from "../../base/bytes.ts";
import {
  LOG_WINDOW_BYTES_MAX,
  LOG_WINDOW_CEILING,
  MAIL_MESSAGE_BYTES_MAX,
  VALIDATORS_MAX,
} from "../../base/limits.ts";
import { epochLengthProblem } from "../governance/parameters.ts";
import { checkBits, compactOf, showBits } from "../types/target.ts";
import { newViewBytesMax } from "../types/view-change-size.ts";
import type { ConsensusName, ConsensusParameters, PbftParameters } from "./consensus-parameters.ts";
import type { Genesis } from "./genesis.ts";
import { repeats, SUPPLY_MAX, validatorProblems } from "./genesis-fields.ts";
import type { PowParameters } from "./pow-parameters.ts";
import { totalSupply } from "./subsidy.ts";

interface FileFormat<Parameters extends ConsensusParameters> {
  /** What does not fit together, "path: why" each. */
  problems(genesis: Genesis<Parameters>): string[];
  warnings(genesis: Genesis<Parameters>): string[];
  toJson(parameters: Parameters): unknown;
}

const pbft: FileFormat<PbftParameters> = {
  problems: (genesis) => [
    ...windowProblems(genesis),
    ...epochProblems(genesis),
    ...newViewProblems(genesis),
    ...validatorProblems(genesis),
  ],
  warnings: ({ validators }) =>
    validators.length < 4
      ? [
          `validators: ${validators.length} of them tolerate no fault: the chain halts when one is away; 4 tolerate one`,
        ]
      : [],
  toJson: (parameters) => parameters,
};

const pow: FileFormat<PowParameters> = {
  problems: (genesis) => [
    ...targetProblems(genesis.consensus),
    ...clockProblems(genesis.consensus),
    ...supplyProblems(genesis),
    ...publicProblems(genesis),
  ],
  warnings: () => [],
  toJson: ({ powLimitBits, startBits, subsidy, ...rest }) => ({
    type: rest.type,
    powLimitBits: `0x${showBits(powLimitBits)}`,
    startBits: `0x${showBits(startBits)}`,
    spacing: rest.spacing,
    futureLimit: rest.futureLimit,
    retarget: rest.retarget,
    subsidy: subsidy.toString(),
    halvingInterval: rest.halvingInterval,
    maturity: rest.maturity,
  }),
};

const FILE_FORMATS: { readonly [Name in ConsensusName]: FileFormat<never> } = {
  pbft: pbft as FileFormat<never>,
  pow: pow as FileFormat<never>,
};

export function fileFormatOf(parameters: ConsensusParameters): FileFormat<ConsensusParameters> {
  return FILE_FORMATS[parameters.type] as unknown as FileFormat<ConsensusParameters>;
}

function targetProblems({ powLimitBits, startBits }: PowParameters): string[] {
  const limit = checkBits(powLimitBits, EASIEST_BITS);
  if (!limit.ok) return [`consensus.powLimitBits: ${limit.fault.detail}`];
  const start = checkBits(startBits, powLimitBits);
  if (!start.ok) return [`consensus.startBits: ${start.fault.detail}`];
  return [
    ...canonicalProblems("powLimitBits", powLimitBits, limit.value),
    ...canonicalProblems("startBits", startBits, start.value),
  ];
}

/** Targets are compared as bits: one target has one form, the one that every retarget gives. */
function canonicalProblems(field: string, bits: number, target: bigint): string[] {
  const canonical = compactOf(target);
  if (canonical === bits) return [];
  return [
    `consensus.${field}: 0x${showBits(bits)} is not how its target is written; write 0x${showBits(canonical)}`,
  ];
}

/** The highest number that the compact form can write. */
const EASIEST_BITS = 0x207fffff;

/** Under ASERT a stamp from the future lowers the target at once: it must not be worth much. */
function clockProblems({ retarget, futureLimit }: PowParameters): string[] {
  if (retarget.rule !== "asert" || futureLimit <= retarget.halflife / 10) return [];
  return [
    `consensus.futureLimit: ${futureLimit} s, at most a tenth of the halflife of ${retarget.halflife} s is safe`,
  ];
}

function supplyProblems({ consensus, accounts }: Genesis<PowParameters>): string[] {
  const held = accounts.reduce((sum, { balance }) => sum + balance, 0n);
  const minted = totalSupply(consensus);
  if (held + minted <= SUPPLY_MAX) return [];
  return [
    `consensus.subsidy: accounts hold ${held} and blocks will mint ${minted}, together at most ${SUPPLY_MAX} ` +
      "(2^63 - 1) may exist; lower subsidy or halvingInterval",
  ];
}

/** A block of the slowest valid signatures costs a node 1.5 ms each: it must keep up all the same (decision 3). */
const SLOW_SIGNATURE_SECONDS = 0.001_5;

function publicProblems({ consensus, limits, profile, validators }: Genesis<PowParameters>): string[] {
  const problems =
    validators.length === 0
      ? []
      : [`validators: ${validators.length} of them, but nobody votes here; leave the list empty`];
  const most = Math.floor(consensus.spacing / 4 / SLOW_SIGNATURE_SECONDS);
  if (profile !== "dev" && limits.maxBlockTransactions > most) {
    problems.push(
      `limits.maxBlockTransactions: ${limits.maxBlockTransactions} signatures can take longer to check than a ` +
        `quarter of the spacing of ${consensus.spacing} s; at most ${most}`,
    );
  }
  return problems;
}

function windowProblems({ consensus, limits }: Genesis<PbftParameters>): string[] {
  const { checkpointInterval: k, logWindow, pipelineDepth } = consensus;
  const problems: string[] = [];
  if (logWindow % k !== 0) {
    problems.push(`consensus.logWindow: ${logWindow} is not a multiple of checkpointInterval ${k}`);
  }
  if (logWindow < 2 * k) {
    problems.push(`consensus.logWindow: ${logWindow} is less than twice checkpointInterval ${k}`);
  }
  const windowBytes = logWindow * limits.maxBlockBytes;
  if (windowBytes > LOG_WINDOW_BYTES_MAX) {
    problems.push(
      `consensus.logWindow: ${logWindow} blocks of ${limits.maxBlockBytes} bytes are ${windowBytes} bytes in flight, ` +
        `at most ${LOG_WINDOW_BYTES_MAX}; lower logWindow or limits.maxBlockBytes`,
    );
  }
  if (pipelineDepth > logWindow) {
    problems.push(`consensus.pipelineDepth: ${pipelineDepth} is more than logWindow ${logWindow}`);
  }
  return problems;
}

/** Looks for what epochs demand: where members change, each has an account too, which proposes and votes. */
function epochProblems({ consensus, validators }: Genesis<PbftParameters>): string[] {
  const { epochLength, checkpointInterval } = consensus;
  if (epochLength === undefined) return [];
  const problem = epochLengthProblem(epochLength, checkpointInterval);
  return [
    ...(problem === undefined ? [] : [`consensus.epochLength: ${problem}`]),
    ...repeats(validators, "validators", "account", (validator) => hex(validator.account)),
  ];
}

/** A NEW-VIEW that does not fit into one message would leave the chain without a primary for good. */
function newViewProblems({ consensus, validators }: Genesis<PbftParameters>): string[] {
  const { checkpointInterval: k, logWindow } = consensus;
  const n = validators.length;
  if (n < 1 || n > VALIDATORS_MAX) return []; // told already
  const most = logWindowMax(n);
  if (logWindow <= most) return [];
  const interval = Math.min(k, Math.floor(most / 2));
  const fits = `logWindow ${most - (most % interval)} with checkpointInterval ${interval} fits`;
  return [
    `consensus.logWindow: with ${n} validators and ${logWindow} heights a NEW-VIEW may take ` +
      `${newViewBytesMax(n, logWindow)} bytes, a message has at most ${MAIL_MESSAGE_BYTES_MAX}; ${fits}`,
  ];
}

/** The largest L of n validators whose NEW-VIEW always fits; the first byte of a message says what it is. */
function logWindowMax(n: number): number {
  let most = LOG_WINDOW_CEILING;
  while (newViewBytesMax(n, most) >= MAIL_MESSAGE_BYTES_MAX) most--;
  return most;
}
