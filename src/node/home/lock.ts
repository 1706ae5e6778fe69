/**
 * The lock of a node home: one process at a time, because two with one validator key would vote twice. A file made
 * atomically holds the owner's pid and its birth; a lock whose owner is dead is stale and taken over. LevelDB locks
 * its own folder by the kernel besides, which also holds between containers, where pids say nothing. A copy of the
 * key in another folder or on another machine no lock can see: there a validator is stopped by what its peers show
 * it of its own key (pbft.md 1.12, Amnesia).
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { accept, refuse, type Verdict } from "../../base/fault.ts";

export interface Lock {
  /** Gives the lock back; may be called twice. */
  release(): void;
}

/** Fault `locked`: another living process holds it. @throws Error when the disk fails. */
export function takeLock(path: string): Verdict<Lock, "locked"> {
  const own = `${process.pid} ${birthOf(process.pid) ?? "unknown"}\n`;
  const draft = `${path}.${process.pid}.${draftNumber++}`;
  writeFileSync(draft, own, { mode: 0o600 });
  try {
    for (;;) {
      if (linkNew(draft, path)) return accept({ release: () => releaseLock(path, own) });
      const found = readText(path);
      if (found === undefined) continue; // released between the two calls
      const owner = livingOwner(found);
      if (owner !== undefined) return refuse("locked", heldBy(path, owner));
      if (!removeStale(path, found, `${draft}.stale`)) {
        return refuse("locked", `${path}: another process is taking this lock over; try again`);
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

let draftNumber = 0;

function heldBy(path: string, pid: number): string {
  const who = pid === process.pid ? "this very process" : `the running process ${pid}`;
  return `${path}: held by ${who}; a node home serves one process. Stop it (kill ${pid}) or use another --dir`;
}

/** The pid in the lock if that process still lives; a text that is no lock of ours never belongs to a living one. */
function livingOwner(text: string): number | undefined {
  const [pidText, birth] = text.trim().split(" ");
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid < 1 || !isAlive(pid)) return undefined;
  const now = birthOf(pid);
  return now === undefined || birth === "unknown" || now === birth ? pid : undefined;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // alive, another user's
  }
}

/** Boot and start time of a process: after a reboot or a reuse of the pid it differs. Undefined outside Linux. */
function birthOf(pid: number): string | undefined {
  const boot = readText("/proc/sys/kernel/random/boot_id")?.trim();
  const stat = readText(`/proc/${pid}/stat`);
  // proc(5): the command in parentheses may hold spaces; starttime is field 22, the 20th after it.
  const start = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return boot === undefined || start === undefined ? undefined : `${boot}/${start}`;
}

/** Moves a stale lock aside, and puts it back if it was not the one that was read. */
function removeStale(path: string, seen: string, aside: string): boolean {
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
  const same = readText(aside) === seen;
  if (!same) linkNew(aside, path);
  rmSync(aside, { force: true });
  return same;
}

function releaseLock(path: string, own: string): void {
  if (readText(path) === own) rmSync(path, { force: true });
}

function linkNew(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
