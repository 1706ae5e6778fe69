/**
 * genesis.json as text: field by field into a {@link Genesis}, and back. It refuses what a chain could not live with
 * and says where, what it found and what it expects; it warns of what is legal but unwise. White space, the order of
 * keys and of lists never matter to the genesis hash (chain/genesis/genesis.ts).
 * Every field, unit and bound for people: genesis/README.md.
 */
import { asHash, hex, hex0x } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import {
  BLOCK_BYTES_CEILING,
  BLOCK_TRANSACTIONS_CEILING,
  GENESIS_ACCOUNTS_MAX,
  GENESIS_BYTES_MAX,
  NAME_LENGTH_MAX,
  TX_BYTES_CEILING,
} from "../../base/limits.ts";
import {
  addressField,
  amountField,
  checkJson,
  choiceField,
  field,
  integerField,
  list,
  mapped,
  object,
  optional,
  textField,
} from "../../codec/field.ts";
import { isStrongPublicKey } from "../../crypto/keys.ts";
import { CONSENSUS_NAMES, type ConsensusName } from "./consensus-parameters.ts";
import { GENESIS_FORMAT, type Genesis } from "./genesis.ts";
import { FILE_FORMATS, fileFormatOf, repeats, SUPPLY_MAX } from "./genesis-file-formats.ts";
import {
  GENESIS_MODULES_MAX,
  type GenesisModules,
  MODULE_NUMBER_MAX,
  MODULE_NUMBER_MIN,
} from "./genesis-modules.ts";

export interface ReadGenesis {
  readonly genesis: Genesis;
  /** Legal but unwise, one line each. */
  readonly warnings: readonly string[];
}

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
const VERSION_MAX = 1_000_000;

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
      version: integerField(1, VERSION_MAX),
      hash: mapped(addressField("SHA-256 of the module's file"), (bytes) => asHash(bytes)),
    }),
    GENESIS_MODULES_MAX,
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
      consensus: FILE_FORMATS[name].schema,
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
    }),
    ({ format: _, modules, ...file }): Genesis => ({
      ...file,
      chainId: BigInt(file.chainId),
      timeMs: BigInt(file.timeMs),
      ...(modules === undefined || modules.list.length === 0 ? {} : { modules }),
    }),
  );

/**
 * Reads a genesis file. Faults: `too-large`, `malformed` (not JSON, or a field is not what it must be) and `unfit`
 * (the fields are well-formed but do not fit together).
 */
export function parseGenesis(json: string): Verdict<ReadGenesis, "too-large" | "malformed" | "unfit"> {
  if (json.length > GENESIS_BYTES_MAX) {
    return refuse("too-large", `${json.length} bytes, at most ${GENESIS_BYTES_MAX} are read`);
  }
  const fields = checkJson(schemaOf(consensusNamed(json)), json);
  if (!fields.ok) return fields;
  const genesis = fields.value;
  const problems = [
    ...limitProblems(genesis),
    ...fileFormatOf(genesis.consensus).problems(genesis),
    ...accountProblems(genesis),
    ...moduleProblems(genesis),
  ];
  if (problems.length > 0) return refuse("unfit", problems.slice(0, PROBLEMS_SHOWN).join("; "));
  return accept({ genesis, warnings: warningsOf(genesis) });
}

const PROBLEMS_SHOWN = 5;

/** The text of genesis.json: two spaces, amounts as strings, a newline at the end. */
export function formatGenesis(genesis: Genesis): string {
  const file = {
    format: GENESIS_FORMAT,
    name: genesis.name,
    profile: genesis.profile,
    chainId: Number(genesis.chainId),
    timeMs: Number(genesis.timeMs),
    consensus: fileFormatOf(genesis.consensus).toJson(genesis.consensus),
    limits: { ...genesis.limits, minFee: genesis.limits.minFee.toString() },
    validators: genesis.validators.map(({ name, publicKey, account, peerId }) => ({
      name,
      publicKey: hex0x(publicKey),
      account: hex0x(account),
      peerId,
    })),
    accounts: genesis.accounts.map(({ address, balance }) => ({
      address: hex0x(address),
      balance: balance.toString(),
    })),
    ...(genesis.modules === undefined ? {} : { modules: modulesJson(genesis.modules) }),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

function modulesJson({ callUnitsMax, unitsPerFee, list }: GenesisModules) {
  return {
    callUnitsMax,
    unitsPerFee: unitsPerFee.toString(),
    list: list.map(({ name, number, version, hash }) => ({ name, number, version, hash: hex0x(hash) })),
  };
}

function moduleProblems({ modules }: Genesis): string[] {
  if (modules === undefined) return [];
  const { list: named } = modules;
  return [
    ...repeats(named, "modules.list", "name", ({ name }) => name),
    ...repeats(named, "modules.list", "number", ({ number }) => String(number)),
  ];
}

function limitProblems({ limits, profile }: Genesis): string[] {
  const problems: string[] = [];
  if (limits.maxTxBytes > limits.maxBlockBytes) {
    problems.push(
      `limits.maxTxBytes: ${limits.maxTxBytes} is more than maxBlockBytes ${limits.maxBlockBytes}, such a transaction would never fit`,
    );
  }
  if (limits.minFee === 0n && profile !== "dev") {
    problems.push(`limits.minFee: "0" is for profile "dev" only, this one is "${profile}"; set at least "1"`);
  }
  return problems;
}

function accountProblems({ accounts }: Genesis): string[] {
  if (accounts.length > GENESIS_ACCOUNTS_MAX) {
    return [`accounts: expected at most ${GENESIS_ACCOUNTS_MAX}, found ${accounts.length}`];
  }
  const problems = repeats(accounts, "accounts", "address", (account) => hex(account.address));
  const supply = accounts.reduce((sum, account) => sum + account.balance, 0n);
  if (supply > SUPPLY_MAX) {
    problems.push(`accounts: the balances add up to ${supply}, at most ${SUPPLY_MAX} (2^63 - 1) may exist`);
  }
  return problems;
}

function warningsOf(genesis: Genesis): string[] {
  const warnings = fileFormatOf(genesis.consensus).warnings(genesis);
  const weak = genesis.accounts.findIndex((account) => !isStrongPublicKey(account.address));
  if (weak >= 0)
    warnings.push(`accounts[${weak}].address: not a usable Ed25519 key, its balance can never move`);
  return warnings;
}

/** By whose schema a text is read that names no known consensus: its list of choices is part of that fault. */
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
