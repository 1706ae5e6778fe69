/**
 * What is said of the settings of a devnet's nodes: by the command line of this start (flags), by QUORATE_* variables,
 * by the config.toml of each home. Homes are made with a file; afterwards the file is its owner's, and what a later
 * start says differently is handed to the nodes as flags, which go before variables and file as everywhere.
 */
import { join, resolve } from "node:path";
import { hex0x } from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import { flagOf, formatConfigFile, loadConfig } from "../../node/home/config.ts";
import { type ConfigKey, variableOf } from "../../node/home/config-keys.ts";
import { LOG_FILE } from "../../node/home/home.ts";
import type { PlannedMember } from "../../node/home/network-plan.ts";

/**
 * Milliseconds between empty blocks where validators may change: an idle chain would never reach the end of
 * an epoch.
 */
export const EMPTY_BLOCKS_MS = 500;

/** What the command line of one start says; what is left out is as the homes have it. */
export interface DevnetSettings {
  /** The RPC port of node 0. Each further node has the next one. */
  readonly portBase?: number | undefined;
  readonly p2pPortBase?: number | undefined;
  readonly blockTimeMs?: number | undefined;
  readonly emptyBlocksMs?: number | undefined;
  /** How many hashes a second a miner tries. */
  readonly hashLimit?: number | undefined;
  readonly logLevel?: string | undefined;
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** How one node is started, and where it answers. */
export interface NodeStart {
  readonly rpcPort: number;
  readonly rpcUrl: string;
  readonly p2pHost: string;
  readonly p2pPort: number;
  /** Hashes a second of a miner, by all that was said. With undefined it is as many as it can. */
  readonly hashLimit: number | undefined;
  /** The file to which it logs. */
  readonly logFile: string;
  /** Words of its command line. */
  readonly words: readonly string[];
  readonly variables: Variables;
}

/** Where a devnet keeps what a node writes to standard error, relative to its home. */
export const STDERR_FILE = "logs/stderr.log";
export const PORT_BASE = 18_545;
export const P2P_PORT_BASE = 30_300;
/** What all miners try together, so that a devnet takes a small part of one core whatever its size. */
export const HASHES_OF_ALL = 300_000;
/** Shorter than elsewhere, so that an unfair primary shows while one looks on. */
const FAIRNESS_MS = 5_000;

/** Settings that differ from node to node: one variable for all would be no use. */
const OWN_KEYS: readonly ConfigKey[] = ["name", "mode", "rpc.port", "p2p.port", "mining.coinbase"];
const OWN_VARIABLES = OWN_KEYS.map(variableOf);
/** Variables that mean the commands, or one node alone. */
const OTHER_VARIABLES = [
  "QUORATE_DIR",
  "QUORATE_RPC_URL",
  "QUORATE_RPC_TOKEN",
  "QUORATE_DEBUG",
  "QUORATE_PASSWORD_FILE",
];

/** The variables that every node of a devnet gets. */
export function nodeVariables(environment: Variables): Variables {
  const kept = Object.entries(environment).filter(
    ([name]) =>
      name.startsWith("QUORATE_") && !OWN_VARIABLES.includes(name) && !OTHER_VARIABLES.includes(name),
  );
  return Object.fromEntries(kept);
}

/** The variables that are set and do nothing on a devnet, because they are of one node. */
export function idleVariables(environment: Variables): readonly string[] {
  return OWN_VARIABLES.filter((name) => environment[name] !== undefined);
}

/** The file of a home that is made now. */
export function newConfigText(
  index: number,
  member: PlannedMember,
  { votes, count }: { readonly votes: boolean; readonly count: number },
  settings: DevnetSettings,
): string {
  const { portBase = PORT_BASE, p2pPortBase = P2P_PORT_BASE } = settings;
  const { hashLimit = Math.ceil(HASHES_OF_ALL / count) } = settings;
  return formatConfigFile({
    name: member.name,
    mode: votes ? "validator" : "miner",
    "rpc.port": portBase + index,
    "p2p.host": "127.0.0.1",
    "p2p.port": p2pPortBase + index,
    ...(votes
      ? {
          "consensus.block_time_ms": settings.blockTimeMs,
          "consensus.empty_blocks_ms": settings.emptyBlocksMs,
          "consensus.fairness_timeout_ms": FAIRNESS_MS,
        }
      : { "mining.coinbase": hex0x(member.publicKey), "mining.hash_limit": hashLimit }),
    "log.level": settings.logLevel,
  });
}

/** What the node will run by. Faults name the file, the variable or the flag. */
export function planStart(
  index: number,
  dir: string,
  file: string,
  { settings, variables }: { readonly settings: DevnetSettings; readonly variables: Variables },
): Verdict<NodeStart, "malformed"> {
  const flags = flagsOf(index, settings);
  const loaded = loadConfig({ file, environment: variables, flags });
  if (!loaded.ok) {
    const { detail } = loaded.fault;
    return refuse("malformed", detail.startsWith("config.toml") ? `${dir}/${detail}` : detail);
  }
  const { rpc, p2p, mining, log } = loaded.value.config;
  // A devnet shows a table on its terminal: its nodes log to files, unless the owner of a home said where.
  const isLogSaid = loaded.value.origins.some(
    ({ key, origin }) => key === "log.file" && origin !== "default",
  );
  const logFlags = isLogSaid ? {} : { "log.file": LOG_FILE };
  const logFile = isLogSaid ? log.file : LOG_FILE;
  if (rpc.port === 0 || p2p.port === 0) {
    const key = rpc.port === 0 ? "rpc.port" : "p2p.port";
    return refuse(
      "malformed",
      `${dir}/config.toml: ${key}: 0, but a devnet must know the ports of its nodes`,
    );
  }
  const host = reachable(rpc.host);
  return {
    ok: true,
    value: {
      rpcPort: rpc.port,
      rpcUrl: `http://${host.includes(":") ? `[${host}]` : host}:${rpc.port}`,
      p2pHost: reachable(p2p.host),
      p2pPort: p2p.port,
      hashLimit: mining.hashLimit,
      logFile: logFile === undefined ? join(dir, STDERR_FILE) : resolve(dir, logFile),
      words: Object.entries({ ...flags, ...logFlags }).flatMap(([key, value]) => [
        flagOf(key as ConfigKey),
        value,
      ]),
      variables,
    },
  };
}

function flagsOf(index: number, settings: DevnetSettings): Readonly<Record<string, string>> {
  const { portBase, p2pPortBase, blockTimeMs, emptyBlocksMs, hashLimit, logLevel } = settings;
  const said: { readonly [K in ConfigKey]?: number | string | undefined } = {
    "rpc.port": portBase === undefined ? undefined : portBase + index,
    "p2p.port": p2pPortBase === undefined ? undefined : p2pPortBase + index,
    "consensus.block_time_ms": blockTimeMs,
    "consensus.empty_blocks_ms": emptyBlocksMs,
    "mining.hash_limit": hashLimit,
    "log.level": logLevel,
  };
  const given = Object.entries(said).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [key, `${value}`]));
}

/** The address by which this machine reaches a node that listens there. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}
