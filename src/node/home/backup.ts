/**
 * Backups of a home, and homes from backups. What is never in one are votes: a key that votes again by an old journal
 * contradicts itself. So a restored home is a full node, or a validator whose votes are lost and known to be
 * (pbft.md 1.12, "Amnesia"). Both are done while the node is stopped. A file or a home appears when it is whole.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseUtf8, showHash, utf8 } from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { ChainStore } from "../../chain/store.ts";
import { checkFields, field, integerField, object, parseJson } from "../../codec/field.ts";
import { makeFolder, syncDirectory } from "../../storage/durable-file.ts";
import type { Kv } from "../../storage/kv.ts";
import { openLevel } from "../../storage/level.ts";
import {
  type BackupEntry,
  BackupWriter,
  decodeEntries,
  decodeFile,
  ENTRIES_BYTES,
  encodeEntries,
  encodeFile,
  KIND,
  readSections,
} from "./backup-format.ts";
import { type HomePaths, homePaths, loadGenesis } from "./home.ts";

/** Entries read of the database at a time. */
const PAGE = 2_000;
/** Files that a backup may hold, relative to the home: no journal, no lock, no token. */
const PLAIN_FILES =
  /^(genesis\.json|config\.toml|peers\.json|modules\/[A-Za-z0-9._-]+\.js|transitions\/[0-9a-f]{64}\.json)$/;
const KEY_FILES = /^keys\/[A-Za-z0-9._-]+\.json$/;

export interface BackupFacts {
  readonly genesisHash: string;
  readonly height: number;
  readonly headHash: string;
  readonly withKeys: boolean;
}

const word = field("a text", (value) => (typeof value === "string" ? value : undefined));
const factsSchema = object({
  genesisHash: word,
  height: integerField(0, Number.MAX_SAFE_INTEGER),
  headHash: word,
  withKeys: field("true or false", (value) => (typeof value === "boolean" ? value : undefined)),
});

/** The caller holds the home's lock. Faults: `exists`, `missing`, those of the genesis. @throws Error when a disk fails */
export async function writeBackup(
  dir: string,
  out: string,
  withKeys: boolean,
): Promise<Verdict<BackupFacts & { readonly bytes: number }>> {
  const paths = homePaths(dir);
  if (existsSync(out)) return refuse("exists", `${out}: exists already; use another name or remove it`);
  if (!existsSync(paths.db))
    return refuse("missing", `${paths.db}: not found; this node has never been started`);
  const genesis = loadGenesis(paths.genesis);
  if (!genesis.ok) return genesis;
  const partial = `${out}.partial`;
  let file: FileHandle | undefined;
  const kv = await openLevel(paths.db);
  try {
    file = await open(partial, "w", 0o600);
    const writer = new BackupWriter(file);
    await writer.begin();
    const genesisHash = computeGenesisHash(genesis.value.genesis);
    const store = new ChainStore(kv, genesis.value.genesis.limits);
    const headHash = store.openHead(genesisHash, showHash) ?? genesisHash;
    const height = Number(store.head(headHash)?.summary.height ?? 0n);
    const facts = { genesisHash: showHash(genesisHash), height, headHash: showHash(headHash), withKeys };
    await writer.section(KIND.facts, utf8(JSON.stringify(facts)));
    for (const path of filesOf(dir, withKeys)) {
      await writer.section(KIND.file, encodeFile(path, readFileSync(join(dir, path))));
    }
    await writeEntries(writer, kv);
    await writer.end();
    await file.sync();
    await rename(partial, out);
    await syncDirectory(dirname(out));
    return { ok: true, value: { ...facts, bytes: writer.bytes } };
  } finally {
    await file?.close();
    await kv.close();
    await rm(partial, { force: true });
  }
}

function filesOf(dir: string, withKeys: boolean): string[] {
  const inFolder = (name: string) =>
    existsSync(join(dir, name)) ? readdirSync(join(dir, name)).map((file) => `${name}/${file}`) : [];
  const all = [...readdirSync(dir), ...["keys", "modules", "transitions"].flatMap(inFolder)];
  return all.filter((path) => PLAIN_FILES.test(path) || (withKeys && KEY_FILES.test(path))).sort();
}

async function writeEntries(writer: BackupWriter, kv: Kv): Promise<void> {
  let from = new Uint8Array(0);
  let waiting: BackupEntry[] = [];
  let bytes = 0;
  const flush = async () => {
    if (waiting.length > 0) await writer.section(KIND.entries, encodeEntries(waiting));
    waiting = [];
    bytes = 0;
  };
  for (;;) {
    const page = await kv.entries({ from, to: Uint8Array.of(0xff), limit: PAGE });
    for (const [key, value] of page) {
      waiting.push([key, value]);
      bytes += key.length + value.length + 6;
      if (bytes >= ENTRIES_BYTES) await flush();
    }
    const last = page.at(-1)?.[0];
    if (last === undefined || page.length < PAGE) break;
    // The next key that there can be.
    from = new Uint8Array([...last, 0]);
  }
  await flush();
}

/**
 * Makes a home of a backup. Faults: `exists`, `damaged`, those of the genesis.
 * @throws Error when a disk fails; the home is then half-imported, and says so when it is started
 */
export async function restoreBackup(file: string, dir: string): Promise<Verdict<BackupFacts>> {
  const paths = homePaths(dir);
  const taken = [paths.genesis, paths.config, paths.nodeKey, paths.validatorKey, paths.db].find(existsSync);
  if (taken !== undefined)
    return refuse("exists", `${taken}: exists already; a backup is restored into a folder without a node`);
  const source = await open(file, "r");
  try {
    // Twice: nothing is written before the whole file is known to be good.
    const files = new Set<string>();
    const looked = await readBackup(source, undefined, files);
    if (!looked.ok) return refuse(looked.fault.code, `${file}: ${looked.fault.detail}`);
    const inTheWay = [...files].map((path) => join(dir, path)).find(existsSync);
    if (inTheWay !== undefined)
      return refuse(
        "exists",
        `${inTheWay}: exists already, and the backup has a file of that name; move it away first`,
      );
    makeFolder(paths.dbImport);
    const kv = await openLevel(paths.dbImport);
    let read: Verdict<BackupFacts>;
    try {
      read = await readBackup(source, { dir, kv });
    } finally {
      await kv.close();
    }
    if (!read.ok) return read;
    rmSync(paths.db, { recursive: true, force: true });
    await rename(paths.dbImport, paths.db);
    await syncDirectory(dirname(paths.db));
    return checkRestored(paths, read.value);
  } finally {
    await source.close();
  }
}

interface Target {
  readonly dir: string;
  readonly kv: Kv;
}

/** @param files gets the paths of the files in it */
async function readBackup(
  source: FileHandle,
  target: Target | undefined,
  files = new Set<string>(),
): Promise<Verdict<BackupFacts>> {
  let facts: BackupFacts | undefined;
  let wrong: string | undefined;
  const read = await readSections(source, async ({ kind, payload }) => {
    if (kind === KIND.facts) facts = readFacts(payload);
    else if (kind === KIND.file) wrong ??= restoreFile(payload, target?.dir, files);
    else if (kind === KIND.entries) wrong ??= await restoreEntries(payload, target?.kv);
    else wrong ??= `a section of kind ${kind}, which this program does not know`;
  });
  if (!read.ok) return read;
  if (wrong !== undefined) return refuse("damaged", wrong);
  return facts === undefined
    ? refuse("damaged", "it does not say what it is of")
    : { ok: true, value: facts };
}

function readFacts(payload: Uint8Array): BackupFacts | undefined {
  const json = parseJson(parseUtf8(payload) ?? "");
  const facts = json.ok ? checkFields(factsSchema, json.value) : json;
  return facts.ok ? facts.value : undefined;
}

function restoreFile(payload: Uint8Array, dir: string | undefined, files: Set<string>): string | undefined {
  const read = decodeFile(payload);
  if (!read.ok) return read.fault.detail;
  const { path, content } = read.value;
  const isKey = KEY_FILES.test(path);
  if (!isKey && !PLAIN_FILES.test(path)) return `a file ${JSON.stringify(path)}, which no backup holds`;
  if (files.has(path)) return `a file ${JSON.stringify(path)} stands twice`;
  files.add(path);
  if (dir === undefined) return undefined;
  makeFolder(dirname(join(dir, path)), isKey ? 0o700 : 0o777);
  writeFileSync(join(dir, path), content, { mode: isKey ? 0o600 : 0o644, flag: "wx" });
  return undefined;
}

async function restoreEntries(payload: Uint8Array, kv: Kv | undefined): Promise<string | undefined> {
  const read = decodeEntries(payload);
  if (!read.ok) return read.fault.detail;
  const operations = read.value.map(([key, value]) => ({ kind: "put", key, value }) as const);
  await kv?.write(operations, { sync: true });
  return undefined;
}

/** That the parts are of one chain. */
function checkRestored(paths: HomePaths, facts: BackupFacts): Verdict<BackupFacts> {
  const genesis = loadGenesis(paths.genesis);
  if (!genesis.ok) return genesis;
  const own = showHash(computeGenesisHash(genesis.value.genesis));
  if (own === facts.genesisHash) return { ok: true, value: facts };
  return refuse("damaged", `genesis.json is of ${own}, the backup says ${facts.genesisHash}`);
}
