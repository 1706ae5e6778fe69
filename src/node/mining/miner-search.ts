/**
 * The search for one block's nonce by one thread. Threads and jobs differ in the extra nonce, 8 bytes at the end of
 * the summary's `extra`, so no two hash the same header. When the nonces of a header are spent, the extra nonce goes
 * on and the header's time moves up to the clock: never below the template's, which the median time past allows.
 * It knows no threads, no pause and no limit of the hash rate. Source: pow.md 2.1.
 */
import { assert } from "../../base/assert.ts";
import { concatBytes } from "../../base/bytes.ts";
import { EXTRA_BYTES_MAX } from "../../base/limits.ts";
import { bodyRootOf, encodeHeader, type Header, type Summary } from "../../chain/types/block.ts";
import { targetOf } from "../../chain/types/target.ts";
import { Writer } from "../../codec/writer.ts";
import { type MiningKernel, NONCES } from "./mining-kernel.ts";

/** u16 thread | u32 job | u16 round */
export const EXTRA_NONCE_BYTES = 8;
const ROUNDS_MAX = 2 ** 16;
/** The header's time is u32 seconds. */
const TIME_MAX = 2 ** 32 - 1;

/** A block without its transactions, as it travels to a thread. */
export interface MiningJob {
  /** u32, rising: different for every job of a process. */
  readonly number: number;
  readonly header: Header;
  /** `extra` has room for the extra nonce. */
  readonly summary: Summary;
}

/** What the thread changed in the template. */
export interface Solution {
  readonly job: number;
  readonly extra: Uint8Array;
  readonly time: number;
  readonly nonce: number;
}

export interface SearchOptions {
  /** Index of the thread, u16. */
  readonly thread: number;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** How many nonces of every header are tried, which tests lower. Left out, all are. */
  readonly nonces?: number;
}

export class NonceSearch {
  readonly #kernel: MiningKernel;
  readonly #job: MiningJob;
  readonly #options: SearchOptions;
  readonly #nonces: number;
  #round = 0;
  #nonce = 0;
  #extra: Uint8Array;
  #time: number;

  /** Takes the kernel over: it has one header at a time. */
  constructor(kernel: MiningKernel, job: MiningJob, options: SearchOptions) {
    this.#kernel = kernel;
    this.#job = job;
    this.#options = options;
    this.#nonces = options.nonces ?? NONCES;
    this.#time = job.header.time;
    this.#extra = this.#prepare();
  }

  /** Tries `count` further nonces, less at the end of a header's; tells how many. */
  scan(count: number): { readonly tried: number; readonly solution: Solution | undefined } {
    if (this.#nonce === this.#nonces) this.#roll();
    const from = this.#nonce;
    const tried = Math.min(count, this.#nonces - from);
    const nonce = this.#kernel.scan(from, tried);
    if (nonce === undefined) {
      this.#nonce += tried;
      return { tried, solution: undefined };
    }
    this.#nonce = nonce + 1;
    const solution = { job: this.#job.number, extra: this.#extra, time: this.#time, nonce };
    return { tried: nonce + 1 - from, solution };
  }

  #roll(): void {
    this.#round += 1;
    assert(this.#round < ROUNDS_MAX, "2^48 hashes of one template: it should have been replaced long ago");
    this.#nonce = 0;
    const seconds = Math.floor(this.#options.now() / 1_000);
    this.#time = Math.min(Math.max(this.#time, seconds), TIME_MAX);
    this.#extra = this.#prepare();
  }

  #prepare(): Uint8Array {
    const { number, header, summary } = this.#job;
    const extraNonce = new Writer(EXTRA_NONCE_BYTES).u16(this.#options.thread).u32(number).u16(this.#round);
    const extra = concatBytes(summary.extra, extraNonce.finish());
    assert(extra.length <= EXTRA_BYTES_MAX, "a template leaves room for the extra nonce");
    const bodyRoot = bodyRootOf({ ...summary, extra });
    this.#kernel.prepare(encodeHeader({ ...header, bodyRoot, time: this.#time }), targetOf(header.bits));
    return extra;
  }
}
