/**
 * The lock of a node home: one process at a time, because two with one validator key would vote twice. A file made
 * atomically holds the owner's pid and its birth; a lock whose owner is dead is stale and taken over. LevelDB locks
 * its own folder by the kernel besides, which also holds between containers, where pids say nothing. A copy of the
 * key in another folder or on another machine no lock can see: home-stamp.ts notices a copied home when it starts,
 * and a validator is stopped by what its peers show it of its own key (pbft.md 1.12, Amnesia).
 */
import { execFileSync } from "node:child_process";
import { linkSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { withPath } from "../../storage/disk-fault.ts";
import { writeWhole } from "../../storage/durable-file.ts";
import { fileSystemOf } from "./file-system.ts";

export interface Lock {
  /** Gives the lock back; may be called twice. */
  release(): void;
}

/** What differs from machine to machine. */
export interface LockSystem {
  /** What tells a process from an earlier or later one with the same pid, or undefined where nothing does. */
  birthOf(pid: number): string | undefined;
  /** A second name for a file, atomically and never over another. */
  link(from: string, to: string): void;
  /** Whether other hosts can have the folder of this path too. */
  isShared(path: string): boolean;
}

const SYSTEM: LockSystem = {
  birthOf: (pid) => birthInProc(pid) ?? birthByPs(pid),
  link: linkSync,
  isShared: (path) => fileSystemOf(path)?.kind === "shared",
};

/** Fault `locked`: another living process holds it. @throws Error when the disk fails. */
export function takeLock(path: string, system: LockSystem = SYSTEM): Verdict<Lock, "locked"> {
  const own = `${process.pid} ${system.birthOf(process.pid) ?? UNKNOWN}\n`;
  const draft = `${path}.${process.pid}.${draftNumber++}`;
  try {
    writeWhole(draft, own, { mode: 0o600 });
    for (;;) {
      if (linkNew(draft, path, system)) {
        held.add(resolve(path));
        return accept({ release: () => releaseLock(path, own) });
      }
      const found = readText(path);
      if (found === undefined) continue; // released between the two calls
      const owner = livingOwner(path, found, system);
      if (owner !== undefined) return refuse("locked", heldBy(path, owner));
      if (isBeingWritten(path, found, draft) || !removeStale(path, found, `${draft}.stale`, system)) {
        return refuse("locked", `${path}: another process is taking this lock over; try again`);
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

const UNKNOWN = "unknown";
/** No process takes longer from making the file to writing its one line. */
const WRITING_MS = 10_000;
let draftNumber = 0;
/** The paths whose locks this process has taken. */
const held = new Set<string>();

interface LockOwner {
  readonly pid: number;
  /** Whether it is known to be the process that took the lock, and not a later one with the same pid. */
  readonly isCertain: boolean;
  /** It was taken on another host, or before this one was started again: its pid says nothing here. */
  readonly isElsewhere?: boolean;
}

/** Who holds the lock, if that process still lives, or seems to. */
export function lockOwner(path: string, system: LockSystem = SYSTEM): LockOwner | undefined {
  const text = readText(path);
  return text === undefined ? undefined : livingOwner(path, text, system);
}

function heldBy(path: string, { pid, isCertain, isElsewhere = false }: LockOwner): string {
  if (isElsewhere) {
    return (
      `${path}: names process ${pid} of another host, or of this one before it was started again, and other hosts can mount this ` +
      `folder. Look on all of them: if no quorate process uses it, delete ${path}`
    );
  }
  if (pid === process.pid) {
    return `${path}: held by this very process; a node home serves one process: use another --dir`;
  }
  if (isCertain) {
    return `${path}: held by the running process ${pid}; a node home serves one process. Stop it (kill ${pid}) or use another --dir`;
  }
  return (
    `${path}: names process ${pid}, which runs, but may be another program that was given the same number since. ` +
    `Look at it (ps -p ${pid}): if it is a quorate node, stop it or use another --dir; if it is not, delete ${path}`
  );
}

/** A text that is no lock of ours never belongs to a living process. */
function livingOwner(path: string, text: string, system: LockSystem): LockOwner | undefined {
  const [pidText, birth = UNKNOWN] = text.trim().split(" ");
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
  if (isOfOtherBoot(birth, system) && system.isShared(path))
    return { pid, isCertain: false, isElsewhere: true };
  if (!isAlive(pid)) return undefined;
  // Nothing tells births here: this process's own lock, or that of an earlier one (in a container often pid 1 too).
  if (pid === process.pid && birth === UNKNOWN)
    return held.has(resolve(path)) ? { pid, isCertain: true } : undefined;
  const now = system.birthOf(pid);
  // Births of two kinds, or one of them unknown: they say nothing.
  if (now === undefined || kindOf(now) !== kindOf(birth)) return { pid, isCertain: false };
  return now === birth ? { pid, isCertain: true } : undefined;
}

/** Another host, or another start of this one. */
function isOfOtherBoot(birth: string, system: LockSystem): boolean {
  const own = system.birthOf(process.pid);
  if (own === undefined || kindOf(own) !== "boot" || kindOf(birth) !== "boot") return false;
  return own.split("/")[0] !== birth.split("/")[0];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // alive, another user's
  }
}

/** Boot and start time of a process, which differ after a reboot or a reuse of the pid. Undefined outside Linux. */
function birthInProc(pid: number): string | undefined {
  const boot = readText("/proc/sys/kernel/random/boot_id")?.trim();
  const stat = readText(`/proc/${pid}/stat`);
  // proc(5): the command in parentheses may hold spaces; starttime is field 22, the 20th after it.
  const start = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return boot === undefined || start === undefined ? undefined : `${boot}/${start}`;
}

const PS = "ps:";

/** When the process was started, to the second, as `ps` of macOS and the BSDs says it. */
function birthByPs(pid: number): string | undefined {
  try {
    const options = { encoding: "utf8", env: { ...process.env, LC_ALL: "C", TZ: "UTC" } } as const;
    const said = execFileSync("ps", ["-o", "lstart=", "-p", `${pid}`], {
      ...options,
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 5_000,
    }).trim();
    return said === "" ? undefined : `${PS}${said.replaceAll(/\s+/g, "_")}`;
  } catch {
    return undefined; // no ps, or one that cannot say
  }
}

function kindOf(birth: string): string {
  return birth === UNKNOWN ? UNKNOWN : birth.startsWith(PS) ? PS : "boot";
}

/** Where it cannot be made whole at once (no hard links), an empty one may be its owner's in the making. */
function isBeingWritten(path: string, text: string, draft: string): boolean {
  if (text !== "") return false;
  const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // By the same file system's clock.
  const now = statSync(draft, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
  return now - made < WRITING_MS;
}

/** Moves a stale lock aside, and puts it back if it was not the one that was read. */
function removeStale(path: string, seen: string, aside: string, system: LockSystem): boolean {
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
  try {
    const same = readText(aside) === seen;
    if (!same) linkNew(aside, path, system);
    return same;
  } finally {
    rmSync(aside, { force: true });
  }
}

function releaseLock(path: string, own: string): void {
  held.delete(resolve(path));
  if (readText(path) === own) rmSync(path, { force: true });
}

/** What a file system without hard links says (FAT, exFAT, some network and container file systems). */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV", "EINVAL"];

/** False where `to` is there. */
function linkNew(from: string, to: string, { link }: LockSystem): boolean {
  try {
    try {
      link(from, to);
    } catch (error) {
      if (!NO_LINKS.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      writeWhole(to, readText(from) ?? "", { mode: 0o600, flag: "wx" });
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readText(path: string): string | undefined {
  try {
    return withPath(path, () => readFileSync(path, "utf8"));
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
