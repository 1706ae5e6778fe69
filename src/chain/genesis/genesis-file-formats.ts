/**
 * The consensus part of genesis.json, a table by its name: the fields and their bounds, what does not fit together,
 * what is legal but unwise, and the fields as text. It refuses what a chain could not live with.
 * Every field, unit and bound for people: genesis/README.md.
 */
import { hex, hex0x } from "../../base/bytes.ts";
import {
  LOG_WINDOW_BYTES_MAX,
  LOG_WINDOW_CEILING,
  MAIL_MESSAGE_BYTES_MAX,
  VALIDATORS_MAX,
} from "../../base/limits.ts";
import {
  amountField,
  choiceField,
  type Field,
  field,
  integerField,
  object,
  optional,
  variant,
} from "../../codec/field.ts";
import { isStrongPublicKey } from "../../crypto/keys.ts";
import { EPOCH_LENGTH_MAX, epochLengthProblem, ROTATION_INTERVAL_MAX } from "../governance/change.ts";
import { checkBits, compactOf, showBits } from "../types/target.ts";
import { newViewBytesMax } from "../types/view-change-size.ts";
import {
  CONSENSUS_NAMES,
  type ConsensusName,
  type ConsensusParameters,
  type PbftParameters,
} from "./consensus-parameters.ts";
import type { Genesis } from "./genesis.ts";
import type { PowParameters, RetargetParameters } from "./pow-parameters.ts";
import { totalSupply } from "./subsidy.ts";

/** Sum of all money that may ever exist: half of u64, so that no sum of two balances can overflow. */
export const SUPPLY_MAX = (1n << 63n) - 1n;

interface FileFormat<Parameters extends ConsensusParameters> {
  readonly schema: Field<Parameters>;
  /** What does not fit together, "path: why" each. */
  problems(genesis: Genesis<Parameters>): string[];
  warnings(genesis: Genesis<Parameters>): string[];
  toJson(parameters: Parameters): unknown;
}

const pbft: FileFormat<PbftParameters> = {
  schema: object({
    type: choiceField(...CONSENSUS_NAMES) as Field<"pbft">,
    checkpointInterval: integerField(1, LOG_WINDOW_CEILING / 2),
    logWindow: integerField(2, LOG_WINDOW_CEILING),
    pipelineDepth: integerField(1, LOG_WINDOW_CEILING),
    rotationInterval: integerField(0, ROTATION_INTERVAL_MAX),
    epochLength: optional(integerField(2, EPOCH_LENGTH_MAX)),
  }),
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

const SECONDS_MAX = 10_000_000;
/** Blocks: beyond it a halving never comes in practice. */
const BLOCKS_MAX = 1_000_000_000;

const bitsField = field<number>('compact bits: "0x" and 8 hex digits ("0x1d00ffff")', (value) =>
  typeof value === "string" && /^0x[0-9a-f]{8}$/i.test(value) ? Number.parseInt(value, 16) : undefined,
);

const retargetSchema: Field<RetargetParameters> = variant("rule", {
  bitcoin: object({
    rule: choiceField("bitcoin"),
    interval: integerField(2, 1_000_000),
    timewarpGuard: field<boolean>("true or false", (value) =>
      typeof value === "boolean" ? value : undefined,
    ),
  }),
  asert: object({ rule: choiceField("asert"), halflife: integerField(1, SECONDS_MAX) }),
  fixed: object({ rule: choiceField("fixed") }),
});

const pow: FileFormat<PowParameters> = {
  schema: object({
    type: choiceField(...CONSENSUS_NAMES) as Field<"pow">,
    powLimitBits: bitsField,
    startBits: bitsField,
    spacing: integerField(1, SECONDS_MAX),
    futureLimit: integerField(1, SECONDS_MAX),
    retarget: retargetSchema,
    subsidy: amountField(SUPPLY_MAX),
    halvingInterval: integerField(1, BLOCKS_MAX),
    maturity: integerField(1, 1_000_000),
  }),
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

export const FILE_FORMATS: { readonly [Name in ConsensusName]: FileFormat<never> } = {
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

/** Where members change, each is known by its account too: it is who proposes and votes. */
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

function validatorProblems({ validators }: Genesis): string[] {
  if (validators.length < 1 || validators.length > VALIDATORS_MAX) {
    return [`validators: expected 1 to ${VALIDATORS_MAX} members, found ${validators.length}`];
  }
  const problems = validators.flatMap((validator, i) => [
    ...weakness(`validators[${i}].publicKey`, validator.publicKey),
    ...weakness(`validators[${i}].account`, validator.account),
  ]);
  return [
    ...problems,
    ...repeats(validators, "validators", "publicKey", (validator) => hex(validator.publicKey)),
    ...repeats(validators, "validators", "peerId", (validator) => validator.peerId),
    ...repeats(validators, "validators", "name", (validator) => validator.name),
  ];
}

function weakness(path: string, publicKey: Uint8Array): string[] {
  if (isStrongPublicKey(publicKey)) return [];
  return [
    `${path}: ${hex0x(publicKey)} is a weak Ed25519 key (small order or not canonical), anyone can sign for it`,
  ];
}

/** Which items of a list are the same as an earlier one, "list[i].key: ..." each. */
export function repeats<T>(
  items: readonly T[],
  list: string,
  key: string,
  text: (item: T) => string,
): string[] {
  const first = new Map<string, number>();
  const problems: string[] = [];
  for (const [i, item] of items.entries()) {
    const seen = first.get(text(item));
    if (seen === undefined) first.set(text(item), i);
    else problems.push(`${list}[${i}].${key}: the same as ${list}[${seen}].${key}, each must be distinct`);
  }
  return problems;
}
