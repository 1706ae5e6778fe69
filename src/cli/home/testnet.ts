/**
 * `quorate testnet`: the files of a new network for many machines, with random keys: one node home a machine, the
 * same genesis in each, every node in everyone's peers.json. Each operator gets one folder and keeps it secret. What
 * the network is made of stands in testnet-plan.ts.
 */

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { must } from "../../base/assert.ts";
import { hex0x, showHash } from "../../base/bytes.ts";

import { VALIDATORS_MAX } from "../../base/limits.ts";
import { CONSENSUS_NAMES } from "../../chain/genesis/consensus-parameters.ts";
import { formatGenesis, parseGenesis } from "../../chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { EPOCH_LENGTH_MAX } from "../../chain/governance/parameters.ts";
import { formatConfigFile } from "../../node/home/config.ts";
import { createHome } from "../../node/home/home.ts";
import { isHost } from "../../node/home/host-name.ts";
import { keyOfSeed, saveKey } from "../../node/home/key-file.ts";
import { type KnownPeer, multiaddrOf } from "../../node/home/peers-file.ts";
import { peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import { amount, duration, integer, list, port, withDefault } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput, valueOrThrow } from "../exit.ts";
import type { Output } from "../output.ts";
import { RenamedOption } from "../renamed.ts";
import { table } from "../table.ts";
import { COINBASE_KEY, keyPath, OPERATOR_KEY } from "./key-paths.ts";
import { membersOf, type NetworkChoice, PROFILES, planTestnet, type TestnetPlan } from "./testnet-plan.ts";

interface TestnetOptions extends Omit<NetworkChoice, "validators"> {
  readonly validators?: number;
  readonly fullNodes: number;
  readonly out: string;
  readonly hosts?: readonly string[];
  readonly rpcPort: number;
  readonly p2pPort: number;
}

/** The node of one machine. */
interface PlannedNode {
  readonly name: string;
  readonly host: string;
  readonly rpcPort: number;
  readonly p2pPort: number;
}

export function addTestnet(program: Command): void {
  leaf<TestnetOptions>(
    program,
    "testnet",
    "write the files of a new network for many machines, with random keys",
    declareTestnet,
    ({ out, options }) => writeTestnet(out, options),
  );
}

function declareTestnet(command: Command): Command {
  return command
    .addOption(
      new Option("--consensus <name>", "pbft: validators agree; pow: miners, and anyone may join")
        .choices(CONSENSUS_NAMES)
        .default("pbft"),
    )
    .option(
      "-n, --validators <n>",
      "validators (default: 4), or miners (default: 3)",
      integer(1, VALIDATORS_MAX),
    )
    .addOption(new RenamedOption("-v <n>", "--validators"))
    .option("--full-nodes <n>", "nodes that follow without making blocks", integer(0, 100), 0)
    .requiredOption("-o, --out <dir>", "folder to make")
    .addOption(new RenamedOption("--output <dir>", "--out"))
    .option("--hosts <a,b,...>", "address of each node, full nodes last (default: all on 127.0.0.1)", list)
    .option("--name <name>", "name of the chain", "testnet")
    .option(
      "--chain-id <id>",
      "chain id (default: 31338; pow: that of the profile)",
      integer(1, Number.MAX_SAFE_INTEGER),
    )
    .option(
      "--accounts <n>",
      "accounts with a balance (default: 4; pow with profile bitcoin: none)",
      integer(0, 1_000),
    )
    .addOption(
      withDefault("--balance <amount>", "balance of each account", amount, [1_000_000_000n, "1000000000"]),
    )
    .option("--min-fee <amount>", "least fee of a transaction (default: 1; pow: that of the profile)", amount)
    .addOption(
      new Option(
        "--profile <profile>",
        "pbft: production (default) or dev; pow: dev (default), bitcoin or regtest",
      ).choices(PROFILES),
    )
    .option(
      "--block-time <duration>",
      "pow with profile dev: the time between blocks to aim at, whole seconds (default: 5s)",
      duration,
    )
    .option("--hash-limit <n>", "pow: hashes a second of each miner (default: as many as it can)", HASH_LIMIT)
    .option(
      "--epoch-length <n>",
      "pbft: heights of an epoch, a multiple of checkpointInterval (16): the validators may change by their votes (quorate gov)",
      integer(2, EPOCH_LENGTH_MAX),
    )
    .option(
      "--senders <a,b,...>",
      "with --epoch-length: only these accounts, by name or address, and those of validators may send",
      list,
    )
    .option("--admins <a,b,...>", "with --epoch-length: accounts that may let others send", list)
    .option("--rpc-port <port>", "JSON-RPC port, the first of a host", port, 18_545)
    .option("--p2p-port <port>", "port for other nodes, the first of a host", port, 30_300);
}

const HASH_LIMIT = integer(1, 1_000_000_000);

function writeTestnet(out: Output, given: TestnetOptions): void {
  const options = { ...given, validators: given.validators ?? membersOf(given.consensus) };
  const nodes = placeNodes(options);
  if (existsSync(join(options.out, "genesis.json"))) {
    throw badInput(`${options.out}: holds a network already; choose another folder`);
  }
  const plan = planTestnet(options, Date.now(), () => new Uint8Array(randomBytes(32)));
  const genesisJson = formatGenesis(plan.genesis);
  const { warnings } = valueOrThrow(parseGenesis(genesisJson));
  const homes = writeHomes(options, plan, nodes, genesisJson);
  writeAccounts(options.out, plan);
  writeWhole(join(options.out, "genesis.json"), genesisJson);
  for (const warning of warnings) out.warn(warning);
  const facts = {
    dir: options.out,
    chainId: Number(plan.genesis.chainId),
    genesisHash: showHash(computeGenesisHash(plan.genesis)),
    nodes: homes,
    accounts: plan.accounts.map(({ name, address }) => ({ name, address: hex0x(address) })),
  };
  const rows = homes.map(({ name, mode, host, p2pPort, rpcPort, coinbase }) => [
    ...[name, mode, host, `${p2pPort}`, `${rpcPort}`],
    ...(coinbase === undefined ? [] : [coinbase]),
  ]);
  const columns = ["node", "mode", "host", "p2p", "rpc"];
  out.result(facts, [
    `${out.tick} network in ${facts.dir}: chain ${facts.chainId}, genesis ${facts.genesisHash}`,
    "",
    ...table(plan.genesis.validators.length > 0 ? columns : [...columns, "coinbase"], rows),
    "",
    `Copy each folder to its machine and run there: quorate start --dir ${must(nodes[0], "a network has nodes").name}`,
    ...(plan.memberMode === "full"
      ? ["Nothing is mined until it is wanted: quorate miner generate 10 --coinbase ACCOUNT"]
      : []),
    ...(plan.accounts.length > 0
      ? [`Account keys: ${join(options.out, "accounts")} (secret)`]
      : ["Nobody owns anything before the first block is mined."]),
  ]);
}

/** Gives every node a host and ports: nodes that share a host count their ports up. */
function placeNodes(
  options: Pick<TestnetOptions, "fullNodes" | "hosts" | "rpcPort" | "p2pPort"> & {
    readonly validators: number;
  },
): PlannedNode[] {
  const count = options.validators + options.fullNodes;
  const hosts = options.hosts ?? Array<string>(count).fill("127.0.0.1");
  if (hosts.length !== count) throw badInput(`--hosts: expected ${count} addresses, found ${hosts.length}`);
  const bad = hosts.find((host) => !isHost(host));
  if (bad !== undefined) throw badInput(`--hosts: expected IP addresses or host names, found "${bad}"`);
  return hosts.map((host, i) => {
    const earlier = hosts.slice(0, i).filter((other) => other === host).length;
    return { name: `node${i}`, host, rpcPort: options.rpcPort + earlier, p2pPort: options.p2pPort + earlier };
  });
}

/** What was written for one machine. */
interface WrittenNode extends PlannedNode {
  readonly dir: string;
  readonly mode: TestnetPlan["memberMode"];
  /** Who is paid for its blocks, or undefined where none are mined. */
  readonly coinbase: string | undefined;
}

function writeHomes(
  options: TestnetOptions,
  plan: TestnetPlan,
  nodes: readonly PlannedNode[],
  genesisJson: string,
): WrittenNode[] {
  const members = nodes.map((node, i) => {
    const member = plan.members[i];
    const nodeKey = keyOfSeed(member?.nodeSeed ?? new Uint8Array(randomBytes(32)));
    const multiaddr = multiaddrOf(node.host, node.p2pPort);
    const peer: KnownPeer = { name: node.name, peerId: peerIdFromSeed(nodeKey.seed), multiaddr };
    return { node, nodeKey, peer, ownKey: member === undefined ? undefined : keyOfSeed(member.seed) };
  });
  const votes = plan.genesis.validators.length > 0;
  return members.map((member) => {
    const { node, nodeKey, ownKey } = member;
    const dir = join(options.out, node.name);
    const mode = ownKey === undefined ? "full" : plan.memberMode;
    const coinbase = votes || ownKey === undefined ? undefined : hex0x(ownKey.publicKey);
    const configText = formatConfigFile({
      name: node.name,
      mode,
      "mining.coinbase": coinbase,
      "mining.hash_limit": coinbase === undefined ? undefined : options.hashLimit,
      "rpc.port": node.rpcPort,
      "p2p.port": node.p2pPort,
      "p2p.host": listenHost(options.hosts === undefined ? undefined : node.host),
    });
    const peers = members.filter((other) => other !== member).map((other) => other.peer);
    const validatorKey = votes ? ownKey : undefined;
    valueOrThrow(createHome(dir, { configText, genesisJson, peers, nodeKey, validatorKey }));
    if (coinbase !== undefined)
      valueOrThrow(saveKey(keyPath(dir, COINBASE_KEY), must(ownKey, "a member that mines has a key")));
    const operator = plan.operators[members.indexOf(member)];
    if (operator !== undefined) valueOrThrow(saveKey(keyPath(dir, OPERATOR_KEY), keyOfSeed(operator.seed)));
    return { ...node, dir, mode, coinbase };
  });
}

/** Where a node listens that others reach by this address. On one machine alone the nodes need no other. */
function listenHost(host: string | undefined): string | undefined {
  if (host === undefined) return "127.0.0.1";
  return isIPv6(host) ? "::" : undefined;
}

function writeAccounts(dir: string, plan: TestnetPlan): void {
  if (plan.accounts.length === 0) return;
  makeFolder(join(dir, "accounts"), 0o700);
  for (const { name, seed } of plan.accounts) {
    valueOrThrow(saveKey(join(dir, "accounts", `${name}.json`), keyOfSeed(seed)));
  }
}
