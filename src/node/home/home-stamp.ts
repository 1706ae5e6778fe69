/**
 * The stamp of a validator's home, or of a signer's folder, beside its key: which file it is, where, and on which machine. Two nodes with one
 * validator key halt each other, and the usual way to two is a copied folder. A copy is a new file, so the stamp in it
 * says that it was another one; a folder that was renamed, or mounted elsewhere, keeps its files.
 *
 *   keys/validator.json.home   {"version":1,"file":"inode/birth in ns","machine":"...","host":"...","path":"..."}
 *
 * What it does not see: a copy of the key alone, and a clone of a whole disk. There the peers notice (amnesia).
 */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import type { Logger } from "../../base/log.ts";
import { checkJson, field, object } from "../../codec/field.ts";
import { explainDisk, withPath } from "../../storage/disk-fault.ts";
import { makeFolder } from "../../storage/durable-file.ts";
import type { HomePaths } from "./home.ts";
import { StartError } from "./start-error.ts";

/** This machine, as a stamp names it. */
export interface Machine {
  readonly machine: string;
  readonly host: string;
}

interface Stamp extends Machine {
  readonly version: number;
  /** The stamp's own file as `inode/birth`. */
  readonly file: string;
  readonly path: string;
}

const text = field("a text", (value) => (typeof value === "string" ? value : undefined));
const version = field("1 (the only version this program reads)", (value) => (value === 1 ? 1 : undefined));
const schema = object({ version, file: text, machine: text, host: text, path: text });

export const MOVED_OPTION = "--moved";

/** The folder whose place is kept. */
type Place = Pick<HomePaths, "dir" | "validatorKey">;

/** How a copy is spoken of. */
interface CopyWords {
  readonly isCopyOf: string;
  readonly advice: string;
}

const HOME: CopyWords = {
  isCopyOf: "this home is a copy of",
  advice:
    `Two nodes with one validator key halt each other. If the node there will never run again, ` +
    `start this one once with ${MOVED_OPTION}; to follow the chain without a vote: --mode full`,
};

export const SIGNER_COPY: CopyWords = {
  isCopyOf: "this signer's folder is a copy of",
  advice:
    `Two signers with one key can make the validator contradict itself, and so can a copy that lacks what the key has signed since. If the ` +
    `signer there has not run since the copy was made, and never will, start this one once with ${MOVED_OPTION}; if it has, start that one`,
};

export function stampPath({ validatorKey }: Pick<HomePaths, "validatorKey">): string {
  return `${validatorKey}.home`;
}

/** A container has no machine id; its host name is what distinguishes it. */
export function thisMachine(): Machine {
  const host = hostname();
  const id = readIfAny("/etc/machine-id")?.trim() || host;
  return { machine: createHash("sha256").update(`quorate/machine/v1${id}`).digest("hex").slice(0, 16), host };
}

/**
 * Whether the validator of this home may start. Looks at files only.
 * Fault `copied-home`: its files are a copy, and the original is still there, or was on another machine.
 */
export function checkStamp(
  paths: Place,
  here: Machine = thisMachine(),
  { isCopyOf, advice }: CopyWords = HOME,
): Verdict<undefined, "copied-home"> {
  const path = stampPath(paths);
  const stamp = readStamp(path);
  if (stamp === undefined) return accept(undefined);
  const found = fileOf(path);
  const isHere = stamp.machine === here.machine;
  const [inode] = stamp.file.split("/");
  // Some file systems know no time of birth: the inode alone then, on the same machine.
  if (found === stamp.file || (isHere && found?.split("/")[0] === inode)) return accept(undefined);
  if (!isHere) {
    const detail = `${paths.dir}: ${isCopyOf} ${stamp.path} on ${stamp.host}, another machine. ${advice}`;
    return refuse("copied-home", detail);
  }
  // On this machine it can be seen whether the original is still there.
  const original = stampPath({ validatorKey: resolve(stamp.path, "keys", "validator.json") });
  if (resolve(path) === original || fileOf(original) !== stamp.file) return accept(undefined);
  return refuse("copied-home", `${paths.dir}: ${isCopyOf} ${stamp.path}, which is still there. ${advice}`);
}

/**
 * Makes sure before anything is signed that this home is no copy of one whose validator may still run.
 * @throws StartError
 */
export function takePlace(paths: Place, log: Logger, isMoved = false, words = HOME): void {
  const place = isMoved ? accept(undefined) : checkStamp(paths, thisMachine(), words);
  if (!place.ok) throw new StartError(place.fault);
  try {
    writeStamp(paths);
  } catch (error) {
    // Keys may be mounted read-only: a copy of them is not noticed then.
    const reason = explainDisk(error) ?? String(error);
    log.log("warn", "node", "the home's stamp could not be written", { error: reason });
  }
}

/** From now on this is the home's place. Durable when it returns. @throws Error when the disk fails */
export function writeStamp(paths: Place, here: Machine = thisMachine()): void {
  const path = stampPath(paths);
  const found = readStamp(path);
  const dir = resolve(paths.dir);
  if (
    found !== undefined &&
    found.file === fileOf(path) &&
    found.path === dir &&
    found.machine === here.machine
  )
    return;
  const draft = `${path}.new`;
  withPath(path, () => {
    // A signer whose key is in a token has none.
    makeFolder(dirname(path), 0o700);
    const file = openSync(draft, "w", 0o600);
    try {
      // It keeps its inode when it is renamed.
      const stamp: Stamp = { version: 1, file: fileOf(draft) ?? "", ...here, path: dir };
      writeSync(file, `${JSON.stringify(stamp)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  });
}

/** Undefined for what is missing or cut short: a home without a stamp gets one. */
function readStamp(path: string): Stamp | undefined {
  const json = readIfAny(path);
  const read = json === undefined ? undefined : checkJson(schema, json);
  return read?.ok === true ? read.value : undefined;
}

function fileOf(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.ino}/${stat.birthtimeNs}`;
}

function readIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
