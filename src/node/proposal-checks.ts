/**
 * Proposals while they are checked: executed here at once, or when the parent is there or the time has come. The engine is
 * told the verdict once. Nothing here is protocol: what a block must be is the chain's rule, and who votes is the engine's.
 * Source: pbft.md 1.5 (A6), 1.14.
 */
import { must } from "../base/assert.ts";
import { type Hash, hex, showHash } from "../base/bytes.ts";
import { CLOCK_AHEAD_MS_MAX, SLOW_SIGNATURES_PER_PROPOSAL_MAX, WAITING_CHECKS_MAX } from "../base/limits.ts";
import { SlowSignatureLimit } from "../chain/execution/accepted-signatures.ts";
import type { Block } from "../chain/types/block.ts";
import type { DriverPorts } from "./driver-ports.ts";
import { count, countEarly, type MessageCounts } from "./metrics/message-counts.ts";

/** A proposal far ahead of the clock is looked at again at least so often: the clock may be set meanwhile. */
const RECHECK_MS_MAX = 60_000;

export interface ProposalCheckPorts extends Pick<DriverPorts, "chain" | "scheduler" | "log"> {
  readonly counts: MessageCounts;
  readonly checked: (hash: Hash, verdict: "valid" | "invalid") => void;
  /** A check that was put off has thrown. */
  readonly failed: (error: unknown) => void;
}

interface WaitingCheck {
  readonly block: Block;
  readonly certified: boolean;
  readonly cancel: () => void;
}

export class ProposalChecks {
  readonly #ports: ProposalCheckPorts;
  /** Blocks whose parent is not executed yet, or that are early, by hash: checked again on a head change. */
  readonly #waiting = new Map<string, WaitingCheck>();

  constructor(ports: ProposalCheckPorts) {
    this.#ports = ports;
  }

  stop(): void {
    for (const id of [...this.#waiting.keys()]) this.#forget(id);
  }

  /** An early block and one without its parent get no verdict: the block waits, unvoted, until it is due or its parent is there. */
  check(block: Block, certified: boolean): void {
    const { chain, log, counts } = this.#ports;
    const earlyByMs = certified ? 0 : this.#earlyByMs(block);
    if (earlyByMs > 0) {
      this.#noteEarly(block, earlyByMs);
      return this.#wait(block, certified, Math.min(earlyByMs, RECHECK_MS_MAX));
    }
    const limit = new SlowSignatureLimit(SLOW_SIGNATURES_PER_PROPOSAL_MAX);
    const check = chain.checkBlock(block, certified ? undefined : limit);
    if (check.kind === "orphan" || check.kind === "unready") return this.#wait(block, certified);
    this.#forget(hex(block.hash));
    if (limit.count > 0) count(counts.slow, String(block.summary.proposer), limit.count);
    if (limit.isExceeded) return this.#decline(block);
    if (check.kind === "invalid") {
      const { code: fault, detail } = check.fault;
      const { height } = block.summary;
      log.log("warn", "pbft", "proposal refused", { height, hash: showHash(block.hash), fault, detail });
    }
    this.#ports.checked(block.hash, check.kind);
  }

  /** The head has moved: what waited for it is checked again. */
  recheck(height: bigint): void {
    for (const [id, { block, certified }] of [...this.#waiting]) {
      if (block.summary.height <= height) this.#forget(id);
      else this.check(block, certified);
    }
  }

  /**
   * No vote and no verdict: judging it to its end would hold up this node's thread, and no correct primary proposes
   * such a block. The view's timer replaces this one. Once a quorum has voted for it all the same, it is judged.
   */
  #decline({ hash, summary: { height, proposer } }: Block): void {
    const fields = { height, hash: showHash(hash), primary: proposer };
    const detail = `more than ${SLOW_SIGNATURES_PER_PROPOSAL_MAX} signatures that only ZIP-215 could accept`;
    this.#ports.log.log("warn", "pbft", "proposal gets no vote", { ...fields, detail });
  }

  /**
   * Counts and names an early proposal once for each block: the clock of its proposer or this node's own is wrong.
   */
  #noteEarly({ hash, summary: { height, proposer } }: Block, earlyByMs: number): void {
    if (this.#waiting.has(hex(hash))) return;
    const aheadMs = earlyByMs + CLOCK_AHEAD_MS_MAX;
    countEarly(this.#ports.counts, proposer, aheadMs, this.#ports.scheduler.now());
    const fields = { height, primary: proposer, aheadMs, allowedMs: CLOCK_AHEAD_MS_MAX };
    const message = "proposal from the future gets no vote until it is due: a clock is wrong";
    this.#ports.log.log("warn", "pbft", message, fields);
  }

  /** A time right after the parent's is never early: the own clock may have been set back (pbft.md 1.14). */
  #earlyByMs({ header, summary }: Block): number {
    const parent = this.#ports.chain.headOf(header.previousHash);
    if (parent !== undefined && summary.timeMs <= parent.summary.timeMs + 1n) return 0;
    return Number(summary.timeMs) - (this.#ports.scheduler.now() + CLOCK_AHEAD_MS_MAX);
  }

  /** Keeps a block until the head changes, and at most `dueMs` where that is given. */
  #wait(block: Block, certified: boolean, dueMs?: number): void {
    const id = hex(block.hash);
    this.#forget(id);
    const check = () => this.#checkWhenDue(block, certified);
    const cancel = dueMs === undefined ? () => undefined : this.#ports.scheduler.after(dueMs, check);
    this.#waiting.set(id, { block, certified, cancel });
    if (this.#waiting.size > WAITING_CHECKS_MAX)
      this.#forget(must(this.#waiting.keys().next().value, "a map above its bound has a first key"));
  }

  #checkWhenDue(block: Block, certified: boolean): void {
    try {
      this.check(block, certified);
    } catch (error) {
      this.#ports.failed(error);
    }
  }

  #forget(id: string): void {
    this.#waiting.get(id)?.cancel();
    this.#waiting.delete(id);
  }
}
