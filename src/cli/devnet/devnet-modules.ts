/**
 * The modules of a devnet: bundled from the sources that its start names, or those that its folder has. While it runs the
 * sources are watched, and bundled again when one changes.
 */
import { statSync } from "node:fs";
import { equalBytes } from "../../base/bytes.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { CALL_UNITS_DEFAULT } from "../../chain/genesis/genesis-modules.ts";
import { MODULE_NUMBER_MIN } from "../../chain/types/module-version.ts";
import { valueOrThrow } from "../exit.ts";
import { type DevnetPlan, devnetModules } from "./devnet-plan.ts";

interface DevnetModules {
  /** The plan with the modules in its genesis. */
  readonly plan: DevnetPlan;
  /** Bundled files by the names of their modules. */
  readonly files: ReadonlyMap<string, string>;
  readonly watched: readonly WatchedModule[];
}

/** A module that was bundled from a source. */
export interface WatchedModule {
  readonly name: string;
  /** The file that was named; what it imports is watched too. */
  readonly source: string;
  readonly sources: readonly string[];
  readonly hash: Uint8Array;
}

/** @param sources in the order of their numbers, from 16 on, or none when they are as the folder has them. @throws CliError */
export async function modulesOfDevnet(
  dir: string,
  sources: readonly string[],
  planned: DevnetPlan,
): Promise<DevnetModules> {
  const withModules = (modules: Genesis["modules"]): DevnetPlan =>
    modules === undefined ? planned : { ...planned, genesis: { ...planned.genesis, modules } };
  if (sources.length === 0) {
    return { plan: withModules(devnetModules(dir)), files: new Map(), watched: [] };
  }
  const { bundleModule } = await import("../../node/modules/bundle-module.ts");
  const files = new Map<string, string>();
  const list = [];
  const watched: WatchedModule[] = [];
  for (const source of sources) {
    const { text, hash, code, sources: made } = valueOrThrow(await bundleModule(source));
    const { name, version } = code.form;
    list.push({ name, version, number: MODULE_NUMBER_MIN + list.length, hash });
    files.set(name, text);
    watched.push({ name, source, sources: made, hash });
  }
  return { plan: withModules({ callUnitsMax: CALL_UNITS_DEFAULT, unitsPerFee: 0n, list }), files, watched };
}

interface WatchEvents {
  /** The source cannot be built as it is now. One item is one line. */
  refused(detail: readonly string[]): void;
  changed(name: string): void;
}

/** How often files are looked at, ms: what editors write at once is seen together. */
const LOOK_MS = 400;

/** Looks at the sources of modules while a devnet runs, until one of them makes another file. */
export class ModuleWatch {
  readonly #events: WatchEvents;
  readonly #timer: NodeJS.Timeout | undefined;
  /** When the sources of each module were written, as it was looked at last. */
  readonly #written: Map<WatchedModule, string>;
  #hasChanged = false;

  constructor(modules: readonly WatchedModule[], events: WatchEvents) {
    this.#events = events;
    this.#written = new Map(modules.map((module) => [module, writtenAt(module)]));
    if (modules.length > 0) this.#timer = setInterval(() => this.#lookAtAll(), LOOK_MS).unref();
  }

  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #lookAtAll(): void {
    for (const [module, before] of this.#written) {
      const now = writtenAt(module);
      if (now === before) continue;
      this.#written.set(module, now);
      void this.#look(module);
    }
  }

  /** A source that cannot be built changes nothing but words: its author is at work. */
  async #look({ name, source, hash }: WatchedModule): Promise<void> {
    const { bundleModule } = await import("../../node/modules/bundle-module.ts");
    const made = await bundleModule(source);
    if (this.#hasChanged) return;
    if (!made.ok) this.#events.refused(made.fault.detail.split(/\r?\n/));
    else if (!equalBytes(made.value.hash, hash)) {
      this.#hasChanged = true;
      this.end();
      this.#events.changed(name);
    }
  }
}

/** The times of all files that a module is made of; one that is gone counts too. */
function writtenAt({ sources }: WatchedModule): string {
  return sources.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs).join();
}
