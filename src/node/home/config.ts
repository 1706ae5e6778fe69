/**
 * A node's configuration: flags over environment (QUORATE_*) over config.toml over defaults, each value with its
 * origin. An unknown key is a fault, never ignored. Pure: texts come in, faults go out. The adapter for smol-toml.
 * The keys themselves: node/home/config-keys.ts.
 */
import { parse as parseToml, TomlError } from "smol-toml";
import type { Address } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { didYouMean } from "../../base/suggest.ts";
import { checkFields, type Field, type ValueOf } from "../../codec/field.ts";
import type { SignerAddress } from "./config-fields.ts";
import { CONFIG_KEYS, type ConfigKey, type KeySpec, variableOf } from "./config-keys.ts";
import type { LogLevels } from "./log-levels.ts";

export interface Config {
  readonly name: string;
  readonly mode: "validator" | "miner" | "full";
  readonly rpc: {
    readonly host: string;
    readonly port: number;
    readonly corsOrigins: readonly string[];
    readonly allowedHosts: readonly string[];
  };
  readonly p2p: {
    readonly host: string;
    readonly port: number;
    readonly discovery: "auto" | "on" | "off";
    readonly outbound: number;
    readonly inboundMax: number;
  };
  readonly mining: {
    readonly threads: number;
    readonly coinbase: Address | undefined;
    /** Hashes a second over all threads. With undefined it is as many as they can. */
    readonly hashLimit: number | undefined;
  };
  /** Where blocks can be abandoned. */
  readonly chain: {
    readonly finalityDepth: number;
    readonly maxReorgDepth: number;
    readonly minimumWork: bigint;
  };
  readonly consensus: {
    readonly blockTimeMs: number;
    readonly emptyBlocksMs: number | "auto";
    readonly statusIntervalMs: number;
    readonly requestTimeoutMs: number;
    readonly timeoutMaxMs: number;
    readonly resendIntervalMs: number;
    readonly fairnessTimeoutMs: number;
  };
  /** Whether signatures are judged on a thread of their own (ingress/verifier-trial.ts). */
  readonly verification: { readonly thread: "auto" | "on" | "off" };
  readonly sync: { readonly intervalMs: number };
  readonly storage: {
    readonly mode: "archive" | "pruned";
    readonly keepBlocks: number;
    readonly keepHours: number;
    /** The node pauses when less disk than this is free, MiB. With 0 this is not watched. */
    readonly reserveMb: number;
  };
  readonly snapshots: {
    /** Blocks between two snapshots. With 0 none are made. */
    readonly interval: number;
    readonly kept: number;
    /** Where blocks are mined: how many headers must stand on the block whose state a snapshot has. */
    readonly depth: number;
    /** A new node begins with a snapshot at or above this height. With 0 it begins with the blocks. */
    readonly joinAbove: number;
  };
  /** Whether peers are asked for the files of modules that are voted in. */
  readonly modules: { readonly fetch: boolean };
  /** Whether the node keeps an index of events. */
  readonly index: { readonly events: boolean };
  readonly mempool: { readonly maxTransactions: number; readonly maxBytes: number; readonly minFee: bigint };
  /** Where the validator's key is, if it is not in the home. */
  readonly signer: SignerSettings | undefined;
  /** The token that holds it, if one does. */
  readonly token: TokenConfig | undefined;
  readonly log: {
    readonly levels: LogLevels;
    /** The log file, relative to the home. With undefined the node logs to standard error. */
    readonly file: string | undefined;
  };
}

export interface SignerSettings extends SignerAddress {
  /** Undefined: config.toml does not say, which a start refuses. */
  readonly publicKey: Address | undefined;
  /** Files with PEM, relative to the home. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface TokenConfig {
  /** Path of the PKCS#11 library. */
  readonly module: string;
  /** The label of the token. When it is "", the token is found by its slot. */
  readonly token: string;
  readonly slot: number | undefined;
  /** The label of the key. When it is "", the key is found by its id. */
  readonly label: string;
  /** The id of the key in hex digits. When it is "", the key is found by its label. */
  readonly id: string;
  /** The file of the PIN, relative to the home. When it is "", the PIN comes another way. */
  readonly pinFile: string;
  /** The key that the token must hold. With undefined what it shows is believed. */
  readonly publicKey: Address | undefined;
}

/** One value as it was written, and by whom: "default", "config.toml", "QUORATE_RPC_PORT", "--rpc-port". */
export interface ConfigOrigin {
  readonly key: ConfigKey;
  readonly value: unknown;
  readonly origin: string;
}

export interface ConfigSources {
  /** The text of config.toml, if there is one. */
  readonly file?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The flags of the command line by key. An absent flag is undefined. */
  readonly flags?: { readonly [K in ConfigKey]?: string | undefined };
}

export interface LoadedConfig {
  readonly config: Config;
  /** Where each value comes from, in the order of CONFIG_KEYS. */
  readonly origins: readonly ConfigOrigin[];
  /** Variables that Kubernetes sets for its Services, which are no configuration: a sentence if there are any. */
  readonly skipped: string | undefined;
}

type Values = { [K in ConfigKey]: ValueOf<(typeof CONFIG_KEYS)[K]["schema"]> };

const KEYS = Object.keys(CONFIG_KEYS) as ConfigKey[];

/** Variables that are not configuration: QUORATE_DEBUG shows stacks, the others are defaults of --dir and --rpc, and a token for that node. */
const OTHER_VARIABLES = [
  "QUORATE_DEBUG",
  "QUORATE_DIR",
  "QUORATE_RPC_URL",
  "QUORATE_RPC_TOKEN",
  "QUORATE_PASSWORD_FILE",
];

/** Faults: `malformed`, with the origin of what is wrong. */
export function loadConfig(sources: ConfigSources): Verdict<LoadedConfig, "malformed"> {
  const file = readFile(sources.file ?? "");
  if (!file.ok) return file;
  const environment = readEnvironment(sources.environment ?? {});
  if (!environment.ok) return environment;
  const origins: ConfigOrigin[] = [];
  const values: Partial<Record<ConfigKey, unknown>> = {};
  for (const key of KEYS) {
    const found = firstOf(key, sources.flags?.[key], environment.value, file.value);
    const checked = checkFields(CONFIG_KEYS[key].schema as Field<unknown>, found.value);
    if (!checked.ok) {
      const detail = checked.fault.detail.replace(/^the file: /, "");
      return refuse("malformed", `${found.origin}: ${key}: ${detail}`);
    }
    values[key] = checked.value;
    origins.push(found);
  }
  const skipped = skippedOf(sources.environment ?? {});
  return accept({ config: toConfig(values as Values), origins, skipped });
}

/** config.toml with every key commented out at its default, but for those that are set. */
export function formatConfigFile(
  set: { readonly [K in ConfigKey]?: KeySpec["fallback"] | undefined },
): string {
  const lines = ["# Configuration of one node. Flags and QUORATE_* variables go before this file.", ""];
  let section = "";
  for (const key of KEYS) {
    const dot = key.lastIndexOf(".");
    const [head, tail] = [key.slice(0, Math.max(dot, 0)), key.slice(dot + 1)];
    if (head !== section) {
      section = head;
      lines.push(`[${section}]`);
    }
    const spec: KeySpec = CONFIG_KEYS[key];
    const value = set[key];
    lines.push(`# ${spec.doc} (${variableOf(key)})`);
    lines.push(`${value === undefined ? "# " : ""}${tail} = ${JSON.stringify(value ?? spec.fallback)}`, "");
  }
  return lines.join("\n");
}

function firstOf(
  key: ConfigKey,
  flag: string | undefined,
  environment: ReadonlyMap<string, string>,
  file: ReadonlyMap<string, unknown>,
): ConfigOrigin {
  if (flag !== undefined) return { key, value: flag, origin: flagOf(key) };
  const variable = environment.get(key);
  if (variable !== undefined) return { key, value: variable, origin: variableOf(key) };
  if (file.has(key)) return { key, value: file.get(key), origin: "config.toml" };
  return { key, value: CONFIG_KEYS[key].fallback, origin: "default" };
}

/** rpc.port is --rpc-port, consensus.block_time_ms is --block-time-ms; mining.threads is --mine. */
export function flagOf(key: ConfigKey): string {
  const { flag }: KeySpec = CONFIG_KEYS[key];
  return flag ?? `--${key.replace(/^consensus\./, "").replaceAll(/[._]/g, "-")}`;
}

function readFile(text: string): Verdict<ReadonlyMap<string, unknown>, "malformed"> {
  let table: Record<string, unknown>;
  try {
    table = parseToml(text);
  } catch (error) {
    if (error instanceof TomlError) return refuse("malformed", `config.toml: ${error.message.trim()}`);
    throw error;
  }
  const values = new Map<string, unknown>();
  flatten(table, "", values);
  for (const key of values.keys()) {
    if (!(KEYS as string[]).includes(key)) {
      return refuse("malformed", `config.toml: ${key}: unknown key${didYouMean(key, KEYS)}`);
    }
  }
  return accept(values);
}

function flatten(table: object, prefix: string, into: Map<string, unknown>): void {
  for (const [name, value] of Object.entries(table)) {
    const isTable =
      value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Date);
    if (isTable) flatten(value, `${prefix}${name}.`, into);
    else into.set(`${prefix}${name}`, value);
  }
}

function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Verdict<ReadonlyMap<string, string>, "malformed"> {
  const keys = new Map(KEYS.map((key) => [variableOf(key), key]));
  const values = new Map<string, string>();
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith("QUORATE_") || value === undefined || OTHER_VARIABLES.includes(variable))
      continue;
    if (isServiceLink(variable, value)) continue;
    const key = keys.get(variable);
    if (key === undefined) {
      const known = [...keys.keys(), ...OTHER_VARIABLES];
      return refuse("malformed", `environment: ${variable}: unknown variable${didYouMean(variable, known)}`);
    }
    values.set(key, value);
  }
  return accept(values);
}

/** What Kubernetes (and Docker's links) tell a container of a Service named "quorate" or "quorate-...". */
function isServiceLink(variable: string, value: string): boolean {
  if (SERVICE_VARIABLE.test(variable)) return true;
  return /^QUORATE_(\w+_)?PORT$/.test(variable) && /^(tcp|udp|sctp):\/\//.test(value);
}

const SERVICE_VARIABLE =
  /^QUORATE_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;

function skippedOf(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const names = Object.entries(environment).filter(([name, value = ""]) => isServiceLink(name, value));
  if (names.length === 0) return undefined;
  return `skipped ${names.map(([name]) => name).join(", ")}: set for a Kubernetes Service of that name, no configuration (enableServiceLinks: false keeps them away)`;
}

function signerOf(values: Values): SignerSettings | undefined {
  const address = values["signer.url"];
  if (address === undefined) return undefined;
  const { "signer.ca": ca, "signer.cert": cert, "signer.key": key } = values;
  return { ...address, publicKey: values["signer.public_key"], ca, cert, key };
}

function tokenOf(values: Values): TokenConfig | undefined {
  const module = values["signer.pkcs11.module"];
  if (module === "") return undefined;
  return {
    module,
    token: values["signer.pkcs11.token"],
    slot: values["signer.pkcs11.slot"],
    label: values["signer.pkcs11.label"],
    id: values["signer.pkcs11.id"],
    pinFile: values["signer.pkcs11.pin_file"],
    publicKey: values["signer.public_key"],
  };
}

function toConfig(values: Values): Config {
  return {
    name: values.name,
    mode: values.mode,
    rpc: {
      host: values["rpc.host"],
      port: values["rpc.port"],
      corsOrigins: values["rpc.cors_origins"],
      allowedHosts: values["rpc.allowed_hosts"],
    },
    p2p: {
      host: values["p2p.host"],
      port: values["p2p.port"],
      discovery: values["p2p.discovery"],
      outbound: values["p2p.outbound"],
      inboundMax: values["p2p.inbound_max"],
    },
    mining: {
      threads: values["mining.threads"],
      coinbase: values["mining.coinbase"],
      hashLimit: values["mining.hash_limit"] === 0 ? undefined : values["mining.hash_limit"],
    },
    chain: {
      finalityDepth: values["chain.finality_depth"],
      maxReorgDepth: values["chain.max_reorg_depth"],
      minimumWork: values["chain.minimum_work"],
    },
    consensus: {
      blockTimeMs: values["consensus.block_time_ms"],
      emptyBlocksMs: values["consensus.empty_blocks_ms"],
      statusIntervalMs: values["consensus.status_interval_ms"],
      requestTimeoutMs: values["consensus.request_timeout_ms"],
      timeoutMaxMs: values["consensus.timeout_max_ms"],
      resendIntervalMs: values["consensus.resend_interval_ms"],
      fairnessTimeoutMs: values["consensus.fairness_timeout_ms"],
    },
    verification: { thread: values["verification.thread"] },
    sync: { intervalMs: values["sync.interval_ms"] },
    snapshots: {
      interval: values["snapshots.interval"],
      kept: values["snapshots.kept"],
      depth: values["snapshots.depth"],
      joinAbove: values["snapshots.join_above"],
    },
    storage: {
      mode: values["storage.mode"],
      keepBlocks: values["storage.keep_blocks"],
      keepHours: values["storage.keep_hours"],
      reserveMb: values["storage.reserve_mb"],
    },
    modules: { fetch: values["modules.fetch"] },
    index: { events: values["index.events"] },
    mempool: {
      maxTransactions: values["mempool.max_transactions"],
      maxBytes: values["mempool.max_bytes"],
      minFee: values["mempool.min_fee"],
    },
    signer: signerOf(values),
    token: tokenOf(values),
    log: { levels: values["log.level"], file: values["log.file"] === "" ? undefined : values["log.file"] },
  };
}
