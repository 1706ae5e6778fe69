/**
 * What a devnet is on disk: devnet.json says what it was made of, and everything else follows from it. The same
 * options find the same network again; other options against existing data are refused, because the chain in the
 * folder would not be theirs.
 *
 *   <dir>/devnet.json  genesis.json  node0/ node1/ ...  control.sock  LOCK
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { must } from "../../base/assert.ts";
import { hex0x } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { VALIDATORS_MAX } from "../../base/limits.ts";
import { shellWord } from "../../base/shell-word.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { formatGenesis, parseGenesis } from "../../chain/genesis/genesis-file.ts";
import type { GenesisModules } from "../../chain/genesis/genesis-modules.ts";
import { EPOCH_LENGTH_MAX } from "../../chain/governance/parameters.ts";
import { ROLE_HOLDERS_MAX } from "../../chain/governance/roles.ts";
import { amountField, checkJson, field, integerField, list, object, optional } from "../../codec/field.ts";
import { createHome, homePaths } from "../../node/home/home.ts";
import { keyOfSeed } from "../../node/home/key-file.ts";
import { devMining } from "../../node/home/mining-profiles.ts";
import {
  DEVNET,
  MINED_DEVNET,
  type PlannedAccount,
  type PlannedMember,
  planMinedNetwork,
  planNetwork,
  planRoles,
  secretsFromSeed,
} from "../../node/home/network-plan.ts";
import { formatPeers, type KnownPeer, multiaddrOf, parsePeers } from "../../node/home/peers-file.ts";
import { readTextFile } from "../../node/home/text-file.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import { valueOrThrow } from "../exit.ts";
import { devnetFile } from "./devnet-dir.ts";
import {
  type DevnetSettings,
  newConfigText,
  nodeVariables,
  planStart,
  type Variables,
} from "./devnet-settings.ts";

/** What the chain follows from: fixed for the life of the folder. */
export interface DevnetOrigin {
  readonly seed: string;
  /** How many nodes there are: validators, or miners. */
  readonly validators: number;
  readonly accounts: number;
  readonly balance: bigint;
  /** Whole seconds between two blocks where the nodes mine. Undefined where they are validators. */
  readonly spacing?: number | undefined;
  /** Heights of an epoch where the validators may change. */
  readonly epochLength?: number | undefined;
  /** Nodes with keys that are no validators at first. */
  readonly spares?: number | undefined;
  /** Accounts that have a role at genesis; anybody may send where neither is said. */
  readonly senders?: readonly string[] | undefined;
  readonly admins?: readonly string[] | undefined;
}

/** The network of an origin, whoever makes its blocks. */
export interface DevnetPlan {
  /** The members in the order of the nodes. */
  readonly members: readonly PlannedMember[];
  readonly accounts: readonly PlannedAccount[];
  /** The accounts that vote for the seats of `members`, in their order; empty where the validators never change. */
  readonly operators: readonly PlannedAccount[];
  readonly genesis: Genesis;
}

export interface DevnetNode {
  readonly index: number;
  readonly name: string;
  readonly dir: string;
  readonly rpcPort: number;
  readonly rpcUrl: string;
  readonly p2pPort: number;
  readonly peerId: string;
  /** The file to which it logs. With undefined it is the one in its home that is meant for it. */
  readonly logFile?: string | undefined;
  /** Words of its command line, which stand beside the folder. */
  readonly words?: readonly string[];
  /** QUORATE_* variables that it gets. */
  readonly variables?: Variables;
  /** Hashes a second of a miner. With undefined it is as many as it can. */
  readonly hashLimit?: number | undefined;
}

const FORMAT = 1;
export const SPARES_MAX = 16;
export const SEED_LENGTH_MAX = 128;
export const DEVNET_ACCOUNTS_MAX = 10_000;
/** Seconds that may be wanted between two blocks. */
export const SPACING_MAX = 3_600;

const holdersField = list(
  field("the name of an account, or its address", (value) =>
    typeof value === "string" && /^[a-z0-9]{1,66}$/.test(value) ? value : undefined,
  ),
  ROLE_HOLDERS_MAX,
);

const schema = object({
  format: field(`${FORMAT} (the only format this version reads)`, (value) =>
    value === FORMAT ? FORMAT : undefined,
  ),
  seed: field(`a text of 1 to ${SEED_LENGTH_MAX} characters`, (value) =>
    typeof value === "string" && value.length >= 1 && value.length <= SEED_LENGTH_MAX ? value : undefined,
  ),
  validators: integerField(1, VALIDATORS_MAX),
  accounts: integerField(0, DEVNET_ACCOUNTS_MAX),
  balance: amountField((1n << 63n) - 1n),
  spacing: optional(integerField(1, SPACING_MAX)),
  epochLength: optional(integerField(2, EPOCH_LENGTH_MAX)),
  spares: optional(integerField(0, SPARES_MAX)),
  senders: optional(holdersField),
  admins: optional(holdersField),
});

/** Fault `missing` when there is no devnet in the folder. */
export function loadDevnet(dir: string): Verdict<DevnetOrigin, "missing" | "malformed"> {
  const path = devnetFile(dir);
  if (!existsSync(path))
    return refuse(
      "missing",
      `${path}: not found; start a devnet with: quorate devnet --devnet ${shellWord(dir)}`,
    );
  const text = readTextFile(path);
  if (!text.ok) return text;
  const read = checkJson(schema, text.value);
  if (!read.ok) return refuse("malformed", `${path}: ${read.fault.detail}`);
  const { format: _, ...origin } = read.value;
  return accept(origin);
}

/** @throws CliError where a role is given to an account that there is not */
export function planDevnet(origin: DevnetOrigin): DevnetPlan {
  const { seed, spacing, validators, senders, admins, ...numbers } = origin;
  const secrets = secretsFromSeed(seed);
  if (spacing === undefined) {
    const open = planNetwork({ ...DEVNET, ...numbers, validators }, secrets);
    const isOpen = (senders ?? admins) === undefined;
    const plan = isOpen
      ? open
      : valueOrThrow(planRoles(open, { senders: senders ?? [], admins: admins ?? [] }));
    return { ...plan, members: [...plan.validators, ...plan.spares] };
  }
  const consensus = devMining(spacing);
  const options = { ...MINED_DEVNET, ...numbers, miners: validators, consensus };
  const { miners: members, ...rest } = planMinedNetwork(options, secrets);
  return { members, operators: [], ...rest };
}

/**
 * Makes the folder, or checks that it is this network's. New homes get a config.toml; that of an old one is its
 * owner's: what is said of this start goes before it, and is not written. Faults: `exists` (another network's data, or
 * no devnet at all), `malformed` (the file of a home, a variable, or a flag).
 */
export function prepareDevnet(
  dir: string,
  origin: DevnetOrigin,
  plan: DevnetPlan,
  settings: DevnetSettings,
  environment: Variables = {},
  modules: ReadonlyMap<string, string> = new Map(),
): Verdict<
  { readonly nodes: readonly DevnetNode[]; readonly resumed: boolean },
  "exists" | "missing" | "malformed"
> {
  const resumed = existsSync(devnetFile(dir));
  if (resumed) {
    const found = loadDevnet(dir);
    if (!found.ok) return found;
    const difference = describeDifference(found.value, origin);
    if (difference !== "") {
      return refuse(
        "exists",
        `${dir} holds a devnet ${difference}; start over with --reset, or choose another folder with --devnet`,
      );
    }
  }
  if (resumed) {
    const other = otherModules(dir, plan);
    if (other !== undefined) return refuse("exists", other);
  }
  const genesisJson = formatGenesis(plan.genesis);
  const checked = parseGenesis(genesisJson);
  if (!checked.ok) return refuse("malformed", checked.fault.detail);
  const variables = nodeVariables(environment);
  const homes: PlannedHome[] = [];
  for (const [index, member] of plan.members.entries()) {
    const planned = planHome(join(dir, member.name), index, plan, { settings, variables });
    if (!planned.ok) return planned;
    homes.push(planned.value);
  }
  for (const home of homes) {
    const written = writeNode(home, homes, { plan, modules }, genesisJson);
    if (!written.ok) return written;
  }
  writeWhole(join(dir, "genesis.json"), genesisJson);
  const file = { format: FORMAT, ...origin, balance: origin.balance.toString() };
  // Last, because it is what makes the folder a devnet.
  writeWhole(devnetFile(dir), `${JSON.stringify(file, undefined, 2)}\n`);
  return accept({ nodes: homes.map(({ node }) => node), resumed });
}

/** The declared modules of the devnet that is in the folder, if there is one. */
export function devnetModules(dir: string): GenesisModules | undefined {
  const path = join(dir, "genesis.json");
  const text = existsSync(path) ? readTextFile(path) : undefined;
  const read = text?.ok === true ? parseGenesis(text.value) : undefined;
  return read?.ok === true ? read.value.genesis.modules : undefined;
}

/** A chain's modules are part of its genesis: another file is another chain. */
function otherModules(dir: string, { genesis }: DevnetPlan): string | undefined {
  const show = (modules: GenesisModules | undefined) =>
    modules?.list.map(({ name, version, hash }) => `${name} ${version} (${hex0x(hash)})`).join(", ") ??
    "none";
  const [found, wanted] = [show(devnetModules(dir)), show(genesis.modules)];
  if (found === wanted) return undefined;
  return `${dir} holds a devnet with modules ${found} (wanted ${wanted}); start over with --reset, or choose another folder with --devnet`;
}

/** Removes what prepareDevnet and the nodes made, and nothing else in the folder. */
export function removeDevnet(dir: string): void {
  // Nothing is removed from a folder that is no devnet.
  if (!existsSync(devnetFile(dir))) return;
  for (let i = 0; i < VALIDATORS_MAX; i++) rmSync(join(dir, `node${i}`), { recursive: true, force: true });
  for (const file of ["genesis.json", "devnet.json"]) rmSync(join(dir, file), { force: true });
}

/** Empty when there is none. */
function describeDifference(found: DevnetOrigin, wanted: DevnetOrigin): string {
  if ((found.spacing === undefined) !== (wanted.spacing === undefined)) {
    return found.spacing === undefined
      ? "of validators (wanted miners)"
      : "of miners, --consensus pow (wanted validators)";
  }
  const keys = [
    "seed",
    "validators",
    "accounts",
    "balance",
    "spacing",
    "epochLength",
    "spares",
    "senders",
    "admins",
  ] as const;
  const nodes = wanted.spacing === undefined ? "validators" : "miners";
  const words: Readonly<Record<string, string>> = {
    validators: nodes,
    spacing: "--block-time",
    epochLength: "--epoch-length",
    spares: "--spares",
    senders: "--senders",
    admins: "--admins",
  };
  const show = (key: (typeof keys)[number], { [key]: value }: DevnetOrigin) =>
    key === "spacing" ? `${value}s` : `${value}`;
  return keys
    .filter((key) => show(key, found) !== show(key, wanted))
    .map((key) => {
      const word = words[key] ?? key;
      return `with ${word} ${show(key, found)} (wanted ${show(key, wanted)})`;
    })
    .join(", ");
}

interface PlannedHome {
  readonly node: DevnetNode;
  readonly p2pHost: string;
  /** The text of config.toml as it is, or as it will be. */
  readonly configText: string;
}

function planHome(
  dir: string,
  index: number,
  { members, genesis }: DevnetPlan,
  said: { readonly settings: DevnetSettings; readonly variables: Variables },
): Verdict<PlannedHome, "malformed"> {
  const member = must(members[index], "every node is a member");
  const paths = homePaths(dir);
  const isOld = existsSync(paths.genesis) && existsSync(paths.config);
  const network = { votes: genesis.validators.length > 0, count: members.length };
  const configText = isOld
    ? readFileSync(paths.config, "utf8")
    : newConfigText(index, member, network, said.settings);
  const planned = planStart(index, dir, configText, said);
  if (!planned.ok) return planned;
  const { p2pHost, ...start } = planned.value;
  const { name, peerId } = member;
  return accept({ node: { index, name, peerId, dir, ...start }, p2pHost, configText });
}

function writeNode(
  home: PlannedHome,
  homes: readonly PlannedHome[],
  { plan, modules }: { readonly plan: DevnetPlan; readonly modules: ReadonlyMap<string, string> },
  genesisJson: string,
): Verdict<unknown, "exists"> {
  const { node, configText } = home;
  const member = must(plan.members[node.index], "every node is a member");
  const votes = plan.genesis.validators.length > 0;
  const peers: KnownPeer[] = homes
    .filter((other) => other !== home)
    .map((other) => ({
      name: other.node.name,
      peerId: other.node.peerId,
      multiaddr: multiaddrOf(other.p2pHost, other.node.p2pPort),
    }));
  const paths = homePaths(node.dir);
  if (existsSync(paths.genesis)) {
    if (!existsSync(paths.config)) writeWhole(paths.config, configText);
    writeWhole(paths.peers, formatPeers([...peers, ...addedPeers(paths.peers, peers)]));
    return accept(undefined);
  }
  // A start that was killed half-way left a folder that is no home yet.
  rmSync(node.dir, { recursive: true, force: true });
  makeFolder(node.dir);
  return createHome(node.dir, {
    configText,
    genesisJson,
    peers,
    modules,
    nodeKey: keyOfSeed(member.nodeSeed),
    validatorKey: votes ? keyOfSeed(member.seed) : undefined,
  });
}

/** What somebody added to a peers.json of the devnet (a follower of their own): kept when the file is written anew. */
function addedPeers(path: string, planned: readonly KnownPeer[]): readonly KnownPeer[] {
  const found = existsSync(path) ? parsePeers(readFileSync(path, "utf8")) : undefined;
  if (found === undefined || !found.ok) return [];
  const names = new Set(planned.map(({ name }) => name));
  return found.value.filter(({ name }) => !names.has(name));
}
