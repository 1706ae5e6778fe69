/**
 * transitions/ of a home: the breaks of trust that its operator has accepted, one file each, named by its id. They are read at
 * every start, so that a restart needs no option.
 */
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { equalBytes, hex, hex0x, showHash } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { hasEpochs } from "../../chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { secondTransition } from "../../chain/transitions.ts";
import {
  readTransition,
  showTransition,
  type Transition,
  transitionId,
} from "../../chain/types/transition.ts";
import { parseJson } from "../../codec/field.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import { readTextFile } from "./text-file.ts";

/** Bytes of a transition file. A larger one is refused unread. */
const FILE_BYTES_MAX = 256 * 1024;
/** Breaks of trust in one home. */
const TRANSITIONS_MAX = 100;

/** Faults name the file. */
export function readTransitionFile(path: string): Verdict<Transition> {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return refuse("missing", `${path}: not found`);
  if (size > FILE_BYTES_MAX)
    return refuse("too-large", `${path}: ${size} bytes, at most ${FILE_BYTES_MAX} are read`);
  const text = readTextFile(path);
  if (!text.ok) return text;
  const json = parseJson(text.value);
  const read = json.ok ? readTransition(json.value) : json;
  return read.ok ? read : refuse(read.fault.code, `${path}: ${read.fault.detail}`);
}

export function writeTransitionFile(path: string, transition: Transition): void {
  writeWhole(path, formatTransition(transition));
}

function formatTransition(transition: Transition): string {
  return `${JSON.stringify(showTransition(transition), undefined, 2)}\n`;
}

/**
 * Those of the home and these; two different ones for one epoch are refused. Whether one holds is judged when the
 * chain is open; only then it is kept ({@link keepTransitions}).
 */
export function acceptTransitions(
  dir: string,
  paths: readonly string[],
  genesis: Genesis,
): Verdict<readonly Transition[]> {
  const all = new Map<bigint, Transition>();
  for (const path of [...keptFiles(dir), ...paths].slice(0, TRANSITIONS_MAX)) {
    const read = readTransitionFile(path);
    if (!read.ok) return read;
    if (!hasEpochs(genesis.consensus))
      return refuse(
        "wrong-transition",
        `${path}: the validators of this chain never change: it has no epochs`,
      );
    const genesisHash = computeGenesisHash(genesis);
    if (!equalBytes(read.value.genesisHash, genesisHash))
      return refuse(
        "wrong-transition",
        `${path}: of the chain with genesis ${showHash(read.value.genesisHash)}, this one's is ${showHash(genesisHash)}`,
      );
    const first = all.get(read.value.epoch);
    if (first !== undefined && !equalBytes(transitionId(first), transitionId(read.value))) {
      const { code, detail } = secondTransition(read.value, transitionId(first));
      return refuse(code, `${path}: ${detail}`);
    }
    all.set(read.value.epoch, read.value);
  }
  return accept([...all.values()]);
}

/** Once the node runs by them: exactly these are in its home from now on. */
export function keepTransitions(dir: string, transitions: readonly Transition[]): void {
  if (transitions.length === 0) return;
  const folder = join(dir, "transitions");
  makeFolder(folder);
  const wanted = new Map(transitions.map((one) => [join(folder, `${hex(transitionId(one))}.json`), one]));
  for (const [path, one] of wanted) if (!existsSync(path)) writeTransitionFile(path, one);
  for (const path of keptFiles(dir)) if (!wanted.has(path)) rmSync(path);
}

function keptFiles(dir: string): string[] {
  const folder = join(dir, "transitions");
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => join(folder, name));
}

/**
 * Starts by these transitions. The start checks them with the chain; only what it did not refuse is said to be accepted,
 * and kept.
 */
export async function startUnder<T>(
  transitions: readonly Transition[],
  { dir, start, warn }: { readonly dir: string; start(): Promise<T>; readonly warn: (words: string) => void },
): Promise<T> {
  const started = await start();
  for (const one of transitions) warn(describeBreak(one));
  keepTransitions(dir, transitions);
  return started;
}

/** Says to people what somebody who accepts the transition accepts. */
function describeBreak(transition: Transition): string {
  const { height, members, reason, signatures } = transition;
  const names = members.map(({ name }) => name).join(", ");
  return `accepts a BREAK OF TRUST behind height ${height}: ${hex0x(transitionId(transition))}, signed by ${signatures.length} ${signatures.length === 1 ? "operator" : "operators"}, validators ${names}; "${reason}"`;
}
