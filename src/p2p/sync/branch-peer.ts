/**
 * One question at a time to one peer, and how well the peer has answered so far. Who does not answer, or answers
 * nonsense, rests: longer each time, until it delivers again. Time and transport are handed in.
 * Source: pow.md 2.8, 8 ("one outstanding request a peer").
 */
import type { Hash } from "../../base/bytes.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import {
  type BranchAnswerTo,
  type BranchQuestion,
  decodeBranchAnswer,
  encodeBranchQuestion,
} from "./branch-wire.ts";
import { withDeadline } from "./catch-up.ts";

/** Earlier failures count no more when so long has passed without a new one. */
const FORGIVEN_MS = 10 * 60_000;

export interface BranchPeerSettings {
  /** A peer that does not answer by then is passed over. */
  readonly answerMs: number;
  /** How long a peer that failed is left alone the first time, ms. Each further rest is twice as long. */
  readonly distrustMs: number;
  readonly distrustMsMax: number;
}

export interface BranchPeerPorts {
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  request(peerId: string, question: Uint8Array): Promise<Uint8Array>;
  /** A peer sent something provably wrong. */
  reportFault(peerId: string, detail: string): void;
}

/** How long one fetch of heads may go on; see header-fetch.ts. */
export interface HeadsTimeBox {
  /** Heads so far that were not known, those that are only read through included. */
  heads: number;
  /** How long so many new heads may take. */
  worthMs(heads: number): number;
  isOver(): boolean;
}

/** A branch that was read through and is being stored; see header-fetch.ts. */
export interface LightBranch {
  /** Goes on storing it. @returns whether anything was learnt. */
  store(box: HeadsTimeBox): Promise<boolean>;
}

export class BranchPeer {
  readonly id: string;
  /** The head that it told last, while it is not known here. */
  advertised: Hash | undefined;
  /** The last block of its chain whose header is known here. */
  best: Hash | undefined;
  light: LightBranch | undefined;
  /** This node chose to connect to it. */
  isChosen = false;
  /** A question is under way, or its answer is being worked off. */
  isBusy = false;
  /** Milliseconds that its answers have taken, all together. */
  waitedMs = 0;
  readonly #settings: BranchPeerSettings;
  readonly #ports: BranchPeerPorts;
  #failures = 0;
  #lastFailureMs = Number.NEGATIVE_INFINITY;
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(id: string, settings: BranchPeerSettings, ports: BranchPeerPorts) {
    this.id = id;
    this.#settings = settings;
    this.#ports = ports;
  }

  get isFree(): boolean {
    return !this.isBusy && !this.isResting;
  }

  /** A longer rest than any that was ever given means that the clock was set back. */
  get isResting(): boolean {
    const restMs = this.#restsUntilMs - this.#ports.scheduler.now();
    return restMs > 0 && restMs <= this.#settings.distrustMsMax;
  }

  /** @returns undefined when there is no answer, or a malformed one; the peer rests then. */
  async ask<Kind extends BranchQuestion["kind"]>(
    question: Extract<BranchQuestion, { kind: Kind }>,
  ): Promise<BranchAnswerTo<Kind> | undefined> {
    const { scheduler, request, logger } = this.#ports;
    const kind = question.kind as Kind;
    const askedAtMs = scheduler.now();
    let bytes: Uint8Array;
    try {
      const asked = request(this.id, encodeBranchQuestion(question));
      bytes = await withDeadline(scheduler, this.#settings.answerMs, asked);
    } catch (error) {
      const fields = { peer: this.id, kind, error: (error as Error).message };
      logger.log("debug", "p2p", "no answer", fields);
      this.failed();
      return undefined;
    } finally {
      this.waitedMs += Math.max(0, scheduler.now() - askedAtMs);
    }
    const answer = decodeBranchAnswer(kind, bytes);
    if (answer.ok) return answer.value;
    this.lied(answer.fault.detail);
    return undefined;
  }

  delivered(): void {
    this.#failures = 0;
  }

  /** It did not do what it should have done, which proves nothing. */
  failed(): void {
    const nowMs = this.#ports.scheduler.now();
    if (nowMs - this.#lastFailureMs > FORGIVEN_MS) this.#failures = 0;
    this.#lastFailureMs = nowMs;
    this.#rest(this.#failures++);
  }

  /** It sent something provably wrong. */
  lied(detail: string): void {
    this.#ports.reportFault(this.id, detail);
    this.#rest(16);
  }

  #rest(doublings: number): void {
    const { distrustMs, distrustMsMax } = this.#settings;
    const restMs = Math.min(distrustMsMax, distrustMs * 2 ** Math.min(16, doublings));
    this.#restsUntilMs = this.#ports.scheduler.now() + restMs;
  }
}
