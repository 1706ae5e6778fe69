/**
 * The fields of genesis.json and their bounds, one by one; what of them fits together is judged by genesis-file.ts, when
 * a chain is made or run. A verifier, which executes nothing, reads a genesis by these fields alone, and holds its
 * validators to what gives their signatures a meaning.
 * Every field, unit and bound for people: genesis/README.md.
 */
import { asHash, hex, hex0x } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import {
  BLOCK_BYTES_CEILING,
  BLOCK_TRANSACTIONS_CEILING,
  GENESIS_BYTES_MAX,
  LOG_WINDOW_CEILING,
  NAME_LENGTH_MAX,
  TX_BYTES_CEILING,
  VALIDATORS_MAX,
} from "../../base/limits.ts";
import {
  addressField,
  amountField,
  checkJson,
  choiceField,
  type Field,
  field,
  integerField,
  list,
  mapped,
  object,
  optional,
  textField,
  variant,
} from "../../codec/field.ts";
import { isStrongPublicKey } from "../../crypto/keys.ts";
import { EPOCH_LENGTH_MAX, ROTATION_INTERVAL_MAX } from "../governance/parameters.ts";
import { ROLE_HOLDERS_MAX, rolesFrom } from "../governance/roles.ts";
import {
  MODULE_NUMBER_MAX,
  MODULE_NUMBER_MIN,
  MODULE_VERSION_MAX,
  MODULES_MAX,
} from "../types/module-version.ts";
import { CONSENSUS_NAMES, type ConsensusName, type PbftParameters } from "./consensus-parameters.ts";
import { GENESIS_FORMAT, type Genesis } from "./genesis.ts";
import type { PowParameters, RetargetParameters } from "./pow-parameters.ts";

/** Sum of all money that may ever exist: half of u64, so that no sum of two balances can overflow. */
export const SUPPLY_MAX = (1n << 63n) - 1n;

const pbftField: Field<PbftParameters> = object({
  type: choiceField(...CONSENSUS_NAMES) as Field<"pbft">,
  checkpointInterval: integerField(1, LOG_WINDOW_CEILING / 2),
  logWindow: integerField(2, LOG_WINDOW_CEILING),
  pipelineDepth: integerField(1, LOG_WINDOW_CEILING),
  rotationInterval: integerField(0, ROTATION_INTERVAL_MAX),
  epochLength: optional(integerField(2, EPOCH_LENGTH_MAX)),
});

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

const powField: Field<PowParameters> = object({
  type: choiceField(...CONSENSUS_NAMES) as Field<"pow">,
  powLimitBits: bitsField,
  startBits: bitsField,
  spacing: integerField(1, SECONDS_MAX),
  futureLimit: integerField(1, SECONDS_MAX),
  retarget: retargetSchema,
  subsidy: amountField(SUPPLY_MAX),
  halvingInterval: integerField(1, BLOCKS_MAX),
  maturity: integerField(1, 1_000_000),
});

const CONSENSUS_FIELDS: { readonly [Name in ConsensusName]: Field<PbftParameters | PowParameters> } = {
  pbft: pbftField,
  pow: powField,
};

/** Header time is a u32 of seconds. */
const TIME_MS_MAX = 0xffff_ffff * 1000;
/** The shortest envelope that carries a transfer or an anchor with a full memo fits in here. */
const TX_BYTES_MIN = 512;

/** The multihash of an Ed25519 key in base58 always starts so. */
const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;

const nameField = textField(
  `a name of 1 to ${NAME_LENGTH_MAX} letters, digits, ".", "-" or "_"`,
  new RegExp(`^[A-Za-z0-9._-]{1,${NAME_LENGTH_MAX}}$`),
);

/** Units of one call, and coins for them: at least what a small call costs, at most some seconds of a core. */
const CALL_UNITS_MIN = 10_000;
const CALL_UNITS_MAX = 1_000_000_000;

const modulesField = object({
  callUnitsMax: integerField(CALL_UNITS_MIN, CALL_UNITS_MAX),
  unitsPerFee: amountField(SUPPLY_MAX),
  list: list(
    object({
      name: textField(
        "a lower-case letter, then lower-case letters and digits, at most 32",
        /^[a-z][a-z0-9]{0,31}$/,
      ),
      number: integerField(MODULE_NUMBER_MIN, MODULE_NUMBER_MAX),
      version: integerField(1, MODULE_VERSION_MAX),
      hash: mapped(addressField("SHA-256 of the module's file"), (bytes) => asHash(bytes)),
    }),
    MODULES_MAX,
  ),
});

const schemaOf = (name: ConsensusName) =>
  mapped(
    object({
      format: field(`${GENESIS_FORMAT} (the only format this version reads)`, (value) =>
        value === GENESIS_FORMAT ? GENESIS_FORMAT : undefined,
      ),
      name: nameField,
      profile: choiceField("dev", "production"),
      chainId: integerField(1, Number.MAX_SAFE_INTEGER),
      timeMs: integerField(0, TIME_MS_MAX),
      consensus: CONSENSUS_FIELDS[name],
      limits: object({
        maxBlockBytes: integerField(TX_BYTES_MIN, BLOCK_BYTES_CEILING),
        maxBlockTransactions: integerField(1, BLOCK_TRANSACTIONS_CEILING),
        maxTxBytes: integerField(TX_BYTES_MIN, TX_BYTES_CEILING),
        minFee: amountField(SUPPLY_MAX),
      }),
      validators: list(
        object({
          name: nameField,
          publicKey: addressField("a consensus public key"),
          account: addressField("an account"),
          peerId: textField("an Ed25519 peer id (12D3KooW and 44 base58 characters)", PEER_ID),
        }),
      ),
      accounts: list(object({ address: addressField("an account"), balance: amountField(SUPPLY_MAX) })),
      modules: optional(modulesField),
      roles: optional(
        object({
          senders: list(addressField("an account"), ROLE_HOLDERS_MAX),
          admins: list(addressField("an account"), ROLE_HOLDERS_MAX),
        }),
      ),
    }),
    ({ format: _, modules, roles, ...file }): Genesis => ({
      ...file,
      chainId: BigInt(file.chainId),
      timeMs: BigInt(file.timeMs),
      ...(modules === undefined || modules.list.length === 0 ? {} : { modules }),
      ...(roles === undefined ? {} : { roles: rolesFrom(roles) }),
    }),
  );

/** Reads the fields of a genesis, each within its bounds. Faults: `too-large`, `malformed`. */
export function readGenesisFields(json: string): Verdict<Genesis, "too-large" | "malformed"> {
  if (json.length > GENESIS_BYTES_MAX) {
    return refuse("too-large", `${json.length} bytes, at most ${GENESIS_BYTES_MAX} are read`);
  }
  return checkJson(schemaOf(consensusNamed(json)), json);
}

/** Reads a genesis for whoever trusts it and runs no chain by it. Another fault is `unfit`, of the validators. */
export function readTrustedGenesis(json: string): Verdict<Genesis, "too-large" | "malformed" | "unfit"> {
  const read = readGenesisFields(json);
  if (!read.ok || read.value.consensus.type !== "pbft") return read;
  const problems = validatorProblems(read.value);
  return problems.length === 0 ? accept(read.value) : refuse("unfit", firstProblems(problems));
}

const PROBLEMS_SHOWN = 5;

export function firstProblems(problems: readonly string[]): string {
  return problems.slice(0, PROBLEMS_SHOWN).join("; ");
}

/** The consensus by whose schema a text is read that names no known one: its list of choices is part of that fault. */
const FALLBACK_CONSENSUS: ConsensusName = "pbft";

/** Which consensus a text asks for, as far as one can see; the schema says what is wrong with it. */
function consensusNamed(json: string): ConsensusName {
  try {
    const { type } = (JSON.parse(json) as { consensus: { type: unknown } }).consensus;
    return CONSENSUS_NAMES.find((name) => name === type) ?? FALLBACK_CONSENSUS;
  } catch {
    return FALLBACK_CONSENSUS;
  }
}

/** Why signatures of these validators would mean nothing, or not what they seem to. */
export function validatorProblems({ validators }: Genesis): string[] {
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
