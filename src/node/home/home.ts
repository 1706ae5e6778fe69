/**
 * A node home: the folder that holds one node's configuration, genesis, keys and data. This file knows its layout
 * and how to make and read it; it starts nothing. What must not be lost: keys/ and data/ together.
 *
 *   config.toml  genesis.json  peers.json  keys/node.json  keys/validator.json  modules/NAME.js
 *   keys/validator-next.json  keys/validator-old-KEY.json (while a key is replaced: next-key.ts)
 *   data/db/  data/snapshots/  data/journal/  data/addresses.json  logs/ (where config.toml or a devnet asks for files)  node.pid  LOCK
 *
 * This folder: a node's files but its chain: configuration, keys, lock, peers, invitations, transitions, plans of
 * networks. Not here: the database and what mends it (node/stored-chain), snapshots (node/snapshot), votes
 * (node/votes).
 */
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { GENESIS_BYTES_MAX } from "../../base/limits.ts";
import { shellWord } from "../../base/shell-word.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { parseGenesis } from "../../chain/genesis/genesis-file.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import { loadModules, moduleFile } from "../modules/module-files.ts";
import { type Key, type KeyFault, loadKey, saveKey, type Unlock } from "./key-file.ts";
import { formatPeers, type KnownPeer, parsePeers } from "./peers-file.ts";
import { readTextFile } from "./text-file.ts";

/** Where a devnet has its nodes log, relative to their homes. */
export const LOG_FILE = "logs/node.log";

export interface HomePaths {
  readonly dir: string;
  readonly config: string;
  readonly genesis: string;
  readonly peers: string;
  readonly nodeKey: string;
  readonly validatorKey: string;
  /** The key that takes the seat by a vote, until it does. */
  readonly nextValidatorKey: string;
  readonly db: string;
  /** A database that is being made of a snapshot; it becomes the one above when it is whole. */
  readonly dbImport: string;
  /** Snapshots that the node has made or fetched, and shows to peers. */
  readonly snapshots: string;
  /** What was fetched so far of a snapshot that the home begins with. */
  readonly snapshotFetch: string;
  /** The ledger in which the history below a snapshot of a mined chain is executed. */
  readonly dbHistory: string;
  /** A database that is being made of the one above, and that one while the new takes its place. */
  readonly dbRebuilt: string;
  readonly dbReplaced: string;
  readonly journal: string;
  /** What an open network's node remembers of others. */
  readonly addresses: string;
  /** Which invitations of this node were taken. */
  readonly invitations: string;
  /** Bundled files of the modules that genesis.json names. */
  readonly modules: string;
  readonly logs: string;
  readonly logFile: string;
  readonly pid: string;
  readonly lock: string;
}

export interface Home {
  readonly paths: HomePaths;
  /** The genesis with the code of its modules. */
  readonly genesis: Genesis;
  /** genesis.json as it was read. */
  readonly genesisJson: string;
  /** Legal but unwise things in genesis.json. */
  readonly warnings: readonly string[];
  /** The text of config.toml, or undefined when there is none. */
  readonly configText: string | undefined;
  readonly peers: readonly KnownPeer[];
  /** The libp2p identity. */
  readonly nodeKey: Key;
  /** Present when keys/validator.json is. */
  readonly validatorKey: Key | undefined;
}

export type HomeFault = KeyFault | "exists" | "too-large" | "unfit" | "wrong-module";

export function homePaths(dir: string): HomePaths {
  return {
    dir,
    config: join(dir, "config.toml"),
    genesis: join(dir, "genesis.json"),
    peers: join(dir, "peers.json"),
    nodeKey: join(dir, "keys", "node.json"),
    validatorKey: join(dir, "keys", "validator.json"),
    nextValidatorKey: join(dir, "keys", "validator-next.json"),
    db: join(dir, "data", "db"),
    dbImport: join(dir, "data", "db.import"),
    snapshots: join(dir, "data", "snapshots"),
    snapshotFetch: join(dir, "data", "snapshot.fetch"),
    dbHistory: join(dir, "data", "db.history"),
    dbRebuilt: join(dir, "data", "db.rebuilt"),
    dbReplaced: join(dir, "data", "db.replaced"),
    journal: join(dir, "data", "journal"),
    addresses: join(dir, "data", "addresses.json"),
    invitations: join(dir, "data", "invitations.json"),
    modules: join(dir, "modules"),
    logs: join(dir, "logs"),
    logFile: join(dir, LOG_FILE),
    pid: join(dir, "node.pid"),
    lock: join(dir, "LOCK"),
  };
}

/**
 * Reads everything but the data; faults name the file.
 * @param unlock the passwords of keys that have one
 * @throws Error when the disk fails.
 */
export function openHome(dir: string, unlock?: Unlock): Verdict<Home, HomeFault> {
  const paths = homePaths(dir);
  if (!existsSync(paths.genesis)) {
    return refuse(
      "missing",
      `${paths.genesis}: not found; make a node home with: quorate init --dir ${shellWord(dir)}`,
    );
  }
  const genesis = loadGenesis(paths.genesis);
  if (!genesis.ok) return genesis;
  const runnable = loadModules(genesis.value.genesis, paths.modules);
  if (!runnable.ok) return runnable;
  const peersText = existsSync(paths.peers) ? readTextFile(paths.peers) : accept("[]");
  if (!peersText.ok) return peersText;
  const configText = existsSync(paths.config) ? readTextFile(paths.config) : accept(undefined);
  if (!configText.ok) return configText;
  const peers = parsePeers(peersText.value);
  if (!peers.ok) return refuse("malformed", `${paths.peers}: ${peers.fault.detail}`);
  const nodeKey = loadKey(paths.nodeKey, unlock);
  if (!nodeKey.ok) return nodeKey;
  const validatorKey = loadKey(paths.validatorKey, unlock);
  if (!validatorKey.ok && validatorKey.fault.code !== "missing") return validatorKey;
  return accept({
    paths,
    ...genesis.value,
    genesis: runnable.value,
    configText: configText.value,
    peers: peers.value,
    nodeKey: nodeKey.value,
    validatorKey: validatorKey.ok ? validatorKey.value : undefined,
  });
}

/** A genesis file: its size is looked at before it is read. */
export function loadGenesis(
  path: string,
): Verdict<{ genesis: Genesis; genesisJson: string; warnings: readonly string[] }, HomeFault> {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return refuse("missing", `${path}: not found`);
  if (size > GENESIS_BYTES_MAX) {
    return refuse("too-large", `${path}: ${size} bytes, at most ${GENESIS_BYTES_MAX} are read`);
  }
  const text = readTextFile(path);
  if (!text.ok) return text;
  const genesisJson = text.value;
  const parsed = parseGenesis(genesisJson);
  if (!parsed.ok) return refuse(parsed.fault.code, `${path}: ${parsed.fault.detail}`);
  return accept({ ...parsed.value, genesisJson });
}

export interface NewHome {
  readonly configText: string;
  readonly genesisJson: string;
  readonly peers: readonly KnownPeer[];
  readonly nodeKey: Key;
  readonly validatorKey: Key | undefined;
  /** Bundled files by the names of their modules. */
  readonly modules?: ReadonlyMap<string, string>;
}

/** Makes a home; refuses a folder that holds one, touching nothing. @throws Error when the disk fails. */
export function createHome(dir: string, content: NewHome): Verdict<HomePaths, "exists"> {
  const paths = homePaths(dir);
  const taken = [paths.genesis, paths.config, paths.nodeKey, paths.validatorKey, paths.db].find(existsSync);
  if (taken !== undefined)
    return refuse("exists", `${taken}: exists already; use another folder or remove it`);
  const files = [paths.nodeKey, paths.validatorKey, paths.peers, paths.config, paths.genesis];
  const absent = files.filter((path) => !existsSync(path));
  const [made] = makeFolder(dir);
  try {
    return writeHome(paths, content);
  } catch (error) {
    // A full disk: what is left of the home would be taken for one by the next try.
    for (const path of made === undefined ? absent : [made]) rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

function writeHome(paths: HomePaths, content: NewHome): Verdict<HomePaths, "exists"> {
  const node = saveKey(paths.nodeKey, content.nodeKey);
  if (!node.ok) return node;
  if (content.validatorKey !== undefined) {
    const validator = saveKey(paths.validatorKey, content.validatorKey);
    if (!validator.ok) return validator;
  }
  writeWhole(paths.peers, formatPeers(content.peers));
  writeWhole(paths.config, content.configText);
  if (content.modules !== undefined && content.modules.size > 0) makeFolder(paths.modules);
  for (const [name, text] of content.modules ?? []) writeWhole(moduleFile(paths.modules, name), text);
  // Last, because it is what makes the folder a home.
  writeWhole(paths.genesis, content.genesisJson);
  return accept(paths);
}

export function writePid(paths: HomePaths): void {
  writeWhole(paths.pid, `${process.pid}\n`);
}

export function removePid(paths: HomePaths): void {
  rmSync(paths.pid, { force: true });
}
