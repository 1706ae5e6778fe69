/**
 * Which chain each remote node told of when it was used first, as ssh keeps the keys of hosts: a node that gives another genesis
 * later gets no signature. It serves where no genesis.json of this machine says more. One file in the user's folder of
 * configuration, JSON from URL to genesis hash, the URL used first in front. Nodes on this machine are not remembered: their
 * networks are made anew at will.
 */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { makeFolder, writeDurably } from "../../storage/durable-file.ts";
import { badInput, CliError, EXIT } from "../exit.ts";
import { fileProblem } from "../file-problem.ts";
import type { Output } from "../output.ts";

/** Nodes that are remembered; beyond it the one used first longest ago is forgotten. */
export const KNOWN_CHAINS_MAX = 1_000;
/** The largest size of the file in bytes. A larger one is not read. */
const BYTES_MAX = 1024 * 1024;

/** @param env holds XDG_CONFIG_HOME, which is ~/.config by default. */
export function knownChainsPath(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CONFIG_HOME || join(homedir(), ".config"), "quorate", "known_chains.json");
}

/**
 * Compares the chain that a node tells of with the one it told of before, or remembers it.
 * @param hash of the genesis, as it is shown
 * @throws CliError when it is another than before, or the file cannot be understood; nothing is changed then
 */
export async function checkKnownChain(
  out: Pick<Output, "note" | "warn">,
  { url, hash, path }: { readonly url: string; readonly hash: string; readonly path: string },
): Promise<void> {
  const node = nodeOf(url);
  if (node === undefined) return;
  const known = readKnown(path);
  const before = known.get(node);
  if (before === hash) return;
  if (before !== undefined) {
    throw new CliError(
      EXIT.refused,
      "GENESIS_CHANGED",
      `${node} tells of the chain with genesis ${hash}; when it was used first it was ${before}. Somebody may answer in its ` +
        "place. Nothing was signed. If its operator says that the chain was made anew, name its genesis.json with --genesis, " +
        `or remove the node's line from ${path}`,
    );
  }
  known.set(node, hash);
  for (const oldest of known.keys()) {
    if (known.size <= KNOWN_CHAINS_MAX) break;
    known.delete(oldest);
  }
  const problem = await keep(path, known);
  const first = `first use of ${node}: its chain has the genesis ${hash}, taken by its word (--genesis FILE checks it)`;
  if (problem === undefined) out.note(`${first} and remembered in ${path}`);
  else out.warn(`${first}; it could not be remembered in ${path}: ${problem}`);
}

/** The URL of a node without user, password and query, which may be secrets. Undefined for this machine. */
function nodeOf(url: string): string | undefined {
  const { protocol, hostname, host, pathname } = new URL(url);
  const isHere = /^(127\.\d+\.\d+\.\d+|\[::1\]|(.+\.)?localhost)$/.test(hostname);
  return isHere ? undefined : `${protocol}//${host}${pathname.replace(/\/$/, "")}`;
}

function readKnown(path: string): Map<string, string> {
  const text = readBounded(path);
  if (text === undefined) return new Map();
  const entries = entriesOf(text);
  if (entries !== undefined) return new Map(entries);
  throw badInput(
    `${path} is no list of nodes and genesis hashes; repair it or remove it, then each node's chain is remembered anew`,
  );
}

function readBounded(path: string): string | undefined {
  try {
    const { size } = statSync(path);
    if (size > BYTES_MAX) throw badInput(`${path} has ${size} bytes, at most ${BYTES_MAX}: remove it`);
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    const problem = fileProblem(error);
    throw problem === undefined ? error : badInput(`${path}: ${problem}`);
  }
}

function entriesOf(text: string): [string, string][] | undefined {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
    const entries = Object.entries(json);
    return entries.every(([, hash]) => typeof hash === "string") ? entries : undefined;
  } catch {
    return undefined;
  }
}

/** A folder that cannot be written makes the node's word worth no less than before: that is said, and no more. */
async function keep(path: string, known: ReadonlyMap<string, string>): Promise<string | undefined> {
  try {
    makeFolder(dirname(path), 0o700);
    await writeDurably(path, JSON.stringify(Object.fromEntries(known), undefined, 2));
    return undefined;
  } catch (error) {
    const problem = fileProblem(error);
    if (problem === undefined) throw error;
    return problem;
  }
}
