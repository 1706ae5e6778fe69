/**
 * `quorate debug bundle`: one file to send to whoever helps: program, machine, configuration with its origins, genesis,
 * what `doctor` finds, what the running node answers, its metrics and the end of its log. No key, password or token is
 * in it: of the files that hold them only names, sizes and modes are told.
 */
import { type Dirent, existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { cpus, freemem, loadavg, platform, release, totalmem, uptime } from "node:os";
import { join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { showHash } from "../../base/bytes.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { nativeName } from "../../crypto/keys.ts";
import { loadConfig } from "../../node/home/config.ts";
import { type HomePaths, homePaths, loadGenesis } from "../../node/home/home.ts";
import { loadPublicKey } from "../../node/home/key-file.ts";
import { packageVersion } from "../../node/home/package-version.ts";
import { sourceCommit } from "../../node/home/source-commit.ts";
import { readTextFile } from "../../node/home/text-file.ts";
import { peerIdFromPublicBytes } from "../../p2p/transport/identity.ts";
import { Client } from "../../sdk/client.ts";
import { explainDisk } from "../../storage/disk-fault.ts";
import { writeWhole } from "../../storage/durable-file.ts";
import { dirOption, group, leaf } from "../command.ts";
import { badInput } from "../exit.ts";
import { examineHome, ownRpcUrl } from "./doctor-home.ts";

interface BundleOptions {
  readonly dir: string;
  readonly out?: string;
  readonly log?: string;
}

/** What a running node is asked. None of it changes anything, and none needs the operator's token. */
const METHODS = [
  "node_info",
  "node_status",
  "consensus_explain",
  "consensus_getState",
  "consensus_getValidators",
  "consensus_getEvidence",
  "net_info",
  "net_peers",
  "net_getBans",
  "mempool_status",
  "chain_getTips",
  "chain_getReorgs",
] as const;
const ANSWER_MS = 3_000;
const METRICS_CHARS_MAX = 1024 * 1024;
/** Files of a home that are named; one that has more has other troubles. */
const FILES_MAX = 2_000;
const LOG_BYTES_MAX = 64 * 1024;
const FORMAT = 1;

export function addDebug(program: Command): void {
  leaf<BundleOptions>(
    group(program, "debug", "gather what helps to find a fault"),
    "bundle",
    "write one JSON file of what is known of a node, without secrets, to send to whoever helps",
    (command) =>
      command
        .addOption(dirOption())
        .option("--out <file>", "the file to write; it must not exist (default: quorate-debug-TIME.json)")
        .option(
          "--log <file>",
          "a log of the node, of which the last 64 KiB are added (default: that of log.file)",
        ),
    async ({ out, options }) => {
      const made = new Date();
      const path = options.out ?? `quorate-debug-${made.toISOString().replaceAll(/[:.]/g, "-")}.json`;
      if (existsSync(path)) throw badInput(`--out ${path}: it is there already; nothing was written`);
      if (!existsSync(homePaths(options.dir).genesis))
        throw badInput(`--dir ${options.dir}: no genesis.json in it, so this is no node's home`);
      const bundle = await gather(options, made);
      try {
        writeWhole(path, withoutUserInfo(JSON.stringify(bundle, undefined, 2)));
      } catch (error) {
        rmSync(path, { force: true });
        throw error;
      }
      const answered = Object.values(bundle.node).some((answer) => "result" in (answer as object));
      const parts = Object.entries(bundle).flatMap(([part, what]) => (what === undefined ? [] : [part]));
      out.result({ file: path, parts, nodeAnswered: answered }, [
        `${out.tick} ${path}: ${parts.join(", ")}`,
        answered
          ? "the node answered; its answers are in it"
          : (bundle.stranger ?? "no node answered: what it would have said of itself is missing"),
        ...(bundle.log === undefined
          ? ["no log is in it: --log FILE adds one (journalctl -u quorate > FILE)"]
          : []),
        "no key, password or token is in it; read it before you send it",
      ]);
    },
  );
}

async function gather({ dir, log }: BundleOptions, made: Date) {
  const paths = homePaths(dir);
  const settings = loadConfig({
    file: existsSync(paths.config) ? textOf(paths.config) : undefined,
    environment: process.env,
  });
  const url = settings.ok ? ownRpcUrl(settings.value.config) : undefined;
  const answers = url === undefined ? {} : await askNode(url);
  const stranger = url === undefined ? undefined : strangerAt(url, paths, answers.node_info);
  return {
    format: FORMAT,
    made: made.toISOString(),
    program: {
      version: packageVersion(),
      commit: sourceCommit(),
      node: process.version,
      verifier: nativeName,
    },
    machine: machine(),
    home: filesOf(dir),
    config: settings.ok
      ? Object.fromEntries(settings.value.origins.map(({ key, value, origin }) => [key, { value, origin }]))
      : { error: settings.fault.detail },
    genesis: textOf(paths.genesis),
    peers: textOf(paths.peers),
    doctor: await examineHome(dir).catch((error: Error) => [
      { name: "home", ok: false, detail: error.message },
    ]),
    node: stranger === undefined ? answers : {},
    metrics: url === undefined || stranger !== undefined ? undefined : await metricsOf(url),
    stranger,
    log: logOf(dir, log, settings.ok ? settings.value.config.log.file : undefined),
  };
}

/** The user and password of every URL in a text are left out. */
function withoutUserInfo(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"@]*@/gi, "$1");
}

/** The log that is named, else the one that the configuration names, else the one that a devnet asks its nodes for. */
function logOf(dir: string, named: string | undefined, configured = "") {
  if (named !== undefined) return logTail(named);
  if (configured !== "") return logTail(resolve(dir, configured));
  const { logFile } = homePaths(dir);
  return existsSync(logFile) ? logTail(logFile) : undefined;
}

function machine() {
  return {
    system: `${platform()} ${release()} ${process.arch}`,
    processors: cpus().length,
    loadAverage: loadavg(),
    memoryBytes: totalmem(),
    memoryFreeBytes: freemem(),
    uptimeSeconds: Math.round(uptime()),
  };
}

/** Another node may have the port, and would be taken for this home's: said by the peer id, or by the genesis where the key cannot be read. */
function strangerAt(url: string, paths: HomePaths, told: unknown): string | undefined {
  const { result } = (told ?? {}) as { readonly result?: { nodeId: string; genesisHash: string } };
  if (result === undefined) return undefined;
  const key = existsSync(paths.nodeKey) ? loadPublicKey(paths.nodeKey) : undefined;
  const genesis = loadGenesis(paths.genesis);
  const [own, found] =
    key?.ok === true
      ? [`peer id ${peerIdFromPublicBytes(key.value.publicKey)}`, `peer id ${result.nodeId}`]
      : genesis.ok
        ? [`genesis ${showHash(computeGenesisHash(genesis.value.genesis))}`, `genesis ${result.genesisHash}`]
        : ["", ""];
  if (own === found) return undefined;
  return `another node answers at ${url}: ${found}, this home has ${own}; its answers were left out`;
}

interface ListedFile {
  readonly path: string;
  readonly bytes?: number;
  readonly mode?: string;
  readonly changed?: string;
  /** Why a folder could not be looked into: it is another user's, or was taken away meanwhile. */
  readonly unread?: string;
}

/** Names, sizes, modes and times; never what is in them. Whoever may not see the keys still gets the rest. */
export function filesOf(
  dir: string,
  entriesOf: (folder: string) => readonly Dirent[] = (folder) => readdirSync(folder, { withFileTypes: true }),
): ListedFile[] {
  const files: ListedFile[] = [];
  const folders = [dir];
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    let entries: readonly Dirent[] = [];
    try {
      entries = entriesOf(folder);
    } catch (error) {
      files.push({ path: relative(dir, folder), unread: explainDisk(error) ?? (error as Error).message });
    }
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      const found = entry.isFile() ? statSync(path, { throwIfNoEntry: false }) : undefined;
      if (found === undefined) continue;
      if (files.length >= FILES_MAX) return files;
      const mode = (found.mode & 0o777).toString(8);
      files.push({ path: relative(dir, path), bytes: found.size, mode, changed: found.mtime.toISOString() });
    }
  }
  return files;
}

function textOf(path: string): string | undefined {
  const read = readTextFile(path);
  return read.ok ? read.value : undefined;
}

async function askNode(url: string): Promise<Record<string, unknown>> {
  const client = new Client(url, { timeoutMs: ANSWER_MS });
  try {
    const answers = METHODS.map(async (method) => {
      try {
        return [method, { result: await client.call(method) }];
      } catch (error) {
        return [method, { error: (error as Error).message }];
      }
    });
    return Object.fromEntries(await Promise.all(answers));
  } finally {
    client.close();
  }
}

async function metricsOf(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
    return (await response.text()).slice(0, METRICS_CHARS_MAX);
  } catch {
    return undefined; // that no node answers is told by its methods
  }
}

/** The last lines of a log, as far as {@link LOG_BYTES_MAX} bytes reach. */
function logTail(path: string): readonly string[] | { readonly error: string } {
  try {
    const bytes = readFileSync(path);
    const tail = bytes.subarray(Math.max(0, bytes.length - LOG_BYTES_MAX)).toString("utf8");
    return tail.split("\n").slice(bytes.length > LOG_BYTES_MAX ? 1 : 0);
  } catch (error) {
    return { error: (error as Error).message };
  }
}
