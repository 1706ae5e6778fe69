/**
 * transitions/ of a home: the breaks of trust that its operator has accepted, one file each, named by its id. They are read at
 * every start, so that a restart needs no option.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { equalBytes, hex, hex0x, showHash } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { hasEpochs } from "../../chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import {
  readTransition,
  showTransition,
  type Transition,
  transitionId,
} from "../../chain/types/transition.ts";
import { parseJson } from "../../codec/field.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import { readTextFile } from "./text-file.ts";

/** Bytes of a transition file; a larger one is refused unread. */
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

/** Those of the home and these, which are kept in it from now on. Whether one holds is judged when the chain is open. */
export function acceptTransitions(
  dir: string,
  paths: readonly string[],
  genesis: Genesis,
): Verdict<readonly Transition[]> {
  const folder = join(dir, "transitions");
  const kept = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  const all: Transition[] = [];
  for (const path of [...kept.sort().map((name) => join(folder, name)), ...paths].slice(0, TRANSITIONS_MAX)) {
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
    all.push(read.value);
  }
  if (paths.length > 0) makeFolder(folder);
  for (const one of all.slice(kept.length))
    writeTransitionFile(join(folder, `${hex(transitionId(one))}.json`), one);
  return accept(all);
}

/** For people: what somebody who accepts it accepts. */
export function describeBreak(transition: Transition): string {
  const { height, members, reason, signatures } = transition;
  const names = members.map(({ name }) => name).join(", ");
  return `accepts a BREAK OF TRUST behind height ${height}: ${hex0x(transitionId(transition))}, signed by ${signatures.length} operators, validators ${names}; "${reason}"`;
}
