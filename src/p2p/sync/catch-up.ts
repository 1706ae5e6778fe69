/**
 * Fetches committed blocks that others have and we lack. Heights that peers tell are hints: a height is chased
 * only as long as the claimant delivers, and a claim that does not materialise is forgotten and its author not
 * believed for a while (CVE-2025-24371). What a block is worth, the ledger says; progress is our own head's.
 * No stream, no clock of its own: time, randomness and transport are handed in. Source: pbft.md 1.13.
 */
import { SYNC_BATCH_BYTES } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { ImportResult } from "../../chain/chain.ts";
import type { BlockSync } from "./block-sync.ts";
import type { KeptBlocks } from "./kept-blocks.ts";
import { decodeAnswer, encodeQuestion } from "./repair-wire.ts";

/** What the chain said of a block, without its particulars: they are logged where the chain is asked. */
export type ImportOutcome = ImportResult["kind"];

export interface RepairHead {
  readonly height: bigint;
  readonly hash: Uint8Array;
}

/** What repair needs of the chain. */
export interface RepairLedger {
  head(): RepairHead;
  /** The lowest height whose block is here whole; 1 where all are. */
  lowestBody(): bigint;
  /**
   * Encoded sealed blocks from height `from` up without a gap, at most `bytesMax` bytes of them but at least one if
   * there is one.
   */
  serveBlocks(from: bigint, bytesMax: number): Promise<readonly Uint8Array[]>;
  /**
   * The only way into the chain. `from` is the peer that served the block. A block that is not the last of an answer need
   * not be durable before the next. @throws Error when the disk fails.
   */
  importBlock(bytes: Uint8Array, from: string, isLast: boolean): Promise<ImportOutcome>;
}

export interface SyncProgress {
  readonly current: bigint;
  readonly target: bigint;
  /** Whether this node has reason to believe the target. When false, a peer claims it. */
  readonly targetVerified: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
  /** Which of the two are being fetched, where headers come before their bodies. */
  readonly phase?: "heads" | "bodies";
}

export interface CatchUpSettings {
  /** A peer that does not answer by then is passed over. */
  readonly answerMs: number;
  /** A peer that answers slower than this is not waited for, and asked only, when no other can be. */
  readonly slowMs: number;
  /** How long the first broken promise of a peer is remembered, ms. Each further one doubles it. */
  readonly distrustMs: number;
  readonly distrustMsMax: number;
  /** The least time between two searches that rest on the engine's word alone. */
  readonly hintGapMs: number;
}

export const CATCH_UP: CatchUpSettings = {
  answerMs: 5_000,
  slowMs: 1_000,
  distrustMs: 1_000,
  distrustMsMax: 60_000,
  hintGapMs: 200,
};

export interface CatchUpPorts {
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly ledger: RepairLedger;
  /** The peers that are present in ring order: the next one after this node comes first. */
  ring(): readonly string[];
  /** The height that this node has reason to believe, whatever single peers claim, or undefined when it has none. */
  believedHeight?(): bigint | undefined;
  /** Peers that are asked before others; none if left out. */
  chosen?(): ReadonlySet<string>;
  request(peerId: string, question: Uint8Array): Promise<Uint8Array>;
  /** What peers said of the blocks that they have. */
  readonly kept: Pick<KeptBlocks, "from" | "missed">;
  /** A peer sent something provably wrong. */
  reportFault(peerId: string, detail: string): void;
}

interface Reputation {
  /** The highest height the peer told and was not yet caught lying about. */
  claim: bigint;
  brokenPromises: number;
  distrustedUntilMs: number;
}

/**
 * What one attempt with one peer came to; `lacks`: it says that it has pruned the block that
 * comes next, which is no fault; `unready`: nothing can be
 * executed here until a module's file has come; `overtaken`: its blocks came in by another way meanwhile. Own progress is
 * no merit of the peer's, or whoever claims any height would be chased for as long as the chain grows. `late`: another
 * can be asked instead, and this one is when no other can be.
 */
type Pull = "advanced" | "overtaken" | "unready" | "nothing" | "lacks" | "late" | "silent" | "wrong";

/** What a peer gave when it was asked for blocks. */
type Fetched =
  | { readonly kind: "blocks"; readonly blocks: readonly Uint8Array[] }
  | { readonly kind: "late" | "silent" | "wrong" };

export class CatchUp implements BlockSync {
  readonly #settings: CatchUpSettings;
  readonly #ports: CatchUpPorts;
  readonly #reputations = new Map<string, Reputation>();
  /** The height that the engine asked for. It is never believed beyond one search. */
  #hint = 0n;
  #run: { readonly startedAtMs: number; hasAdvanced: boolean } | undefined;
  /** The first search after the start is over. */
  #hasSearched = false;
  #lastHintRunMs = Number.NEGATIVE_INFINITY;
  #cancelHintRun: (() => void) | undefined;
  #isStopped = false;
  /** The height at which it was said that nobody has the next block. */
  #unservedAt: bigint | undefined;

  constructor(settings: CatchUpSettings, ports: CatchUpPorts) {
    this.#settings = settings;
    this.#ports = ports;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelHintRun?.();
  }

  /** A peer says that its head is at `height`. */
  advertised(peerId: string, height: bigint): void {
    const reputation = this.#reputationOf(peerId);
    if (this.#isDistrusted(reputation)) return;
    reputation.claim = height;
    this.#start();
  }

  /** Consensus has seen that others are ahead; nobody need have claimed it. */
  hinted(height: bigint): void {
    if (height > this.#hint) this.#hint = height;
    if (this.#run !== undefined || this.#cancelHintRun !== undefined || this.#isStopped) return;
    const { scheduler } = this.#ports;
    const { hintGapMs } = this.#settings;
    // Never longer than the gap: the clock may have been set back.
    const delayMs = Math.min(hintGapMs, Math.max(0, this.#lastHintRunMs + hintGapMs - scheduler.now()));
    this.#cancelHintRun = scheduler.after(delayMs, () => {
      this.#cancelHintRun = undefined;
      this.#lastHintRunMs = scheduler.now();
      this.#start();
    });
  }

  forget(peerId: string): void {
    this.#reputations.delete(peerId);
  }

  /**
   * Undefined unless blocks are being fetched. A claim alone is no reason to say that this node is behind, unless
   * blocks have come in since, or it has just started and asks for the first time.
   */
  progress(): SyncProgress | undefined {
    const current = this.#ports.ledger.head().height;
    if (this.#run === undefined) return undefined;
    const { startedAtMs, hasAdvanced } = this.#run;
    const believed = this.#ports.believedHeight?.() ?? 0n;
    if (believed > current) return { current, target: believed, targetVerified: true, startedAtMs };
    const target = this.#target();
    if (target <= current || (this.#hasSearched && !hasAdvanced)) return undefined;
    return { current, target, targetVerified: false, startedAtMs };
  }

  /** It asks what anti-entropy answers. */
  answer(): undefined {
    return undefined;
  }

  #start(): void {
    if (this.#run !== undefined || this.#isStopped || this.#target() <= this.#ports.ledger.head().height)
      return;
    this.#run = { startedAtMs: this.#ports.scheduler.now(), hasAdvanced: false };
    void this.#chase();
  }

  /** Asks peer after peer until level or until none is left that could help. Never rejects. */
  async #chase(): Promise<void> {
    const fruitless = new Set<string>();
    const slow = new Set<string>();
    let peer: string | undefined;
    try {
      while (!this.#isStopped) {
        peer = this.#nextPeer(peer, fruitless, slow);
        if (peer === undefined) break;
        const askedAtMs = this.#ports.scheduler.now();
        const tried = new Set([...slow, peer]);
        const another = this.#nextPeer(peer, fruitless, tried);
        const hasOther = another !== undefined && !tried.has(another);
        const pull = await this.#pull(peer, hasOther ? this.#settings.slowMs : this.#settings.answerMs);
        if (pull === "advanced") this.#advanced(peer);
        else if (pull === "late") slow.add(peer);
        else fruitless.add(peer);
        if (this.#ports.scheduler.now() - askedAtMs > this.#settings.slowMs) slow.add(peer);
        this.#remember(peer, pull);
      }
    } catch (error) {
      this.#ports.logger.log("error", "p2p", "catching up stopped", { error: (error as Error).message });
    }
    this.#hint = 0n;
    this.#run = undefined;
    this.#hasSearched = true;
    this.#sayUnserved();
  }

  /** The lowest block that a peer has which is ahead, where none of these has the next one. */
  lowestOffered(): bigint | undefined {
    const { ledger, ring, kept } = this.#ports;
    const { height } = ledger.head();
    const ahead = ring().filter((peer) => (this.#reputations.get(peer)?.claim ?? 0n) > height);
    const offers = ahead.map((peer) => kept.from(peer));
    if (offers.length === 0 || offers.some((lowest) => lowest <= height + 1n)) return undefined;
    return offers.reduce((least, lowest) => (lowest < least ? lowest : least));
  }

  /** Once a height: it does not get better by itself. */
  #sayUnserved(): void {
    const lowest = this.lowestOffered();
    const { height } = this.#ports.ledger.head();
    if (lowest === undefined || this.#unservedAt === height) return;
    this.#unservedAt = height;
    const words =
      "no connected peer has the next block: they are pruned. Connect to an archive node, or begin from a snapshot";
    this.#ports.logger.log("warn", "p2p", words, { height, lowestOffered: lowest });
  }

  #advanced(peer: string): void {
    this.#reputationOf(peer).brokenPromises = 0;
    if (this.#run !== undefined) this.#run.hasAdvanced = true;
  }

  async #pull(peer: string, limitMs: number): Promise<Pull> {
    const { ledger, reportFault } = this.#ports;
    const fetched = await this.#fetch(peer, ledger.head().height + 1n, limitMs);
    if (fetched.kind !== "blocks") return fetched.kind;
    if (fetched.blocks.length === 0) return this.#askKept(peer);
    let pull: Pull = "nothing";
    const { blocks } = fetched;
    for (const [i, block] of blocks.entries()) {
      if (this.#isStopped) return "nothing";
      const outcome = await ledger.importBlock(block, peer, i === blocks.length - 1);
      if (outcome === "invalid") {
        reportFault(peer, `served an invalid block after height ${ledger.head().height}`);
        return "wrong";
      }
      if (outcome === "unready") return pull === "advanced" ? pull : outcome;
      if (outcome === "orphan" || outcome === "early" || outcome === "too-light") break;
      if (outcome === "imported") pull = "advanced";
      else if (pull === "nothing") pull = "overtaken";
    }
    return pull;
  }

  /** Nothing came: whether the peer has pruned what comes next, or broke a promise. */
  async #askKept(peer: string): Promise<"lacks" | "nothing"> {
    const { kept, ledger } = this.#ports;
    // Who claimed nothing is asked nothing more.
    if (this.#reputationOf(peer).claim <= ledger.head().height) return "nothing";
    await kept.missed(peer);
    return kept.from(peer) > ledger.head().height + 1n ? "lacks" : "nothing";
  }

  async #fetch(peer: string, from: bigint, limitMs: number): Promise<Fetched> {
    const { scheduler, request, reportFault, logger } = this.#ports;
    const askedAtMs = scheduler.now();
    const question = encodeQuestion({ kind: "blocks", from, bytesMax: SYNC_BATCH_BYTES });
    try {
      const bytes = await withDeadline(scheduler, limitMs, request(peer, question));
      const answer = decodeAnswer("blocks", bytes);
      if (answer.ok) return { kind: "blocks", blocks: answer.value.blocks };
      reportFault(peer, answer.fault.detail);
      return { kind: "wrong" };
    } catch (error) {
      logger.log("debug", "p2p", "no blocks from peer", { peer, from, error: (error as Error).message });
      const isLast = limitMs >= this.#settings.answerMs;
      return { kind: isLast || scheduler.now() - askedAtMs < limitMs ? "silent" : "late" };
    }
  }

  /**
   * Chosen peers come first. A peer that delivers is asked again, then the others in turn, and slow peers
   * come last.
   */
  #nextPeer(
    last: string | undefined,
    fruitless: ReadonlySet<string>,
    slow: ReadonlySet<string>,
  ): string | undefined {
    const height = this.#ports.ledger.head().height;
    const ring = this.#ports.ring();
    const start = Math.max(0, last === undefined ? 0 : ring.indexOf(last));
    const ordered = [...ring.slice(start), ...ring.slice(0, start)];
    const able = ordered.filter((peer) => !fruitless.has(peer) && this.#mayHelp(peer, height));
    const quick = able.filter((peer) => !slow.has(peer));
    const chosen = this.#ports.chosen?.();
    return quick.find((peer) => chosen?.has(peer)) ?? quick[0] ?? able[0];
  }

  #mayHelp(peer: string, height: bigint): boolean {
    if (this.#ports.kept.from(peer) > height + 1n) return false;
    const reputation = this.#reputationOf(peer);
    if (this.#isDistrusted(reputation)) return false;
    return reputation.claim > height || this.#hint > height;
  }

  #remember(peer: string, pull: Pull): void {
    const reputation = this.#reputations.get(peer);
    if (
      reputation === undefined ||
      pull === "advanced" ||
      pull === "overtaken" ||
      pull === "unready" ||
      pull === "late" ||
      pull === "lacks"
    )
      return;
    const height = this.#ports.ledger.head().height;
    // Who claimed nothing and has nothing broke no promise.
    if (pull === "nothing" && reputation.claim <= height) return;
    const { distrustMs, distrustMsMax } = this.#settings;
    const doublings = pull === "wrong" ? 16 : Math.min(16, reputation.brokenPromises);
    reputation.claim = 0n;
    reputation.brokenPromises++;
    reputation.distrustedUntilMs =
      this.#ports.scheduler.now() + Math.min(distrustMsMax, distrustMs * 2 ** doublings);
  }

  #target(): bigint {
    let target = this.#hint;
    for (const reputation of this.#reputations.values()) {
      if (reputation.claim > target && !this.#isDistrusted(reputation)) target = reputation.claim;
    }
    return target;
  }

  /** A longer rest than any that was ever given means that the clock was set back. */
  #isDistrusted({ distrustedUntilMs }: Reputation): boolean {
    const restMs = distrustedUntilMs - this.#ports.scheduler.now();
    return restMs > 0 && restMs <= this.#settings.distrustMsMax;
  }

  #reputationOf(peer: string): Reputation {
    let reputation = this.#reputations.get(peer);
    if (reputation === undefined) {
      reputation = { claim: 0n, brokenPromises: 0, distrustedUntilMs: Number.NEGATIVE_INFINITY };
      this.#reputations.set(peer, reputation);
    }
    return reputation;
  }
}

/** Rejects when `promise` has not settled within `limitMs`; its late outcome is dropped. */
export function withDeadline<T>(scheduler: Scheduler, limitMs: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = scheduler.after(limitMs, () => reject(new Error(`no answer within ${limitMs} ms`)));
    promise.then(resolve, reject).finally(cancel);
  });
}
