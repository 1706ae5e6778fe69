/**
 * Anti-entropy: every interval a node compares itself with the next peer in ring order, a few bytes each way, and
 * pulls what it lacks. First the heads; when they are the same, a checksum of the pools; when that differs, short
 * hashes; then only the missing transactions. Ring order spreads anything to all within n-1 rounds. It repairs
 * whatever direct mail and rumor lost. Time, randomness and transport are handed in, so it runs on virtual time.
 * Sources: Demers et al., "Epidemic algorithms" (1987), §1.3; decision 7; pbft.md 1.13.
 *
 * This folder: getting what this node lacks: final blocks by height (catch-up.ts), branches by their headers
 * (branch-sync.ts), pools, and the bytes of every question that peers ask. Not here: importing what came (chain,
 * node/ingress).
 */
import { asHash, equalBytes, type Hash } from "../../base/bytes.ts";
import { ANSWER_BYTES_MAX, SYNC_BATCH_BLOCKS_MAX, SYNC_BATCH_BYTES } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { BlockSync } from "./block-sync.ts";
import type { BranchLedger } from "./branch-ledger.ts";
import { BranchSync } from "./branch-sync.ts";
import {
  CATCH_UP,
  CatchUp,
  type CatchUpSettings,
  type RepairLedger,
  type SyncProgress,
  withDeadline,
} from "./catch-up.ts";
import { KeptBlocks } from "./kept-blocks.ts";
import { PoolRepair, type RepairPool } from "./pool-repair.ts";
import {
  type Digest,
  decodeAnswer,
  decodeQuestion,
  encodeAnswer,
  encodeQuestion,
  type RepairAnswer,
  type RepairQuestion,
} from "./repair-wire.ts";
import { SettledPool } from "./settled-pool.ts";

export interface AntiEntropySettings {
  /** The time between two comparisons, ms. With 0 there are no periodic ones. */
  readonly intervalMs: number;
  /** Younger transactions are not compared: they are still on their way by rumor. */
  readonly poolAgeMsMin: number;
  readonly catchUp: CatchUpSettings;
}

export const ANTI_ENTROPY: AntiEntropySettings = {
  intervalMs: 1_000,
  poolAgeMsMin: 1_000,
  catchUp: CATCH_UP,
};

export interface AntiEntropyPorts {
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  readonly ledger: RepairLedger;
  /** How blocks are fetched: by height where they are final, by branches where the chain is forkable. */
  readonly mode: { readonly kind: "final" } | { readonly kind: "forkable"; readonly branches: BranchLedger };
  readonly pool: RepairPool;
  /** This node's peer id: its place in the ring. */
  readonly selfId: string;
  /** The peers that are present, in any order. */
  peers(): readonly string[];
  /** Those of them to compare with in turn; all if left out. */
  compared?(): readonly string[];
  /** The height that this node has reason to believe, whatever single peers claim, or undefined when it has none. */
  believedHeight?(): bigint | undefined;
  /** Peers that are asked before others, and wait for none of them; none if left out. */
  chosen?(): ReadonlySet<string>;
  /** A peer brought heads or bodies that were not here. */
  broughtBlocks?(peerId: string): void;
  request(peerId: string, question: Uint8Array): Promise<Uint8Array>;
  /** A peer sent something provably wrong. */
  reportFault(peerId: string, detail: string): void;
  /** A peer told its head. */
  noteHeight(peerId: string, height: bigint): void;
  /** A number in [0, 1): spreads the rounds of many nodes. */
  jitter(): number;
}

export class AntiEntropy {
  readonly #settings: AntiEntropySettings;
  readonly #ports: AntiEntropyPorts;
  readonly #blocks: BlockSync;
  readonly #pools: PoolRepair;
  readonly #settled: SettledPool;
  readonly #kept = new KeptBlocks({
    now: () => this.#ports.scheduler.now(),
    ask: async (peerId) => (await this.#ask("kept", peerId, { kind: "kept" }))?.lowest,
  });
  #cancelRound: () => void = () => undefined;
  #lastCompared: string;
  readonly #comparing = new Set<string>();
  #isRunning = false;

  constructor(settings: AntiEntropySettings, ports: AntiEntropyPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#lastCompared = ports.selfId;
    this.#settled = new SettledPool({
      scheduler: ports.scheduler,
      headHash: () => asHash(ports.ledger.head().hash),
      hashes: (feeMin) => ports.pool.hashes(settings.poolAgeMsMin, feeMin),
    });
    this.#pools = new PoolRepair({
      ...ports,
      settled: this.#settled,
      jitter: () => ports.jitter(),
      isRunning: () => this.#isRunning,
      ask: (kind, peerId, question) => this.#ask(kind, peerId, question),
    });
    const ring = () => ringAfter(ports.selfId, ports.peers());
    const { mode } = ports;
    const kept = this.#kept;
    this.#blocks =
      mode.kind === "final"
        ? new CatchUp(settings.catchUp, { ...ports, ring, kept })
        : new BranchSync(settings.catchUp, { ...ports, ring, kept, ledger: mode.branches });
  }

  start(): void {
    this.#isRunning = true;
    this.#scheduleRound();
  }

  stop(): void {
    this.#isRunning = false;
    this.#cancelRound();
    this.#blocks.stop();
  }

  /** A peer passed the handshake: compare at once. */
  peerConnected(peerId: string, lowestBody?: bigint): void {
    if (lowestBody !== undefined) this.#kept.advertised(peerId, lowestBody);
    void this.#compare(peerId);
  }

  peerDisconnected(peerId: string): void {
    this.#blocks.forget(peerId);
    this.#kept.forget(peerId);
  }

  /** A peer announced a block: it holds it, or will in a moment. */
  announced(peerId: string, height: bigint, hash: Hash): void {
    this.#advertised(peerId, height, hash);
  }

  /** The engine's request-sync: others are ahead. `height` is a hint. */
  syncNow(height: bigint): void {
    if (this.#isRunning) this.#blocks.hinted(height);
  }

  /** Undefined unless blocks are being fetched. */
  progress(): SyncProgress | undefined {
    return this.#blocks.progress();
  }

  /** The lowest block that peers have which are ahead, where none of them has the next one. */
  lowestOffered(): bigint | undefined {
    return this.#blocks.lowestOffered();
  }

  /** Transactions of peers that this pool refused and does not ask for again yet. */
  get refusalsRemembered(): number {
    return this.#pools.refusals;
  }

  /** Answers a question of a peer. @throws Error for a malformed one. */
  async answer(peerId: string, bytes: Uint8Array): Promise<Uint8Array> {
    const about = this.#blocks.answer(bytes);
    if (about !== undefined) return about;
    const question = decodeQuestion(bytes);
    if (!question.ok) throw new Error(question.fault.detail);
    return encodeAnswer(await this.#answerTo(peerId, question.value));
  }

  async #answerTo(peerId: string, question: RepairQuestion): Promise<RepairAnswer> {
    switch (question.kind) {
      case "compare":
        // The question tells the asker's head: a comparison serves both sides.
        this.#advertised(peerId, question.digest.height, question.digest.headHash);
        return { kind: "compare", digest: this.#digest(question.feeMin) };
      case "blocks":
        return { kind: "blocks", blocks: await this.#serveBlocks(question.from, question.bytesMax) };
      case "pool":
        return {
          kind: "pool",
          shortHashes: this.#pools.list(question.feeMin, question.salt),
        };
      case "transactions":
        return {
          kind: "transactions",
          envelopes: fitting(this.#pools.named(question.salt, question.shortHashes), SYNC_BATCH_BYTES),
        };
      case "kept":
        return { kind: "kept", lowest: this.#ports.ledger.lowestBody() };
    }
  }

  async #serveBlocks(from: bigint, bytesMax: number): Promise<readonly Uint8Array[]> {
    const blocks = await this.#ports.ledger.serveBlocks(from, Math.min(bytesMax, SYNC_BATCH_BYTES));
    return fitting(blocks.slice(0, SYNC_BATCH_BLOCKS_MAX), ANSWER_BYTES_MAX - 64);
  }

  #scheduleRound(): void {
    const { intervalMs } = this.#settings;
    if (intervalMs === 0 || !this.#isRunning) return;
    const delayMs = intervalMs * (0.75 + 0.5 * this.#ports.jitter());
    this.#cancelRound = this.#ports.scheduler.after(delayMs, () => {
      const next = this.#nextInRing();
      if (next !== undefined) {
        this.#lastCompared = next;
        void this.#compare(next);
      }
      this.#scheduleRound();
    });
  }

  /** The peer after the last one, which is the same one when there is no other. */
  #nextInRing(): string | undefined {
    const { compared, peers, selfId } = this.#ports;
    const ring = ringAfter(selfId, (compared ?? peers)());
    return ringAfter(this.#lastCompared, ring)[0] ?? ring[0];
  }

  /**
   * Compares with a peer. The promise never rejects: a peer that does not answer is asked again when its turn comes.
   */
  async #compare(peerId: string): Promise<void> {
    if (!this.#isRunning || this.#comparing.has(peerId)) return;
    this.#comparing.add(peerId);
    try {
      const feeMin = this.#ports.pool.entryPrice();
      const ours = this.#digest(feeMin);
      const answer = await this.#ask("compare", peerId, { kind: "compare", digest: ours, feeMin });
      if (answer === undefined || !this.#isRunning) return;
      const theirs = answer.digest;
      this.#advertised(peerId, theirs.height, theirs.headHash);
      // Between different heads pools differ by what the blocks between them hold.
      const isLevel = equalBytes(theirs.headHash, this.#ports.ledger.head().hash);
      if (isLevel && !equalBytes(theirs.poolChecksum, ours.poolChecksum)) await this.#pools.level(peerId);
    } catch (error) {
      this.#ports.logger.log("error", "p2p", "comparison failed", {
        peer: peerId,
        error: (error as Error).message,
      });
    } finally {
      this.#comparing.delete(peerId);
    }
  }

  #advertised(peerId: string, height: bigint, headHash: Hash): void {
    if (!this.#isRunning) return;
    this.#ports.noteHeight(peerId, height);
    // A copy: the digest shares the memory of what came over the wire.
    this.#blocks.advertised(peerId, height, asHash(headHash.slice()));
  }

  /** @returns undefined when there is no answer, or a malformed one, which is reported. */
  async #ask<Kind extends RepairQuestion["kind"]>(
    kind: Kind,
    peerId: string,
    question: Extract<RepairQuestion, { kind: Kind }>,
  ): Promise<Extract<RepairAnswer, { kind: Kind }> | undefined> {
    const { scheduler, request, reportFault, logger } = this.#ports;
    let bytes: Uint8Array;
    try {
      const asked = request(peerId, encodeQuestion(question));
      bytes = await withDeadline(scheduler, this.#settings.catchUp.answerMs, asked);
    } catch (error) {
      logger.log("debug", "p2p", "no answer", { peer: peerId, kind, error: (error as Error).message });
      return undefined;
    }
    const answer = decodeAnswer(kind, bytes);
    if (answer.ok) return answer.value;
    reportFault(peerId, answer.fault.detail);
    return undefined;
  }

  /** @param feeMin is the asker's lowest fee: the checksum covers the transactions that pay as much. */
  #digest(feeMin: bigint): Digest {
    const { height, hash } = this.#ports.ledger.head();
    const { hashes, checksum } = this.#settled.list(feeMin);
    return { height, headHash: asHash(hash), poolCount: hashes.length, poolChecksum: checksum };
  }
}

/** The other peers in the order of their ids, starting after `id` and going round. `id` itself is left out. */
export function ringAfter(id: string, peers: readonly string[]): string[] {
  const sorted = peers.filter((peer) => peer !== id).sort();
  const start = sorted.findIndex((peer) => peer > id);
  return start < 0 ? sorted : [...sorted.slice(start), ...sorted.slice(0, start)];
}

/** The longest front part of at most `bytesMax` bytes, at least one item. */
function fitting(items: readonly Uint8Array[], bytesMax: number): readonly Uint8Array[] {
  let bytes = 0;
  const end = items.findIndex((item, i) => {
    bytes += 4 + item.length;
    return i > 0 && bytes > bytesMax;
  });
  return end < 0 ? items : items.slice(0, end);
}
