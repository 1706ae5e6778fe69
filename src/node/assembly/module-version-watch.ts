/**
 * Watches the versions of modules that the validators vote in: says as soon as a vote is approved that a file is needed and not
 * here, looks for it in the home and asks peers for it by its hash, and stops a node that has not got it at the last block it can
 * judge. Nothing is asked for before a majority of the validators has approved it. The chain itself executes nothing
 * without its files (chain/execution/modules-in-force.ts).
 */
import { equalBytes, type Hash, hex0x, parseUtf8 } from "../../base/bytes.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { Chain } from "../../chain/chain.ts";
import {
  fetchCommand,
  MissingModule,
  missingModules,
  modulesOn,
  plannedModules,
} from "../../chain/execution/modules-in-force.ts";
import { readGovernance } from "../../chain/governance/governance-state.ts";
import { type ModuleRecord, moduleRecords } from "../../chain/governance/module-versions.ts";
import { sha256 } from "../../crypto/hash.ts";
import {
  decodeModuleAnswer,
  decodeModuleQuestion,
  encodeModuleAnswer,
  encodeModuleQuestion,
  isModuleQuestion,
} from "../../p2p/sync/module-wire.ts";
import type { ModulesApi, ModuleTrouble } from "../../rpc/modules-api.ts";
import type { ModuleFiles } from "../replica-ports.ts";

/** So long a node goes on at the last block that it can judge, while it looks for a file. */
const GRACE_MS = 15_000;
/** Milliseconds between two looks for a file that is missing. */
const LOOK_MS = 2_000;

/** Peers that are asked for a file together: one that keeps its answer back holds up no more than these. */
const ASKED_AT_ONCE = 4;

interface FetchedFile {
  readonly peerId: string;
  readonly text: string;
}

interface WatchPorts {
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly network: {
    peers(): readonly { readonly peerId: string }[];
    request(peerId: string, bytes: Uint8Array): Promise<Uint8Array>;
    reportFault(peerId: string, detail: string): void;
  };
  readonly files: ModuleFiles | undefined;
  readonly fatal: (error: unknown) => void;
  /** A file has come: what could not be executed can be now. */
  readonly arrived: () => void;
}

type WatchedChain = Pick<Chain, "committed" | "head" | "genesis" | "rules" | "onHeadChange">;

export class ModuleVersionWatch implements ModulesApi {
  readonly #chain: WatchedChain;
  readonly #ports: WatchPorts;
  /** What was said, by name and hash. */
  readonly #said = new Set<string>();
  #cancelLook: (() => void) | undefined;
  #cancelStop: (() => void) | undefined;
  #isLooking = false;
  #isStopped = false;

  constructor(chain: WatchedChain, ports: WatchPorts) {
    this.#chain = chain;
    this.#ports = ports;
  }

  start(): void {
    this.#chain.onHeadChange(() => this.#follow());
    this.#follow();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelLook?.();
    this.#cancelStop?.();
  }

  records(): readonly ModuleRecord[] {
    return moduleRecords(this.#chain.committed, this.#chain.genesis.modules);
  }

  fileOf(hash: Hash): string | undefined {
    return this.#chain.genesis.code?.fileOf(hash) ?? this.#ports.files?.textOf(hash);
  }

  troubles(): readonly ModuleTrouble[] {
    const { committed, genesis, head } = this.#chain;
    const { missing } = modulesOn(genesis, committed);
    const now = missing.map((one) => ({ ...one, fromHeight: head.summary.height + 1n }));
    const planned = plannedModules(genesis, committed);
    if (planned.length === 0) return now;
    const next = (readGovernance(committed)?.lastHeight ?? 0n) + 1n;
    return [...now, ...planned.map((one) => ({ ...one, fromHeight: next }))];
  }

  /**
   * Answers what peers ask about files, and returns undefined for a question about something else. Rejects
   * for a malformed one.
   */
  answer(bytes: Uint8Array): Promise<Uint8Array> | undefined {
    return isModuleQuestion(bytes) ? this.#answer(bytes) : undefined;
  }

  async #answer(bytes: Uint8Array): Promise<Uint8Array> {
    const hash = decodeModuleQuestion(bytes);
    if (!hash.ok) throw new Error(hash.fault.detail);
    return encodeModuleAnswer(new TextEncoder().encode(this.fileOf(hash.value) ?? ""));
  }

  #follow(): void {
    const troubles = this.troubles();
    if (troubles.length === 0) return this.#allHere();
    for (const one of troubles) this.#say(one);
    if (!troubles.some(({ why }) => why === "missing")) return this.#allHere();
    this.#lookSoon(0);
    const { committed, genesis, head, rules } = this.#chain;
    const missing = missingModules(genesis, committed, head, rules);
    if (missing.length === 0) return this.#allHere();
    const error = new MissingModule(missing, head.summary.height + 1n);
    this.#cancelStop ??= this.#ports.scheduler.after(GRACE_MS, () => this.#ports.fatal(error));
  }

  /** All that the next block needs. */
  #allHere(): void {
    this.#cancelStop?.();
    this.#cancelStop = undefined;
  }

  #say({ name, version, hash, why, detail, fromHeight }: ModuleTrouble): void {
    const key = `${name} ${hex0x(hash)} ${why}`;
    if (this.#said.has(key)) return;
    this.#said.add(key);
    const fields = { module: name, version, sha256: hex0x(hash), from: fromHeight, detail };
    if (why === "unfit") {
      const words = `${name} ${version} is voted in and may not follow the version that runs, which goes on: ${detail}`;
      return this.#ports.log.log("error", "chain", words, fields);
    }
    const asked =
      this.#ports.files?.isFetching === true ? "peers are asked for it" : "it is not fetched (modules.fetch)";
    const words = `${name} ${version} runs from height ${fromHeight} on and its file is not here: ${asked}; by hand: ${fetchCommand(hash)}. Without it this node stops there`;
    this.#ports.log.log("warn", "chain", words, fields);
  }

  #lookSoon(delayMs: number): void {
    if (this.#isLooking || this.#isStopped || this.#cancelLook !== undefined) return;
    this.#cancelLook = this.#ports.scheduler.after(delayMs, () => {
      this.#cancelLook = undefined;
      void this.#look();
    });
  }

  /** Looks in the home first, where an operator may have put the file, and then at peers, one after the other. */
  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      const before = this.#missing();
      for (const wanted of before) await this.#fetch(wanted);
      this.#isLooking = false;
      if (!this.#isStopped) this.#looked(before.length);
    } catch (error) {
      this.#isLooking = false;
      this.#ports.fatal(error); // the disk
    }
  }

  /** @param missed files that were not here before the look */
  #looked(missed: number): void {
    const left = this.#missing().length;
    if (left > 0) this.#lookSoon(LOOK_MS);
    this.#follow();
    if (left < missed) this.#ports.arrived();
  }

  #missing(): readonly ModuleTrouble[] {
    return this.troubles().filter(({ why }) => why === "missing");
  }

  async #fetch(wanted: ModuleTrouble): Promise<void> {
    const { files, network } = this.#ports;
    // One that is here and cannot be loaded would be no better from a peer.
    if (files?.isFetching !== true || files.textOf(wanted.hash) !== undefined) return;
    const peers = network.peers().map(({ peerId }) => peerId);
    for (let first = 0; first < peers.length; first += ASKED_AT_ONCE) {
      const asked = peers.slice(first, first + ASKED_AT_ONCE);
      const found = await firstFound(asked.map((peerId) => this.#ask(peerId, wanted)));
      if (this.#isStopped) return;
      if (found === undefined) continue;
      const { peerId, text } = found;
      const file = files.keep(wanted, text);
      const fields = { module: wanted.name, version: wanted.version, peer: peerId, file };
      this.#ports.log.log("info", "chain", "the file of a module was fetched", fields);
      return;
    }
  }

  /** Kept only with the hash that was asked for. */
  async #ask(peerId: string, { name, version, hash }: ModuleTrouble): Promise<FetchedFile | undefined> {
    const { network } = this.#ports;
    const answer = await network.request(peerId, encodeModuleQuestion(hash)).catch(() => undefined);
    if (answer === undefined) return undefined;
    const file = decodeModuleAnswer(answer);
    if (file.ok && file.value.length === 0) return undefined;
    if (file.ok && equalBytes(sha256(file.value), hash)) {
      const text = parseUtf8(file.value);
      return text === undefined ? undefined : { peerId, text };
    }
    const what = file.ok ? `a file of SHA-256 ${hex0x(sha256(file.value))}` : file.fault.detail;
    network.reportFault(peerId, `asked for ${name} ${version} of SHA-256 ${hex0x(hash)}: ${what}`);
    return undefined;
  }
}

/** The first that came to something, or undefined when none did. */
function firstFound<T>(tries: readonly Promise<T | undefined>[]): Promise<T | undefined> {
  return new Promise((resolve) => {
    let left = tries.length;
    for (const one of tries) {
      void one.then((found) => {
        left--;
        if (found !== undefined || left === 0) resolve(found);
      });
    }
  });
}
