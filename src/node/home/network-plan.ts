/**
 * The plan of a whole network: who its members and first account holders are, with their secrets, and the genesis
 * that follows. From a seed text the plan is the same on every machine (the devnet); with random keys it is a new
 * network (testnet). Pure but for the caller's randomness; writing the files is node/home/home.ts.
 */

import { assert, must } from "../../base/assert.ts";
import { type Address, asAddress, compareBytes, parseHex, utf8 } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { MAIL_MESSAGE_BYTES_MAX, VALIDATORS_MAX } from "../../base/limits.ts";
import type { PbftParameters } from "../../chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";
import { rolesFrom } from "../../chain/governance/roles.ts";
import { newViewBytesMax } from "../../chain/types/view-change-size.ts";
import { sha256, taggedHash } from "../../crypto/hash.ts";
import { createSigner } from "../../crypto/keys.ts";
import { peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { MINING_PROFILES, type MiningProfile } from "./mining-profiles.ts";

/** A node with the key that it votes with, or is paid by. */
export interface PlannedMember {
  /** The node's name, "node0" and so on: node i has validator index i where nodes vote. */
  readonly name: string;
  /** The secret of the consensus key, 32 bytes. Its public key is also the account that receives fees and coinbases. */
  readonly seed: Uint8Array;
  readonly publicKey: Address;
  /** Secret of the libp2p identity, 32 bytes. */
  readonly nodeSeed: Uint8Array;
  readonly peerId: string;
}

export interface PlannedAccount {
  readonly name: string;
  /** The secret of the account's key, 32 bytes. */
  readonly seed: Uint8Array;
  readonly address: Address;
  readonly balance: bigint;
}

export interface NetworkPlan {
  /** The validators in the order of their index. */
  readonly validators: readonly PlannedMember[];
  /** Nodes that may become validators, in order of their names behind those. */
  readonly spares: readonly PlannedMember[];
  /** The accounts of validators and spares, in their order. Empty where the validators never change. */
  readonly operators: readonly PlannedAccount[];
  readonly accounts: readonly PlannedAccount[];
  readonly genesis: Genesis<PbftParameters>;
}

/** A network that anyone may join: the genesis names no node, they know each other by peers.json. */
export interface MinedPlan {
  readonly miners: readonly PlannedMember[];
  readonly accounts: readonly PlannedAccount[];
  readonly genesis: Genesis<PowParameters>;
}

/** Gives 32 secret bytes: derived from a seed text, or random. `label` is unique within a plan. */
export type SecretSource = (kind: "validator" | "miner" | "node" | "account", label: string) => Uint8Array;

export interface NetworkPlanOptions extends ChainOptions {
  readonly validators: number;
  /** Heights of an epoch: the validators may change. Each then has an account of its own, operator0, ..., which votes. */
  readonly epochLength?: number | undefined;
  /** Where the validators may change: so many more nodes with keys, which may join. */
  readonly spares?: number | undefined;
}

export interface MinedOptions extends ChainOptions {
  readonly miners: number;
  readonly consensus: PowParameters;
}

interface ChainOptions {
  readonly accounts: number;
  /** Each account's balance at genesis. */
  readonly balance: bigint;
  readonly name: string;
  readonly profile: Genesis["profile"];
  readonly chainId: bigint;
  readonly timeMs: bigint;
  readonly minFee: bigint;
}

/** What the devnet and genesis/pbft-dev.json are made of: chain 31337, born at 2026-01-01T00:00:00Z. */
export const DEVNET: NetworkPlanOptions = {
  validators: 4,
  accounts: 10,
  balance: 1_000_000n,
  name: "pbft-dev",
  profile: "dev",
  chainId: 31337n,
  timeMs: 1_767_225_600_000n,
  minFee: 0n,
};

/** What `devnet --consensus pow` and genesis/pow-dev.json are made of. */
export const MINED_DEVNET: MinedOptions = {
  miners: 3,
  accounts: DEVNET.accounts,
  balance: DEVNET.balance,
  name: "pow-dev",
  profile: "dev",
  chainId: 31_339n,
  timeMs: DEVNET.timeMs,
  minFee: 0n,
  consensus: MINING_PROFILES.dev,
};

/** What genesis/pow-*.json are made of, by the profile. Only play chains begin with money. */
export const MINED_NETWORKS: { readonly [Name in MiningProfile]: MinedOptions } = {
  dev: MINED_DEVNET,
  bitcoin: {
    ...MINED_DEVNET,
    name: "pow-bitcoin",
    chainId: 31_340n,
    accounts: 0,
    profile: "production",
    minFee: 1n,
    consensus: MINING_PROFILES.bitcoin,
  },
  regtest: { ...MINED_DEVNET, name: "pow-regtest", chainId: 31_341n, consensus: MINING_PROFILES.regtest },
};

const hashDevAccount = taggedHash("quorate/dev-account/v1");
const hashDevValidator = taggedHash("quorate/dev-validator/v1");
const hashDevMiner = taggedHash("quorate/dev-miner/v1");
const hashDevNode = taggedHash("quorate/dev-node/v1");

/** Lets everything follow from the text of a seed, so that whoever knows it holds every key. For dev chains only. */
export function secretsFromSeed(seed: string): SecretSource {
  const root = sha256(utf8(seed));
  const hashes = {
    account: hashDevAccount,
    validator: hashDevValidator,
    miner: hashDevMiner,
    node: hashDevNode,
  };
  return (kind, label) => hashes[kind](root, utf8(label));
}

export function planNetwork(options: NetworkPlanOptions, secrets: SecretSource): NetworkPlan {
  assert(options.validators >= 1 && options.validators <= VALIDATORS_MAX, "1 to VALIDATORS_MAX validators");
  const { epochLength, spares = 0 } = options;
  const members = planMembers("validator", options.validators + spares, secrets);
  const validators = members.slice(0, options.validators);
  const operators =
    epochLength === undefined
      ? []
      : members.map((_, i) => planAccount(`operator${i}`, options.balance, secrets));
  const accounts = [...planAccounts(options, secrets), ...operators];
  const window = planWindow(members.length);
  const genesis = {
    ...planGenesis(options, accounts),
    consensus: epochLength === undefined ? window : { ...window, epochLength },
    validators: validators.map(({ name, publicKey, peerId }, i) => ({
      name,
      publicKey,
      account: operators[i]?.address ?? publicKey,
      peerId,
    })),
  };
  return { validators, spares: members.slice(options.validators), operators, accounts, genesis };
}

/** Who has a role at genesis: names of accounts of the plan, or addresses. */
export interface RoleNames {
  readonly senders: readonly string[];
  readonly admins: readonly string[];
}

/** The same network where these accounts alone, and those of its validators, may send. */
export function planRoles(plan: NetworkPlan, names: RoleNames): Verdict<NetworkPlan> {
  const known = new Map(plan.accounts.map(({ name, address }) => [name, address]));
  const addressOf = (text: string) => known.get(text) ?? parseAddress(text);
  const unknown = [...names.senders, ...names.admins].find((text) => addressOf(text) === undefined);
  if (unknown !== undefined) {
    const [first, last] = [plan.accounts[0]?.name, plan.accounts.at(-1)?.name];
    const those =
      first === undefined ? "there is none" : `there are ${plan.accounts.length}, ${first} to ${last}`;
    return refuse(
      "malformed",
      `"${unknown}" is no account of this network (${those}), and no address (0x and 64 hex digits)`,
    );
  }
  const addresses = (texts: readonly string[]) => texts.flatMap((text) => addressOf(text) ?? []);
  const roles = rolesFrom({ senders: addresses(names.senders), admins: addresses(names.admins) });
  return accept({ ...plan, genesis: { ...plan.genesis, roles } });
}

function parseAddress(text: string): Address | undefined {
  return /^0x[0-9a-f]{64}$/.test(text) ? asAddress(must(parseHex(text.slice(2)), "hex digits")) : undefined;
}

export function planMinedNetwork(options: MinedOptions, secrets: SecretSource): MinedPlan {
  assert(options.miners >= 1 && options.miners <= VALIDATORS_MAX, "1 to VALIDATORS_MAX miners");
  const accounts = planAccounts(options, secrets);
  const genesis = { ...planGenesis(options, accounts), consensus: options.consensus, validators: [] };
  return { miners: planMembers("miner", options.miners, secrets), accounts, genesis };
}

function planAccounts({ accounts, balance }: ChainOptions, secrets: SecretSource): PlannedAccount[] {
  return accountNames(accounts).map((name) => planAccount(name, balance, secrets));
}

/** The account that a seed text gives this name, whether it is in a genesis or not. */
function planAccount(name: string, balance: bigint, secrets: SecretSource): PlannedAccount {
  const seed = secrets("account", name);
  return { name, seed, address: createSigner(seed).publicKey, balance };
}

/** Names accounts alice, bob and so on, and beyond the alphabet account26, account27 and so on. */
function accountNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => ACCOUNT_NAMES[i] ?? `account${i}`);
}

const ACCOUNT_NAMES = (
  "alice bob carol dave erin frank grace heidi ivan judy kevin laura mallory niaj olivia peggy " +
  "quentin rupert sybil trent ursula victor wendy xavier yvonne zoe"
).split(" ");

/** Sorted by key before they are named, so that node i has index i in every validator set. */
function planMembers(kind: "validator" | "miner", count: number, secrets: SecretSource): PlannedMember[] {
  const keys = Array.from({ length: count }, (_, i) => {
    const seed = secrets(kind, `${i}`);
    return { seed, publicKey: createSigner(seed).publicKey };
  });
  keys.sort((a, b) => compareBytes(a.publicKey, b.publicKey));
  return keys.map((key, i) => {
    const nodeSeed = secrets("node", `${i}`);
    return { name: `node${i}`, ...key, nodeSeed, peerId: peerIdFromSeed(nodeSeed) };
  });
}

function planGenesis(
  { name, chainId, timeMs, profile, minFee }: ChainOptions,
  accounts: readonly PlannedAccount[],
): Omit<Genesis, "consensus" | "validators"> {
  return {
    name,
    chainId,
    timeMs,
    profile,
    limits: { maxBlockBytes: 1_048_576, maxBlockTransactions: 5_000, maxTxBytes: 16_384, minFee },
    accounts: accounts.map(({ address, balance }) => ({ address, balance })),
  };
}

/** K and L = 2K: 16 and 32, or less where a NEW-VIEW of so many validators would not fit into one message. */
function planWindow(validators: number): PbftParameters {
  let checkpointInterval = 16;
  while (
    checkpointInterval > 1 &&
    newViewBytesMax(validators, 2 * checkpointInterval) + 1 > MAIL_MESSAGE_BYTES_MAX
  )
    checkpointInterval--;
  const logWindow = 2 * checkpointInterval;
  return { type: "pbft", checkpointInterval, logWindow, pipelineDepth: 1, rotationInterval: 4 };
}
