/**
 * The bundled files in a home's `modules/` folder, found by their SHA-256 whatever they are called: several versions of a
 * module lie there beside each other. Files that come while a node runs are found too; one that was looked at is read again
 * only when its size or time has changed. What cannot be read is passed over and named where a file is missed: a stray file
 * must not end a node.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { equalBytes, type Hash, hex } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import type { ModuleCode } from "../../chain/modules/declared-module.ts";
import type { LibraryFault, ModuleSource } from "../../chain/modules/module-library.ts";
import { MODULE_FILE_BYTES_MAX, type ModuleVersion } from "../../chain/types/module-version.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import { loadModule, moduleHash } from "./load-module.ts";

/** Files that are looked at; more are left out. */
const FILES_MAX = 1_024;
/** Files that are named because they cannot be read. */
const UNREAD_NAMED_MAX = 3;
/** Files that are remembered because they do not load. */
const UNLOADABLE_MAX = 64;
/** Milliseconds between two looks at a folder in which no file was added. */
const LOOK_MS = 200;

interface SeenFile {
  readonly written: string;
  readonly hash: Hash;
}

export class ModuleFolder implements ModuleSource {
  readonly #dir: string;
  /** The files seen so far, by path. */
  readonly #seen = new Map<string, SeenFile>();
  /**
   * Of files that are here and do not load, by their SHA-256, what is wrong. Each block asks for them, and a file with an
   * endless loop takes seconds to be given up; what has this hash loads here no better the next time.
   */
  readonly #unloadable = new Map<string, string>();
  /** What could not be read at the last look, with the reason. */
  #unread: readonly string[] = [];
  #lookedMs = Number.NEGATIVE_INFINITY;
  /** When a file was added or taken away last. */
  #changedMs: number | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  load(wanted: ModuleVersion): Verdict<ModuleCode, LibraryFault> {
    const key = hex(wanted.hash);
    const known = this.#unloadable.get(key);
    if (known !== undefined) return refuse("missing", known);
    const text = this.textOf(wanted.hash);
    if (text === undefined) return refuse("missing", this.#absence());
    const code = loadModule(text);
    if (code.ok) return code;
    const detail = `${this.#dir}: ${code.fault.detail}`;
    this.#unloadable.set(key, detail);
    if (this.#unloadable.size > UNLOADABLE_MAX) dropOldest(this.#unloadable);
    return refuse("missing", detail);
  }

  /** The bundled file with this hash. */
  textOf(hash: Hash): string | undefined {
    this.#look();
    for (const [path, seen] of this.#seen) {
      if (!equalBytes(seen.hash, hash)) continue;
      const read = tryFile(() => readBounded(path));
      if (typeof read.value === "string" && equalBytes(moduleHash(read.value), hash)) return read.value;
    }
    return undefined;
  }

  /** Puts a file there whose hash was compared. @returns its path @throws Error when the disk fails */
  keep({ name, version, hash }: ModuleVersion, text: string): string {
    makeFolder(this.#dir);
    const plain = join(this.#dir, `${name}-${version}.js`);
    const isTaken = statSync(plain, { throwIfNoEntry: false }) !== undefined;
    const path = isTaken ? join(this.#dir, `${name}-${version}-${hex(hash).slice(0, 8)}.js`) : plain;
    writeWhole(path, text);
    return path;
  }

  #absence(): string {
    const unread = this.#unread.length === 0 ? "" : ` (not readable: ${this.#unread.join(", ")})`;
    return `${this.#dir}: no file there has this SHA-256${unread}`;
  }

  #look(): void {
    const changedMs = tryFile(() => statSync(this.#dir, { throwIfNoEntry: false })?.mtimeMs).value;
    if (changedMs === this.#changedMs && performance.now() < this.#lookedMs + LOOK_MS) return;
    this.#lookedMs = performance.now();
    this.#changedMs = changedMs;
    const names = tryFile(() => namesIn(this.#dir));
    const unread = names.problem === undefined ? [] : [names.problem];
    const paths = (names.value ?? []).map((name) => join(this.#dir, name));
    for (const path of this.#seen.keys()) if (!paths.includes(path)) this.#seen.delete(path);
    for (const path of paths) {
      const { problem } = tryFile(() => this.#lookAt(path));
      if (problem !== undefined) unread.push(problem);
    }
    this.#unread = unread.slice(0, UNREAD_NAMED_MAX);
  }

  #lookAt(path: string): void {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) return;
    const written = `${stat.size} ${stat.mtimeMs}`;
    if (this.#seen.get(path)?.written === written) return;
    this.#seen.delete(path);
    const text = readBounded(path);
    if (text !== undefined) this.#seen.set(path, { written, hash: moduleHash(text) });
  }
}

/** What reading gives, or the system's words for why it cannot. */
function tryFile<T>(read: () => T): { readonly value?: T; readonly problem?: string } {
  try {
    return { value: read() };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function namesIn(dir: string): readonly string[] {
  if (statSync(dir, { throwIfNoEntry: false }) === undefined) return [];
  const names = readdirSync(dir).filter((name) => name.endsWith(".js"));
  return names.sort().slice(0, FILES_MAX);
}

/** The text of a file. Undefined where it has gone, or is larger than any bundled file. */
function readBounded(path: string): string | undefined {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  return size === undefined || size > MODULE_FILE_BYTES_MAX ? undefined : readFileSync(path, "utf8");
}
