/**
 * The past of a branch in constant memory: the last eleven blocks, and the one further back that the retarget rule
 * looks at (the first of its period, or the anchor and its parent). It grows by one block at a time and never goes
 * back. Whoever checks a file or a stream of headers uses it instead of keeping them all. Source: pow.md 2.4, 2.5.
 */
import { assert } from "../../base/assert.ts";
import type { PowParameters } from "../../chain/genesis/pow-parameters.ts";
import { referenceHeight } from "./retarget.ts";
import { MEDIAN_SPAN, type Past } from "./time-bounds.ts";

/** What the rules read of a block. */
export interface HeaderMark {
  readonly time: number;
  readonly bits: number;
}

/** The block further back. `parentTime` is read under ASERT alone. */
export interface Reference extends HeaderMark {
  readonly parentTime: number;
}

/** A power of two, at least {@link MEDIAN_SPAN}. */
const RING = 16;

export class Lookback implements Past {
  readonly #parameters: PowParameters;
  /** Ring: the block at height h lies at h mod 16. */
  readonly #recent: HeaderMark[] = [];
  #height = -1n;
  #reference: Reference | undefined;

  constructor(parameters: PowParameters) {
    this.#parameters = parameters;
  }

  /**
   * The past of the block at `height` > 0.
   * @param recent the last eleven blocks before it, or all when there are fewer, oldest first
   * @param reference the one at referenceHeight(parameters, height), where the rule has one
   */
  static before(
    parameters: PowParameters,
    height: bigint,
    recent: readonly HeaderMark[],
    reference: Reference | undefined,
  ): Lookback {
    const past = new Lookback(parameters);
    past.#height = height - BigInt(recent.length) - 1n;
    for (const mark of recent) past.add(mark);
    past.#reference = reference;
    return past;
  }

  /** The height of the last block added; it is -1 when there is none. */
  get height(): bigint {
    return this.#height;
  }

  /** The last eleven blocks, oldest first. */
  get recent(): readonly HeaderMark[] {
    const count = Math.min(MEDIAN_SPAN, Number(this.#height + 1n));
    return Array.from({ length: count }, (_, i) => this.headerAt(this.#height - BigInt(count - 1 - i)));
  }

  get reference(): Reference | undefined {
    return this.#reference;
  }

  add(mark: HeaderMark): void {
    const parentTime = this.#recent[slotOf(this.#height)]?.time ?? mark.time;
    this.#height += 1n;
    this.#recent[slotOf(this.#height)] = mark;
    // The block that the next one refers to is this very one: from now on the older is not asked for.
    if (referenceHeight(this.#parameters, this.#height + 1n) === this.#height) {
      this.#reference = { ...mark, parentTime };
    }
  }

  headerAt(height: bigint): HeaderMark {
    if (height > this.#height - BigInt(MEDIAN_SPAN)) {
      const mark = this.#recent[slotOf(height)];
      if (mark !== undefined && height <= this.#height) return mark;
    }
    const reference = referenceHeight(this.#parameters, this.#height + 1n);
    assert(reference !== undefined && this.#reference !== undefined, `no block ${height} in the lookback`);
    if (height === reference) return this.#reference;
    assert(height === reference - 1n, `block ${height} is not in the lookback`);
    return { time: this.#reference.parentTime, bits: this.#reference.bits };
  }
}

/** A mask of a number, since a remainder of bigints costs ten times as much and is taken 11 times a header. */
function slotOf(height: bigint): number {
  return Number(height) & (RING - 1);
}
