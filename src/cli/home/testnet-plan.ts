/**
 * What `quorate testnet` makes a network of: the genesis and the members that follow from its options, validators
 * who agree or miners whom anyone may join. Options that mean nothing for the chosen consensus are refused, and
 * what was left out follows from it. Pure but for the caller's randomness and clock.
 */
import type { ConsensusName } from "../../chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { devMining, type MiningProfile } from "../../node/home/mining-profiles.ts";
import {
  DEVNET,
  MINED_DEVNET,
  MINED_NETWORKS,
  type PlannedAccount,
  type PlannedMember,
  planMinedNetwork,
  planNetwork,
  planRoles,
  type SecretSource,
} from "../../node/home/network-plan.ts";
import { SPACING_MAX } from "../devnet/devnet-plan.ts";
import { badInput, valueOrThrow } from "../exit.ts";

export interface NetworkChoice {
  readonly consensus: ConsensusName;
  /** Nodes that make blocks: validators, or miners. */
  readonly validators: number;
  readonly name: string;
  readonly chainId?: number;
  readonly accounts?: number;
  readonly balance: bigint;
  readonly minFee?: bigint;
  readonly profile?: string;
  readonly blockTime?: number;
  readonly hashLimit?: number;
  readonly epochLength?: number;
  /** Accounts with a role at genesis, by name or address. */
  readonly senders?: readonly string[];
  readonly admins?: readonly string[];
}

export interface TestnetPlan {
  /** Those that make blocks, in order of the nodes. */
  readonly members: readonly PlannedMember[];
  readonly accounts: readonly PlannedAccount[];
  /** The accounts that vote for the seats of the members, in their order; empty where they never change. */
  readonly operators: readonly PlannedAccount[];
  readonly genesis: Genesis;
  readonly memberMode: "validator" | "miner" | "full";
}

export const PROFILES = ["dev", "production", "bitcoin", "regtest"] as const;
const ACCOUNTS = 4;

/** How many nodes make blocks if nobody says. */
export function membersOf(consensus: ConsensusName): number {
  return consensus === "pow" ? MINED_DEVNET.miners : DEVNET.validators;
}

/** @throws CliError */
export function planTestnet(choice: NetworkChoice, nowMs: number, secrets: SecretSource): TestnetPlan {
  return choice.consensus === "pow" ? planMined(choice, nowMs, secrets) : planVoted(choice, nowMs, secrets);
}

function planVoted(choice: NetworkChoice, nowMs: number, secrets: SecretSource): TestnetPlan {
  const { profile = "production", chainId = 31_338, accounts = ACCOUNTS, minFee = 1n } = choice;
  const { senders = [], admins = [] } = choice;
  if (profile !== "dev" && profile !== "production") {
    throw badInput(`--profile: a network of validators is dev or production, found "${profile}"`);
  }
  if ((choice.blockTime ?? choice.hashLimit) !== undefined) {
    throw badInput("--block-time and --hash-limit are for mined networks: say --consensus pow");
  }
  const chain = { ...choice, profile, accounts, minFee } as const;
  const open = planNetwork({ ...chain, chainId: BigInt(chainId), timeMs: BigInt(nowMs) }, secrets);
  const plan = hasRoles(choice) ? valueOrThrow(planRoles(open, { senders, admins })) : open;
  return { members: plan.validators, memberMode: "validator", ...plan };
}

function hasRoles({ senders, admins, epochLength }: NetworkChoice): boolean {
  if ((senders ?? admins) === undefined) return false;
  if (epochLength !== undefined) return true;
  throw badInput("--senders and --admins: roles are changed by votes: say --epoch-length too");
}

function planMined(choice: NetworkChoice, nowMs: number, secrets: SecretSource): TestnetPlan {
  const { profile = "dev", name, validators: miners, balance } = choice;
  if (choice.epochLength !== undefined)
    throw badInput("--epoch-length is for validators: say --consensus pbft");
  hasRoles(choice);
  if (!isMiningProfile(profile)) {
    throw badInput(`--profile: a mined network is dev, bitcoin or regtest, found "${profile}"`);
  }
  const ready = MINED_NETWORKS[profile];
  const options = {
    ...ready,
    name,
    miners,
    balance,
    chainId: choice.chainId === undefined ? ready.chainId : BigInt(choice.chainId),
    // Money that nobody mined is for play.
    accounts: choice.accounts ?? (ready.profile === "dev" ? ACCOUNTS : 0),
    minFee: choice.minFee ?? ready.minFee,
    timeMs: BigInt(Math.floor(nowMs / 1_000) * 1_000),
    consensus: choice.blockTime === undefined ? ready.consensus : paced(profile, choice.blockTime),
  };
  const plan = planMinedNetwork(options, secrets);
  // Two hashes a block: who mined all the time would fill the disk.
  const memberMode = profile === "regtest" ? "full" : "miner";
  return { members: plan.miners, memberMode, accounts: plan.accounts, operators: [], genesis: plan.genesis };
}

function paced(profile: MiningProfile, blockTimeMs: number) {
  if (profile !== "dev") throw badInput(`--block-time: the profile ${profile} has its own`);
  const spacing = blockTimeMs / 1_000;
  if (!Number.isInteger(spacing) || spacing < 1 || spacing > SPACING_MAX) {
    throw badInput(
      `--block-time: expected whole seconds from 1s to ${SPACING_MAX}s, found ${blockTimeMs} ms`,
    );
  }
  return devMining(spacing);
}

function isMiningProfile(profile: string): profile is MiningProfile {
  return Object.hasOwn(MINED_NETWORKS, profile);
}
