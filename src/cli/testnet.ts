/**
 * `quorate testnet`: the files of a new network for many machines, with random keys: one node home a machine, the
 * same genesis in each, every node in everyone's peers.json. Each operator gets one folder and keeps it secret.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { hex0x, showHash } from "../base/bytes.ts";
import { VALIDATORS_MAX } from "../base/limits.ts";
import type { Genesis } from "../chain/genesis.ts";
import { formatGenesis, parseGenesis } from "../chain/genesisfile.ts";
import { computeGenesisHash } from "../chain/genesisstate.ts";
import { formatConfigFile } from "../node/config.ts";
import { createHome } from "../node/home.ts";
import { keyOfSeed, saveKey } from "../node/keyfile.ts";
import { type NetworkPlan, planNetwork } from "../node/networkplan.ts";
import { type KnownPeer, multiaddrOf } from "../node/peersfile.ts";
import { peerIdFromSeed } from "../p2p/identity.ts";
import { amount, integer, list, port, withDefault } from "./arguments.ts";
import { leaf } from "./command.ts";
import { badInput, must } from "./exit.ts";
import { type Output, table } from "./output.ts";

interface TestnetOptions {
  readonly validators: number;
  readonly fullNodes: number;
  readonly output: string;
  readonly hosts?: readonly string[];
  readonly name: string;
  readonly chainId: number;
  readonly accounts: number;
  readonly balance: bigint;
  readonly minFee: bigint;
  readonly profile: string;
  readonly rpcPort: number;
  readonly p2pPort: number;
}

/** One machine's node. */
export interface PlannedNode {
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
    (command) =>
      command
        .option("-v, --validators <n>", "validators", integer(1, VALIDATORS_MAX), 4)
        .option("-n, --full-nodes <n>", "nodes that follow without voting", integer(0, 100), 0)
        .requiredOption("-o, --output <dir>", "folder to make")
        .option(
          "--hosts <a,b,...>",
          "address of each node, validators first (default: all on 127.0.0.1)",
          list,
        )
        .option("--name <name>", "of the chain", "testnet")
        .option("--chain-id <id>", "of the chain", integer(1, Number.MAX_SAFE_INTEGER), 31_338)
        .option("--accounts <n>", "accounts with a balance", integer(0, 1_000), 4)
        .addOption(
          withDefault("--balance <amount>", "of each account", amount, [1_000_000_000n, "1000000000"]),
        )
        .addOption(withDefault("--min-fee <amount>", "least fee of a transaction", amount, [1n, "1"]))
        .option("--profile <profile>", "dev or production", "production")
        .option("--rpc-port <port>", "JSON-RPC port, the first of a host", port, 18_545)
        .option("--p2p-port <port>", "port for other nodes, the first of a host", port, 30_300),
    ({ out, options }) => writeTestnet(out, options),
  );
}

function writeTestnet(out: Output, options: TestnetOptions): void {
  const nodes = placeNodes(options);
  if (existsSync(join(options.output, "genesis.json"))) {
    throw badInput(`${options.output}: holds a network already; choose another folder`);
  }
  const plan = planNetwork(
    {
      ...options,
      chainId: BigInt(options.chainId),
      timeMs: BigInt(Date.now()),
      profile: options.profile as Genesis["profile"],
    },
    () => new Uint8Array(randomBytes(32)),
  );
  const genesisJson = formatGenesis(plan.genesis);
  const { warnings } = must(parseGenesis(genesisJson));
  writeHomes(options, plan, nodes, genesisJson);
  writeAccounts(options.output, plan);
  writeFileSync(join(options.output, "genesis.json"), genesisJson);
  for (const warning of warnings) out.warn(warning);
  const genesisHash = showHash(computeGenesisHash(plan.genesis));
  const rows = nodes.map((node, i) => [
    node.name,
    i < options.validators ? "validator" : "full",
    node.host,
    `${node.p2pPort}`,
    `${node.rpcPort}`,
  ]);
  out.result(
    {
      dir: options.output,
      chainId: options.chainId,
      genesisHash,
      nodes: nodes.map((node, i) => ({ ...node, dir: join(options.output, node.name), mode: rows[i]![1] })),
      accounts: plan.accounts.map(({ name, address }) => ({ name, address: hex0x(address) })),
    },
    [
      `${out.tick} network in ${options.output}: chain ${options.chainId}, genesis ${genesisHash}`,
      "",
      table(["node", "mode", "host", "p2p", "rpc"], rows),
      "",
      `Copy each folder to its machine and run there: quorate start --dir ${nodes[0]!.name}`,
      `Account keys: ${join(options.output, "accounts")} (secret)`,
    ].join("\n"),
  );
}

/** Gives every node a host and ports: nodes that share a host count their ports up. */
export function placeNodes(
  options: Pick<TestnetOptions, "validators" | "fullNodes" | "hosts" | "rpcPort" | "p2pPort">,
): PlannedNode[] {
  const count = options.validators + options.fullNodes;
  const hosts = options.hosts ?? Array<string>(count).fill("127.0.0.1");
  if (hosts.length !== count) throw badInput(`--hosts: expected ${count} addresses, found ${hosts.length}`);
  const bad = hosts.find((host) => !/^[A-Za-z0-9.:_-]{1,253}$/.test(host));
  if (bad !== undefined) throw badInput(`--hosts: expected IP addresses or host names, found "${bad}"`);
  return hosts.map((host, i) => {
    const earlier = hosts.slice(0, i).filter((other) => other === host).length;
    return { name: `node${i}`, host, rpcPort: options.rpcPort + earlier, p2pPort: options.p2pPort + earlier };
  });
}

function writeHomes(
  options: TestnetOptions,
  plan: NetworkPlan,
  nodes: readonly PlannedNode[],
  genesisJson: string,
): void {
  const members = nodes.map((node, i) => {
    const validator = plan.validators[i];
    const nodeKey = keyOfSeed(validator?.nodeSeed ?? new Uint8Array(randomBytes(32)));
    const multiaddr = multiaddrOf(node.host, node.p2pPort);
    const peer: KnownPeer = { name: node.name, peerId: peerIdFromSeed(nodeKey.seed), multiaddr };
    return {
      node,
      nodeKey,
      peer,
      validatorKey: validator === undefined ? undefined : keyOfSeed(validator.seed),
    };
  });
  for (const member of members) {
    const { node, nodeKey, validatorKey } = member;
    const configText = formatConfigFile({
      name: node.name,
      mode: validatorKey === undefined ? "full" : "validator",
      "rpc.port": node.rpcPort,
      "p2p.port": node.p2pPort,
      // On one machine alone the nodes need no other.
      "p2p.host": options.hosts === undefined ? "127.0.0.1" : undefined,
    });
    const peers = members.filter((other) => other !== member).map((other) => other.peer);
    must(
      createHome(join(options.output, node.name), { configText, genesisJson, peers, nodeKey, validatorKey }),
    );
  }
}

function writeAccounts(dir: string, plan: NetworkPlan): void {
  mkdirSync(join(dir, "accounts"), { recursive: true, mode: 0o700 });
  for (const { name, seed } of plan.accounts) {
    must(saveKey(join(dir, "accounts", `${name}.json`), keyOfSeed(seed)));
  }
}
