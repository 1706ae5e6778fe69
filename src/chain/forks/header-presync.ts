/**
 * Reads a branch through without storing it: each head is held to all the rules of the branch it would make, and its
 * work added. Kept of it are the headers that the rules still look back at, no more than a period of Bitcoin's rule;
 * those of the known branch below it are copied when it begins, since that may be given up meanwhile.
 * Source: pow.md 2.8, 8.
 */
import { must } from "../../base/assert.ts";
import type { Hash } from "../../base/bytes.ts";
import type { ForkableRules } from "../rules.ts";
import type { Ancestry } from "../types/ancestry.ts";
import { type BlockHead, copyHead, type Header } from "../types/block.ts";
import type { TreeNode } from "./block-tree.ts";
import type { HeaderAdmission, HeadRefusal } from "./header-admission.ts";

/** What the median of times looks at. */
const MEDIAN_SPAN = 11n;

export class HeaderPresync {
  readonly #admission: Pick<HeaderAdmission, "judge">;
  readonly #rules: ForkableRules;
  /** Headers of consecutive heights, from {@link #lowest} on. */
  #kept: Header[] = [];
  #lowest: bigint;
  #last: BlockHead;
  #work: bigint;

  /** @param branch what `parent` ends */
  constructor(
    admission: Pick<HeaderAdmission, "judge">,
    rules: ForkableRules,
    parent: Pick<TreeNode, "head" | "work">,
    branch: Ancestry,
  ) {
    this.#admission = admission;
    this.#rules = rules;
    this.#last = parent.head;
    this.#work = parent.work;
    this.#lowest = this.#lowestRead(branch.height + 1n);
    for (let height = this.#lowest; height <= branch.height; height++) {
      this.#kept.push(branch.headerAt(height));
    }
  }

  /** The work of the whole branch up to the last head that was added. */
  get work(): bigint {
    return this.#work;
  }

  /** The last head that was added, or the block before the first. */
  get last(): Hash {
    return this.#last.hash;
  }

  /**
   * Heads in ascending order, each on the one before, the first on the last one added.
   * @returns why the first head is refused that is; nothing is to be added then
   */
  add(heads: readonly BlockHead[]): HeadRefusal | undefined {
    for (const head of heads) {
      const { stop } = this.#admission.judge(this.#last, this.#branch(), [head]);
      if (stop !== undefined) return stop;
      this.#take(head);
    }
    return undefined;
  }

  #take(head: BlockHead): void {
    this.#last = copyHead(head);
    this.#work += this.#rules.weight(head.header);
    this.#kept.push(this.#last.header);
    const lowest = this.#lowestRead(head.summary.height + 1n);
    // Seldom: what is cut off costs a copy of the rest.
    if (this.#kept.length < 2 * Number(head.summary.height + 1n - lowest)) return;
    this.#kept = this.#kept.slice(Number(lowest - this.#lowest));
    this.#lowest = lowest;
  }

  #branch(): Ancestry {
    const lowest = this.#lowest;
    return {
      height: this.#last.summary.height,
      headerAt: (height) =>
        must(this.#kept[Number(height - lowest)], "no rule looks below the lowest kept header"),
    };
  }

  /** The lowest height that any block from `height` on looks back at. */
  #lowestRead(height: bigint): bigint {
    const { schedule } = this.#rules;
    const target = schedule.readsFrom(height, schedule.nextRetarget(height - 1n) ?? height);
    const median = height > MEDIAN_SPAN ? height - MEDIAN_SPAN : 0n;
    return target < median ? target : median;
  }
}
