/**
 * What the questions of each peer may cost the one who is asked, in milliseconds of computing: what was measured until
 * the answer was under way, and so much for each byte that is read, encoded, encrypted and sent. An answer waits until
 * the ones before it are paid for. All peers that are no validators share one more budget, so that many of them cannot
 * take together what one may not. Pure: times are handed in.
 */
import { type BucketShape, TokenBucket, TokenBuckets } from "../../base/token-bucket.ts";

/** Milliseconds of computing of one peer's questions. */
export const REQUEST_MS: BucketShape = { capacity: 500, perSecond: 150 };
/** The same of all peers together that are no validators. */
export const REQUEST_MS_OTHERS: BucketShape = { capacity: 1_000, perSecond: 300 };
/** An answer that would wait longer is refused ("busy"). */
export const REQUEST_WAIT_MS_MAX = 3_000;
/** What reading, encoding and encrypting take, roughly: 10 ms a MiB. */
export const REQUEST_MS_PER_BYTE = 10 / (1024 * 1024);
/** What a stream and its two frames take. */
const REQUEST_MS_EACH = 0.2;
/** The most that one question is charged: what took longer was the machine's doing. */
const COMPUTED_MS_MAX = 250;
const PEERS_MAX = 2_048;

export class RequestBudgets {
  readonly #byPeer = new TokenBuckets<string>(REQUEST_MS, PEERS_MAX);
  #others: TokenBucket | undefined;
  /** Those whose last question was a validator's. */
  readonly #validators = new Set<string>();

  waitMs(peerId: string, isValidator: boolean, nowMs: number): number {
    if (isValidator) this.#validators.add(peerId);
    else this.#validators.delete(peerId);
    const ownMs = this.#byPeer.of(peerId, nowMs).waitMs(0, nowMs);
    return isValidator ? ownMs : Math.max(ownMs, this.#sharedBy(nowMs).waitMs(0, nowMs));
  }

  computed(peerId: string, ms: number, nowMs: number): void {
    this.#charge(peerId, Math.min(ms, COMPUTED_MS_MAX) + REQUEST_MS_EACH, nowMs);
  }

  answered(peerId: string, bytes: number, nowMs: number): void {
    this.#charge(peerId, bytes * REQUEST_MS_PER_BYTE, nowMs);
  }

  #charge(peerId: string, ms: number, nowMs: number): void {
    this.#byPeer.of(peerId, nowMs).charge(ms, nowMs);
    if (!this.#validators.has(peerId)) this.#sharedBy(nowMs).charge(ms, nowMs);
  }

  #sharedBy(nowMs: number): TokenBucket {
    this.#others ??= new TokenBucket(REQUEST_MS_OTHERS, nowMs);
    return this.#others;
  }
}
