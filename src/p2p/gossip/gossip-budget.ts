/**
 * What each peer's gossip may cost: bytes, messages, control entries, and computing that came to nothing. What is
 * accepted as new costs no computing budget, whatever it took. A peer that owes is not read on until the time has
 * paid for it; one that owes again and again, because what it sends is not wanted, is to be sent away for a while.
 * Pure: time is handed in.
 */
import { dropOldest } from "../../base/drop-oldest.ts";
import { type BucketShape, TokenBuckets } from "../../base/token-bucket.ts";

export const GOSSIP_BYTES: BucketShape = { capacity: 16 * 1024 * 1024, perSecond: 8 * 1024 * 1024 };
/** Gossipsub's own messages (RPCs) and the messages in them. */
export const GOSSIP_MESSAGES: BucketShape = { capacity: 4_000, perSecond: 2_000 };
/** How many subscriptions, GRAFTs and PRUNEs a peer may send. A correct node sends a few in a second. */
export const GOSSIP_CONTROL: BucketShape = { capacity: 100, perSecond: 10 };
/** Milliseconds of computing for messages that were not accepted. */
export const GOSSIP_REFUSED_MS: BucketShape = { capacity: 250, perSecond: 50 };
/** Milliseconds that a peer may have to be waited for because of unwanted messages; beyond it, it is sent away. */
export const GOSSIP_WAITED_MS: BucketShape = { capacity: 5_000, perSecond: 100 };
/**
 * Transactions that a peer may send although they were passed on from here before: twice what a change of branches
 * tells anew at every node at once, and besides that so many a second for what was lost and told again.
 */
export const GOSSIP_KNOWN: BucketShape = { capacity: 8_192, perSecond: 100 };
/**
 * Of each new transaction, how many known ones it lets every peer send. Gossipsub swallows equal messages, so a correct
 * peer sends a transaction again only in another batch: its own, where a client gave it to several nodes, or one that
 * it passes on because another transaction of it is new there.
 */
const GOSSIP_KNOWN_PER_NEW = 4;
/** How long it is not let in again. */
export const GOSSIP_PAUSE_MS = 60_000;
/** What an unwanted message costs besides the time of its judgement, ms. */
const REFUSED_MS = 0.1;
/** The most that one message is charged, ms: what took longer was the machine's doing and not the sender's. */
const REFUSED_MS_MAX = 20;
/** Peers that are remembered; beyond it the one heard of longest ago is forgotten. */
const PEERS_MAX = 2_048;

export class GossipBudgets {
  readonly #bytes = new TokenBuckets<string>(GOSSIP_BYTES, PEERS_MAX);
  readonly #messages = new TokenBuckets<string>(GOSSIP_MESSAGES, PEERS_MAX);
  readonly #control = new TokenBuckets<string>(GOSSIP_CONTROL, PEERS_MAX);
  readonly #refused = new TokenBuckets<string>(GOSSIP_REFUSED_MS, PEERS_MAX);
  readonly #waited = new TokenBuckets<string>(GOSSIP_WAITED_MS, PEERS_MAX);
  readonly #known = new TokenBuckets<string>(GOSSIP_KNOWN, PEERS_MAX);
  /** Transactions that were new here, and how many of them each peer's allowance has been raised for. */
  #newCount = 0;
  readonly #newCounted = new Map<string, number>();

  /** One RPC came. */
  received(peerId: string, bytes: number, nowMs: number): void {
    this.#bytes.of(peerId, nowMs).charge(bytes, nowMs);
    this.#messages.of(peerId, nowMs).charge(1, nowMs);
  }

  /** So many messages were in it. */
  messages(peerId: string, count: number, nowMs: number): void {
    this.#messages.of(peerId, nowMs).charge(count, nowMs);
  }

  /** @returns whether so many control entries are to be looked at; they are paid for in any case */
  control(peerId: string, count: number, nowMs: number): boolean {
    const bucket = this.#control.of(peerId, nowMs);
    bucket.charge(count, nowMs);
    return bucket.left(nowMs) >= 0;
  }

  /** A message was ignored or rejected after so much computing. */
  refused(peerId: string, ms: number, nowMs: number): void {
    this.#refused.of(peerId, nowMs).charge(Math.min(ms, REFUSED_MS_MAX) + REFUSED_MS, nowMs);
  }

  /** So many transactions were passed on from here for the first time, whoever brought them. */
  passedOn(count: number): void {
    this.#newCount += count;
  }

  /**
   * A peer sent transactions that were passed on from here before. What is beyond its allowance costs as what is
   * refused does.
   * @param ms of computing that they took together
   */
  known(peerId: string, count: number, ms: number, nowMs: number): void {
    const bucket = this.#known.of(peerId, nowMs);
    bucket.refund(GOSSIP_KNOWN_PER_NEW * (this.#newCount - (this.#newCounted.get(peerId) ?? 0)));
    this.#newCounted.delete(peerId);
    if (this.#newCounted.size >= PEERS_MAX) dropOldest(this.#newCounted);
    this.#newCounted.set(peerId, this.#newCount);
    bucket.charge(count, nowMs);
    const beyond = Math.min(count, -bucket.left(nowMs));
    if (beyond <= 0) return;
    bucket.refund(beyond);
    const cost = Math.min(ms, REFUSED_MS_MAX) * (beyond / count) + REFUSED_MS * beyond;
    this.#refused.of(peerId, nowMs).charge(cost, nowMs);
  }

  /** How long the peer is not to be read, and whether that has been so too often. */
  due(peerId: string, nowMs: number): { readonly waitMs: number; readonly isTooOften: boolean } {
    const owed = (buckets: TokenBuckets<string>) => buckets.of(peerId, nowMs).waitMs(0, nowMs);
    const unwantedMs = Math.max(owed(this.#refused), owed(this.#control));
    const waitMs = Math.max(unwantedMs, owed(this.#bytes), owed(this.#messages));
    if (unwantedMs === 0) return { waitMs, isTooOften: false };
    const waited = this.#waited.of(peerId, nowMs);
    waited.charge(unwantedMs, nowMs);
    return { waitMs, isTooOften: waited.left(nowMs) < 0 };
  }
}
