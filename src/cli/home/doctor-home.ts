/**
 * What `quorate doctor --dir HOME` looks at: the files of a node's home against each other and against its data, its
 * ports, disk and permissions, and by doctor-peers.ts its peers and clock. A node that runs from this home is asked,
 * its data is left alone, and its ports are no fault. Nothing is changed.
 */
import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { equalBytes, hex0x, showHash } from "../../base/bytes.ts";
import { shellWord } from "../../base/shell-word.ts";
import { fetchCommand, modulesOn, plannedModules } from "../../chain/execution/modules-in-force.ts";
import { hasEpochs } from "../../chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import type { StateReader } from "../../chain/modules/module.ts";
import { ChainStore } from "../../chain/store.ts";
import { type Config, loadConfig } from "../../node/home/config.ts";
import { checkFileSystem } from "../../node/home/file-system.ts";
import { type Home, type HomePaths, homePaths, openHome } from "../../node/home/home.ts";
import { checkStamp, stampPath } from "../../node/home/home-stamp.ts";
import type { Unlock } from "../../node/home/key-file.ts";
import { lockOwner } from "../../node/home/lock.ts";
import { packageVersion } from "../../node/home/package-version.ts";
import { startErrorOf } from "../../node/home/start-error.ts";
import { peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { Client } from "../../sdk/client.ts";
import { checkClocks, type Finding, isFree } from "./doctor-checks.ts";
import { examineKeyPlace } from "./doctor-signer.ts";

const DISK_FREE_MIN = 1024 ** 3;
const ANSWER_MS = 3_000;

/** Every check of the home; the later ones are left out when its files cannot be read. */
export async function examineHome(dir: string, unlock?: Unlock): Promise<Finding[]> {
  const home = openHome(dir, unlock);
  if (!home.ok) return [wrongFile("home", home.fault.detail)];
  const loaded = loadConfig({ file: home.value.configText, environment: process.env });
  if (!loaded.ok) return [wrongFile("config", loaded.fault.detail)];
  const { config } = loaded.value;
  const pid = runningPid(dir);
  const findings = [
    checkKeys(home.value, config),
    ...(await examineKeyPlace(home.value, config)),
    ...checkPlace(home.value.paths, config),
    ...checkDiskKind(home.value.paths, config),
    checkPermissions(dir),
    checkSpace(dir),
  ];
  if (pid !== undefined) return [...findings, ...(await examineRunning(home.value, config, pid))];
  const { examinePeers } = await import("./doctor-peers.ts");
  const ports = await checkOwnPorts(config);
  const data = await checkData(home.value, config);
  return [...findings, data, ports, ...(await examinePeers(home.value, config))];
}

/** A file of the home is wrong, so that the exit code is that of wrong input. */
function wrongFile(name: string, detail: string): Finding {
  return { name, ok: false, detail, isInput: true };
}

/** The process that holds the home's lock and lives, or seems to. */
function runningPid(dir: string): number | undefined {
  return lockOwner(homePaths(dir).lock)?.pid;
}

/** Genesis against keys and mode. */
export function checkKeys(
  home: Pick<Home, "genesis" | "paths" | "nodeKey" | "validatorKey">,
  config: Pick<Config, "mode"> & Partial<Pick<Config, "signer" | "token">>,
): Finding {
  const { genesis, paths, nodeKey, validatorKey } = home;
  const name = "genesis";
  const hash = showHash(computeGenesisHash(genesis));
  const isMined = genesis.validators.length === 0;
  if (config.mode === "validator" && isMined)
    return wrongFile(name, `${paths.genesis}: nobody votes on this chain, and the mode is "validator"`);
  if (config.mode === "miner" && !isMined)
    return wrongFile(name, `${paths.genesis}: nothing is mined on this chain, and the mode is "miner"`);
  if (config.mode !== "validator") return { name, ok: true, detail: `${hash}, chain ${genesis.chainId}` };
  const elsewhere = config.signer ?? config.token;
  if (validatorKey === undefined && elsewhere === undefined)
    return wrongFile(name, `${paths.validatorKey}: not found; a validator needs its key`);
  const publicKey = validatorKey?.publicKey ?? elsewhere?.publicKey;
  // What a token shows, its own check says.
  if (publicKey === undefined) return { name, ok: true, detail: `${hash}, chain ${genesis.chainId}` };
  const own = genesis.validators.find((one) => equalBytes(one.publicKey, publicKey));
  if (own === undefined && hasEpochs(genesis.consensus)) {
    const detail = `${hash}, chain ${genesis.chainId}; the key ${hex0x(publicKey)} is in no set of genesis: it votes where one of a later epoch has it`;
    return { name, ok: true, detail };
  }
  if (own === undefined) {
    const detail = `${paths.genesis}: none of its ${genesis.validators.length} validators has the key in ${paths.validatorKey}: most likely this is the genesis of another network (its hash is ${hash})`;
    return wrongFile(name, detail);
  }
  const peerId = peerIdFromSeed(nodeKey.seed);
  if (own.peerId !== peerId) {
    const detail = `${paths.nodeKey}: its peer id ${peerId} is not that of ${own.name} in ${paths.genesis}, ${own.peerId}: the others will not let this node in`;
    return wrongFile(name, detail);
  }
  return { name, ok: true, detail: `${hash}, chain ${genesis.chainId}; the keys are those of ${own.name}` };
}

/** Checks where a validator would vote: a copy of a home whose node may still run would halt both. */
function checkPlace(paths: HomePaths, { mode }: Config): Finding[] {
  if (mode !== "validator" || !existsSync(stampPath(paths))) return [];
  const checked = checkStamp(paths);
  if (!checked.ok) return [wrongFile("place", checked.fault.detail)];
  return [{ name: "place", ok: true, detail: "this home is where its validator last ran" }];
}

/** Said only where there is something to say. */
function checkDiskKind({ dir, journal, db }: HomePaths, { mode }: Config): Finding[] {
  const use = { folders: [dir, journal, db], votes: mode === "validator", isExclusive: false };
  const checked = checkFileSystem(use);
  const name = "file system";
  if (!checked.ok) return [{ name, ok: false, detail: checked.fault.detail }];
  return checked.value.length === 0 ? [] : [{ name, ok: true, detail: checked.value.join("; ") }];
}

/** The home and what is in it can be written; keys that others can read are refused before. */
function checkPermissions(dir: string): Finding {
  const { db, journal, logs } = homePaths(dir);
  const locked = [dir, db, journal, logs].filter((path) => existsSync(path) && !isWritable(path));
  const name = "permissions";
  if (locked.length === 0) return { name, ok: true, detail: "keys are private, folders can be written" };
  return { name, ok: false, detail: `this user cannot write to ${locked.join(", ")}` };
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function checkSpace(dir: string): Finding {
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize;
  const shown = `${(free / 1024 ** 3).toFixed(1)} GiB free at ${dir}`;
  const ok = free >= DISK_FREE_MIN;
  return { name: "disk", ok, detail: ok ? shown : `${shown}: too little` };
}

/** Checks the database against genesis and the journal against the key. Both are opened and closed again. */
async function checkData({ paths, genesis }: Home, { mode }: Config): Promise<Finding> {
  const name = "data";
  if (existsSync(paths.dbImport)) {
    const detail = `${paths.dbImport}: the import of a snapshot was not finished; import it again, or quorate reset`;
    return wrongFile(name, detail);
  }
  if (!existsSync(paths.db)) return { name, ok: true, detail: "none yet: the node begins at the genesis" };
  try {
    const { openLevel } = await import("../../storage/level.ts");
    const kv = await openLevel(paths.db);
    let height: bigint | undefined;
    let missing: string | undefined;
    try {
      const store = new ChainStore(kv, genesis.limits);
      const head = store.openHead(computeGenesisHash(genesis), showHash);
      height = head === undefined ? 0n : store.head(head)?.summary.height;
      missing = missingFiles(genesis, store.committed, paths);
    } finally {
      await kv.close();
    }
    if (mode === "validator") {
      const { openVotes } = await import("../../node/votes/vote-journal-home.ts");
      await (await openVotes(paths)).log.close();
    }
    if (missing !== undefined) return wrongFile(name, missing);
    return {
      name,
      ok: height !== undefined,
      detail: `the database fits the genesis, height ${height ?? "unknown"}`,
    };
  } catch (error) {
    const reason = startErrorOf(error, paths) as Error;
    return wrongFile(name, reason.message);
  }
}

/** Versions of modules that run at the head, or are voted in, and whose files are not in the home. */
function missingFiles(genesis: Genesis, state: StateReader, { modules }: HomePaths): string | undefined {
  const wanted = [...modulesOn(genesis, state).missing, ...plannedModules(genesis, state)];
  const words = wanted
    .filter(({ why }) => why === "missing")
    .map(
      ({ name, version, hash }) =>
        `${name} ${version}: ${fetchCommand(hash).replace("HOME/modules", () => shellWord(modules))}`,
    );
  return words.length === 0
    ? undefined
    : `files of modules that the validators voted in are not here: ${words.join("; ")}`;
}

async function checkOwnPorts({ rpc, p2p }: Config): Promise<Finding> {
  const wanted = [rpc.port, p2p.port].filter((port) => port !== 0);
  const free = await Promise.all(wanted.map((port) => isFree(port)));
  const busy = wanted.filter((_, i) => !free[i]);
  const name = "ports";
  if (busy.length === 0) return { name, ok: true, detail: `${wanted.join(", ")} are free` };
  const detail = `${busy.join(", ")} in use by another process: stop it, or change rpc.port and p2p.port in config.toml`;
  return { name, ok: false, detail };
}

/** Where a node with this configuration is asked from this machine. */
export function ownRpcUrl({ rpc }: Config): string {
  const host = rpc.host === "0.0.0.0" ? "127.0.0.1" : rpc.host.includes(":") ? `[${rpc.host}]` : rpc.host;
  return `http://${host}:${rpc.port}`;
}

/** What the node that runs from this home says of itself. */
async function examineRunning(home: Home, config: Config, pid: number): Promise<Finding[]> {
  const url = ownRpcUrl(config);
  const client = new Client(url, { timeoutMs: ANSWER_MS });
  try {
    const [info, explanation, peers] = await Promise.all([
      client.call("node_info"),
      client.call("consensus_explain"),
      client.call("net_peers"),
    ]);
    const own = peerIdFromSeed(home.nodeKey.seed);
    if (info.nodeId !== own) {
      const detail = `at ${url} another node answers (${info.nodeId}), not this home's (${own}), which runs as process ${pid}`;
      return [{ name: "ports", ok: false, detail }];
    }
    const clocks = peers.flatMap(({ name, peerId, clockOffsetMs, clockErrorMs }) =>
      clockOffsetMs === null || clockErrorMs === null
        ? []
        : [{ name: name ?? peerId, offsetMs: clockOffsetMs, errorMs: clockErrorMs }],
    );
    return [
      { name: "ports", ok: true, detail: `${url} is this home's own node, process ${pid}` },
      checkRunningVersion(info.version),
      checkRunningGenesis(home, info.genesisHash),
      checkConnected(home, peers, explanation.details),
      checkClocks(clocks, home.genesis),
      { name: "chain", ok: explanation.ok, detail: explanation.summary },
    ];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const detail = `process ${pid} runs this home and gives no answer at ${url} (${reason}): it starts, it hangs, or it was started with another --rpc-port`;
    return [{ name: "ports", ok: false, detail }];
  } finally {
    client.close();
  }
}

function checkRunningVersion(version: string): Finding {
  const own = packageVersion();
  const ok = version === own;
  return {
    name: "version",
    ok,
    detail: ok ? own : `the node runs ${version}, this program is ${own}: restart it`,
  };
}

function checkRunningGenesis({ genesis, paths }: Home, running: string): Finding {
  const hash = showHash(computeGenesisHash(genesis));
  if (running === hash) return { name: "data", ok: true, detail: "the running node follows this genesis" };
  const detail = `${paths.genesis}: changed since the node started, which follows ${running}; the file has ${hash}`;
  return wrongFile("data", detail);
}

/** The peers of peers.json against those that the node is connected with; why one is missing the node has said. */
function checkConnected(
  { peers, nodeKey }: Home,
  connected: readonly { readonly peerId: string }[],
  said: readonly string[],
): Finding {
  const own = peerIdFromSeed(nodeKey.seed);
  const wanted = peers.filter(({ peerId, multiaddr }) => multiaddr !== undefined && peerId !== own);
  const missing = wanted.filter(({ peerId }) => !connected.some((peer) => peer.peerId === peerId));
  const reasons = missing.map(
    ({ name }) =>
      said.find((line) => line.startsWith(`${name} is not connected`)) ?? `${name} is not connected`,
  );
  const head = `${connected.length} connected, ${wanted.length - missing.length} of the ${wanted.length} in peers.json`;
  return { name: "peers", ok: missing.length === 0, detail: [head, ...reasons].join("; ") };
}
