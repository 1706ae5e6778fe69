/**
 * The plan of a whole network: who its validators and first account holders are, with their secrets, and the genesis
 * that follows. From a seed text the plan is the same on every machine (the devnet); with random keys it is a new
 * network (testnet). Pure but for the caller's randomness; writing the files is node/home.ts.
 */

import { assert } from "../base/assert.ts";
import { type Address, compareBytes, utf8 } from "../base/bytes.ts";
import { MAIL_MESSAGE_BYTES_MAX, VALIDATORS_MAX } from "../base/limits.ts";
import type { PbftParameters } from "../chain/consensusparameters.ts";
import type { Genesis } from "../chain/genesis.ts";
import { newViewBytesMax } from "../chain/viewchangesize.ts";
import { sha256, taggedHash } from "../crypto/hash.ts";
import { createSigner } from "../crypto/keys.ts";
import { peerIdFromSeed } from "../p2p/identity.ts";

export interface PlannedValidator {
  /** "node0", ...: node i has validator index i. */
  readonly name: string;
  /** Secret of the consensus key, 32 bytes; its public key is also the account that receives the fees. */
  readonly seed: Uint8Array;
  readonly publicKey: Address;
  /** Secret of the libp2p identity, 32 bytes. */
  readonly nodeSeed: Uint8Array;
  readonly peerId: string;
}

export interface PlannedAccount {
  readonly name: string;
  /** Secret, 32 bytes. */
  readonly seed: Uint8Array;
  readonly address: Address;
  readonly balance: bigint;
}

export interface NetworkPlan {
  /** In order of validator index. */
  readonly validators: readonly PlannedValidator[];
  readonly accounts: readonly PlannedAccount[];
  readonly genesis: Genesis<PbftParameters>;
}

/** Where 32 secret bytes come from: derived from a seed text, or random. `label` is unique within a plan. */
export type SecretSource = (kind: "validator" | "node" | "account", label: string) => Uint8Array;

export interface NetworkOptions {
  readonly validators: number;
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
export const DEVNET: NetworkOptions = {
  validators: 4,
  accounts: 10,
  balance: 1_000_000n,
  name: "pbft-dev",
  profile: "dev",
  chainId: 31337n,
  timeMs: 1_767_225_600_000n,
  minFee: 0n,
};

const hashDevAccount = taggedHash("quorate/dev-account/v1");
const hashDevValidator = taggedHash("quorate/dev-validator/v1");
const hashDevNode = taggedHash("quorate/dev-node/v1");

/** Everything follows from the seed text: whoever knows it holds every key. For dev chains only. */
export function secretsFromSeed(seed: string): SecretSource {
  const root = sha256(utf8(seed));
  const hashes = { account: hashDevAccount, validator: hashDevValidator, node: hashDevNode };
  return (kind, label) => hashes[kind](root, utf8(label));
}

export function planNetwork(options: NetworkOptions, secrets: SecretSource): NetworkPlan {
  assert(options.validators >= 1 && options.validators <= VALIDATORS_MAX, "1 to VALIDATORS_MAX validators");
  const validators = planValidators(options.validators, secrets);
  const accounts = accountNames(options.accounts).map((name) => planAccount(name, options.balance, secrets));
  return { validators, accounts, genesis: planGenesis(options, validators, accounts) };
}

/** The account that a seed text gives this name, whether it is in a genesis or not. */
export function planAccount(name: string, balance: bigint, secrets: SecretSource): PlannedAccount {
  const seed = secrets("account", name);
  return { name, seed, address: createSigner(seed).publicKey, balance };
}

/** alice, bob, ...; beyond the alphabet account26, account27, ... */
export function accountNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => ACCOUNT_NAMES[i] ?? `account${i}`);
}

const ACCOUNT_NAMES = (
  "alice bob carol dave erin frank grace heidi ivan judy kevin laura mallory niaj olivia peggy " +
  "quentin rupert sybil trent ursula victor wendy xavier yvonne zoe"
).split(" ");

/** Sorted by consensus key before they are named, so that node i has index i in every validator set. */
function planValidators(count: number, secrets: SecretSource): PlannedValidator[] {
  const keys = Array.from({ length: count }, (_, i) => {
    const seed = secrets("validator", `${i}`);
    return { seed, publicKey: createSigner(seed).publicKey };
  });
  keys.sort((a, b) => compareBytes(a.publicKey, b.publicKey));
  return keys.map((key, i) => {
    const nodeSeed = secrets("node", `${i}`);
    return { name: `node${i}`, ...key, nodeSeed, peerId: peerIdFromSeed(nodeSeed) };
  });
}

function planGenesis(
  options: NetworkOptions,
  validators: readonly PlannedValidator[],
  accounts: readonly PlannedAccount[],
): Genesis<PbftParameters> {
  const { name, chainId, timeMs, profile, minFee } = options;
  return {
    name,
    chainId,
    timeMs,
    profile,
    consensus: planWindow(validators.length),
    limits: { maxBlockBytes: 1_048_576, maxBlockTransactions: 5_000, maxTxBytes: 16_384, minFee },
    validators: validators.map(({ name, publicKey, peerId }) => ({
      name,
      publicKey,
      account: publicKey,
      peerId,
    })),
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
