/**
 * One life of an index: opens the database, decides which chain it is of, loads the chain's modules, opens the ledger,
 * and makes the ledger anew where it has what the rows have not. Everything that it opened it closes.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { must } from "../base/assert.ts";
import { equalBytes, hex0x, showHash } from "../base/bytes.ts";
import { hasEpochs } from "../chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../chain/genesis/genesis.ts";
import type { ModuleVersion } from "../chain/types/module-version.ts";
import { loadModule, moduleHash } from "../node/modules/load-module.ts";
import { loadModules, loadModulesFrom } from "../node/modules/module-files.ts";
import { ModuleFolder } from "../node/modules/module-folder.ts";
import { dropBackups, openMigrated } from "../node/stored-chain/migrate-database.ts";
import type { NodeCalls } from "../sdk/node-calls.ts";
import { openGenesis } from "../sdk/trusted-genesis.ts";
import type { Kv } from "../storage/kv.ts";
import { BlockSource, NodeGone } from "./block-source.ts";
import { Indexer, type IndexProgress } from "./indexer.ts";
import type { SqlDatabase } from "./sql-database.ts";
import { pinnedChain, SqlIndex } from "./sql-index.ts";
import { VerifiedLedger } from "./verified-ledger.ts";

export interface SessionOptions {
  /** Opens the database. */
  readonly open: () => Promise<SqlDatabase>;
  readonly schema: string;
  readonly client: NodeCalls;
  /** The folder of the ledger, which has a folder for each chain. */
  readonly folder: string;
  /** Folder with the bundled files of the chain's modules. With undefined the node is asked for them. */
  readonly modules?: string | undefined;
  /** The text of a genesis.json that is trusted. Left out, that of the database is, and at first the node's. */
  readonly genesis?: string | undefined;
  readonly batchBlocks?: number | undefined;
  readonly progress?: (progress: IndexProgress) => void;
  /** Told in words what a person should know. */
  readonly note?: (words: string) => void;
}

/** What was given cannot be used: a genesis, a module's file. */
export class WrongInput extends Error {
  override readonly name = "WrongInput";
}

export class IndexSession {
  readonly indexer: Indexer;
  /** The hash of block 0 as people see it. */
  readonly genesisHash: string;
  readonly #db: SqlDatabase;
  readonly #ledger: VerifiedLedger;

  private constructor(
    parts: Pick<IndexSession, "indexer" | "genesisHash">,
    db: SqlDatabase,
    ledger: VerifiedLedger,
  ) {
    this.indexer = parts.indexer;
    this.genesisHash = parts.genesisHash;
    this.#db = db;
    this.#ledger = ledger;
  }

  /** @throws WrongDatabase, WrongNode, WrongInput; what database, disk or node throw when they fail */
  static async open(options: SessionOptions): Promise<IndexSession> {
    const db = await options.open();
    try {
      return await openOn(db, options, (...parts) => new IndexSession(...parts));
    } catch (error) {
      await db.close().catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#ledger.close().catch(() => undefined);
    await this.#db.close().catch(() => undefined);
  }
}

type Make = (
  parts: Pick<IndexSession, "indexer" | "genesisHash">,
  db: SqlDatabase,
  ledger: VerifiedLedger,
) => IndexSession;

async function openOn(db: SqlDatabase, options: SessionOptions, make: Make): Promise<IndexSession> {
  const { schema, client, batchBlocks, progress } = options;
  const chain = await chainOf(db, options);
  const source = new BlockSource(client, chain.genesis.limits);
  await source.checkChain(chain.genesisHash);
  const genesis = await withCode(chain.genesis, options);
  const index = await SqlIndex.open(db, { schema, genesis, genesisJson: chain.json });
  const folder = join(options.folder, "ledger", chain.genesisHash.slice(2, 18));
  const openLedger = async () => VerifiedLedger.open(genesis, await openStore(folder));
  let ledger = await openLedger();
  const indexerOn = (opened: VerifiedLedger) =>
    new Indexer({
      index,
      ledger: opened,
      source,
      loadModule: (version) => loadVersion(genesis, version, options),
      ...(batchBlocks === undefined ? {} : { batchBlocks }),
      ...(progress === undefined ? {} : { progress }),
    });
  try {
    let indexer = indexerOn(ledger);
    await indexer.loadMissing();
    if (!(await indexer.align())) {
      options.note?.(`the ledger in ${folder} is ahead of the rows: it is made anew from block 0`);
      await ledger.close();
      rmSync(folder, { recursive: true, force: true });
      ledger = await openLedger();
      indexer = indexerOn(ledger);
      await indexer.align();
    }
    return make({ indexer, genesisHash: chain.genesisHash }, db, ledger);
  } catch (error) {
    await ledger.close().catch(() => undefined);
    throw error;
  }
}

/** No copy of an older format is kept: a ledger can be made anew. */
async function openStore(folder: string): Promise<Kv> {
  const paths = { db: folder };
  const { kv } = await openMigrated(paths);
  dropBackups(paths);
  return kv;
}

async function chainOf(
  db: SqlDatabase,
  { schema, client, genesis, note }: SessionOptions,
): Promise<{ readonly genesis: Genesis; readonly genesisHash: string; readonly json: string }> {
  const pinned = await pinnedChain(db, schema);
  const json = genesis ?? pinned?.genesis ?? (await genesisOfNode(client));
  const opened = openGenesis(json);
  if (!opened.ok) throw new WrongInput(`genesis.json: ${opened.fault.detail}`);
  const genesisHash = showHash(opened.value.genesisHash);
  if (genesis === undefined && pinned === undefined) {
    note?.(
      `the chain with genesis ${genesisHash} is taken by the word of ${client.url} and kept in the database (--genesis FILE checks it)`,
    );
  }
  return { genesis: opened.value.genesis, genesisHash, json };
}

async function genesisOfNode(client: NodeCalls): Promise<string> {
  try {
    return JSON.stringify((await client.call("chain_getGenesis")).genesis);
  } catch (error) {
    throw new NodeGone((error as Error).message, { cause: error });
  }
}

/** The files of a folder where one is named, else the node's: each is compared with its hash in the genesis. */
async function withCode(genesis: Genesis, { modules, client }: SessionOptions): Promise<Genesis> {
  if (genesis.modules === undefined && !hasEpochs(genesis.consensus)) return genesis;
  const fromNode = (named: ModuleVersion) => fileOfNode(client, named);
  const loaded =
    modules === undefined
      ? await loadModulesFrom(genesis, fromNode).catch(gone)
      : loadModules(genesis, modules);
  if (!loaded.ok) throw new WrongInput(loaded.fault.detail);
  return loaded.value;
}

/** Asks the node for a file by its hash, since by its name the node gives the version that runs now. */
async function fileOfNode(client: NodeCalls, { name, version, hash }: ModuleVersion): Promise<string> {
  const sha256 = hex0x(hash);
  const answer = await client.call("state_getModuleFile", { sha256 });
  if (answer !== null && equalBytes(moduleHash(answer.text), hash)) return answer.text;
  throw new WrongInput(
    `${client.url} has no file of ${name} ${version} (SHA-256 ${sha256}): --modules DIR says where it is`,
  );
}

/** A version that a vote has activated: of the folder, or by its hash from the node. */
async function loadVersion(
  { code }: Genesis,
  wanted: ModuleVersion,
  { modules, client }: SessionOptions,
): Promise<void> {
  const { name, version, hash } = wanted;
  const text =
    modules === undefined
      ? await fileOfNode(client, wanted).catch(gone)
      : new ModuleFolder(modules).textOf(hash);
  const what = `${name} ${version} (SHA-256 ${hex0x(hash)}), which a vote has activated`;
  if (text === undefined) throw new WrongInput(`${modules}: there is no file of ${what}`);
  const loaded = loadModule(text);
  if (!loaded.ok) throw new WrongInput(`the file of ${what}: ${loaded.fault.detail}`);
  must(code, "a chain whose modules may change has a library").add(hash, loaded.value);
}

function gone(error: unknown): never {
  if (error instanceof WrongInput) throw error;
  throw new NodeGone((error as Error).message, { cause: error });
}
