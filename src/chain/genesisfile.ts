/**
 * genesis.json as text: field by field into a {@link Genesis}, and back. It refuses what a chain could not live with
 * and says where, what it found and what it expects; it warns of what is legal but unwise. White space, the order of
 * keys and of lists never matter to the genesis hash (chain/genesis.ts). The adapter for zod of this floor.
 * Every field, unit and bound for people: genesis/README.md.
 */
import { z } from "zod";
import { hex, hex0x } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import {
  BLOCK_BYTES_CEILING,
  BLOCK_TRANSACTIONS_CEILING,
  GENESIS_ACCOUNTS_MAX,
  GENESIS_BYTES_MAX,
  LOG_WINDOW_BYTES_MAX,
  LOG_WINDOW_CEILING,
  MAIL_MESSAGE_BYTES_MAX,
  NAME_LENGTH_MAX,
  TX_BYTES_CEILING,
  VALIDATORS_MAX,
} from "../base/limits.ts";
import {
  addressField,
  amountField,
  checkJson,
  choiceField,
  field,
  integerField,
  textField,
} from "../codec/field.ts";
import { isStrongPublicKey } from "../crypto/keys.ts";
import { GENESIS_FORMAT, type Genesis } from "./genesis.ts";
import { newViewBytesMax } from "./viewchangesize.ts";

export interface ReadGenesis {
  readonly genesis: Genesis;
  /** Legal but unwise, one line each. */
  readonly warnings: readonly string[];
}

/** Sum of all balances at genesis: half of u64, so that no sum of two balances can overflow. */
const SUPPLY_MAX = (1n << 63n) - 1n;
/** Header time is a u32 of seconds. */
const TIME_MS_MAX = 0xffff_ffff * 1000;
/** Checkpoints between two rotations: beyond it rotation never comes in practice, which 0 says plainly. */
const ROTATION_INTERVAL_MAX = 1_000_000;
/** The shortest envelope that carries a transfer or an anchor with a full memo fits in here. */
const TX_BYTES_MIN = 512;

/** The multihash of an Ed25519 key in base58 always starts so. */
const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;

const nameField = textField(
  `a name of 1 to ${NAME_LENGTH_MAX} letters, digits, ".", "-" or "_"`,
  new RegExp(`^[A-Za-z0-9._-]{1,${NAME_LENGTH_MAX}}$`),
);

const schema = z
  .strictObject({
    format: field(`${GENESIS_FORMAT} (the only format this version reads)`, (value) =>
      value === GENESIS_FORMAT ? GENESIS_FORMAT : undefined,
    ),
    name: nameField,
    profile: choiceField("dev", "production"),
    chainId: integerField(1, Number.MAX_SAFE_INTEGER),
    timeMs: integerField(0, TIME_MS_MAX),
    consensus: z.strictObject({
      type: choiceField("pbft"),
      checkpointInterval: integerField(1, LOG_WINDOW_CEILING / 2),
      logWindow: integerField(2, LOG_WINDOW_CEILING),
      pipelineDepth: integerField(1, LOG_WINDOW_CEILING),
      rotationInterval: integerField(0, ROTATION_INTERVAL_MAX),
    }),
    limits: z.strictObject({
      maxBlockBytes: integerField(TX_BYTES_MIN, BLOCK_BYTES_CEILING),
      maxBlockTransactions: integerField(1, BLOCK_TRANSACTIONS_CEILING),
      maxTxBytes: integerField(TX_BYTES_MIN, TX_BYTES_CEILING),
      minFee: amountField(SUPPLY_MAX),
    }),
    validators: z.array(
      z.strictObject({
        name: nameField,
        publicKey: addressField("a consensus public key"),
        account: addressField("an account"),
        peerId: textField("an Ed25519 peer id (12D3KooW and 44 base58 characters)", PEER_ID),
      }),
    ),
    accounts: z.array(
      z.strictObject({ address: addressField("an account"), balance: amountField(SUPPLY_MAX) }),
    ),
  })
  .transform(
    ({ format: _, ...file }): Genesis => ({
      ...file,
      chainId: BigInt(file.chainId),
      timeMs: BigInt(file.timeMs),
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
  const fields = checkJson(schema, json);
  if (!fields.ok) return fields;
  const genesis = fields.value;
  const problems = [
    ...windowProblems(genesis),
    ...newViewProblems(genesis),
    ...limitProblems(genesis),
    ...validatorProblems(genesis),
    ...accountProblems(genesis),
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
    consensus: genesis.consensus,
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
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

function windowProblems({ consensus, limits }: Genesis): string[] {
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

/** A NEW-VIEW that does not fit into one message would leave the chain without a primary for good. */
function newViewProblems({ consensus, validators }: Genesis): string[] {
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

function weakness(path: string, publicKey: Uint8Array): string[] {
  if (isStrongPublicKey(publicKey)) return [];
  return [
    `${path}: ${hex0x(publicKey)} is a weak Ed25519 key (small order or not canonical), anyone can sign for it`,
  ];
}

function repeats<T>(items: readonly T[], list: string, key: string, text: (item: T) => string): string[] {
  const first = new Map<string, number>();
  const problems: string[] = [];
  for (const [i, item] of items.entries()) {
    const seen = first.get(text(item));
    if (seen === undefined) first.set(text(item), i);
    else problems.push(`${list}[${i}].${key}: the same as ${list}[${seen}].${key}, each must be distinct`);
  }
  return problems;
}

function warningsOf({ validators, accounts }: Genesis): string[] {
  const warnings: string[] = [];
  if (validators.length < 4) {
    warnings.push(
      `validators: ${validators.length} of them tolerate no fault: the chain halts when one is away; 4 tolerate one`,
    );
  }
  const weak = accounts.findIndex((account) => !isStrongPublicKey(account.address));
  if (weak >= 0)
    warnings.push(`accounts[${weak}].address: not a usable Ed25519 key, its balance can never move`);
  return warnings;
}
