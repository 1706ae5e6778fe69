/**
 * Whether heads may enter the block tree: their proof, their form, the rules of their branch, whether they are due,
 * and whether the branch is worth storing. It stores nothing and knows no bodies. A list is judged as a whole before
 * any of it is kept, so that a few cheap heads cannot hide behind a heavy one that is false.
 * Source: pow.md 2.8, 1 and 8.
 */
import { must } from "../../base/assert.ts";
import { EMPTY, equalBytes } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import type { BlockExecutor } from "../execution/block-executor.ts";
import type { Ancestry } from "../types/ancestry.ts";
import type { BlockHead } from "../types/block.ts";
import type { BlockTree, TreeNode } from "./block-tree.ts";

/** A branch with less than this many blocks' work below the head is not stored. */
const SPAM_MARGIN_BLOCKS = 144n;

/** Why no head is taken from here on. */
export type HeadRefusal =
  | { readonly kind: "invalid"; readonly fault: Fault }
  /** It must not be accepted before this local time, ms since the Unix epoch; this is no verdict. */
  | { readonly kind: "early"; readonly notBeforeMs: number };

/** How far a list of heads is right, and what the first of the others is. */
export interface Judgement {
  readonly good: readonly BlockHead[];
  readonly stop: HeadRefusal | undefined;
}

/** Too little work to be worth storing. */
export interface TooLight {
  readonly kind: "too-light";
  readonly work: bigint;
  readonly needed: bigint;
}

/** What came of heads that were offered. */
export type HeadsResult =
  | { readonly kind: "added"; readonly added: number; readonly last: TreeNode | undefined }
  | { readonly kind: "orphan" }
  /** The rest is early. */
  | { readonly kind: "early"; readonly added: number }
  | TooLight
  | { readonly kind: "invalid"; readonly fault: Fault };

export interface HeaderAdmissionPorts {
  readonly executor: Pick<BlockExecutor, "rules" | "checkHeadForm">;
  readonly now: () => number;
}

export class HeaderAdmission {
  readonly #executor: HeaderAdmissionPorts["executor"];
  readonly #now: () => number;
  readonly #minimumWork: bigint;

  /** @param minimumWork a branch with less is not stored, however heavy the head is */
  constructor(minimumWork: bigint, { executor, now }: HeaderAdmissionPorts) {
    this.#executor = executor;
    this.#now = now;
    this.#minimumWork = minimumWork;
  }

  /**
   * @param branch what `parent` ends
   * @param heads each on the one before, the first on `parent`
   */
  judge(
    parent: BlockHead,
    branch: Ancestry,
    heads: readonly BlockHead[],
    seal: Uint8Array = EMPTY,
  ): Judgement {
    const good: BlockHead[] = [];
    const grown = growing(branch, good);
    for (const head of heads) {
      const stop = this.#judgeOne(good.at(-1) ?? parent, head, grown(), seal);
      if (stop !== undefined) return { good, stop };
      good.push(head);
    }
    return { good, stop: undefined };
  }

  /**
   * Whether a branch of `heads` on `parent` has too little work to be stored beside `head`.
   * @param workProven of the branch that they begin, where a first pass over its headers has found it
   */
  weigh(
    head: TreeNode,
    parent: TreeNode,
    heads: readonly BlockHead[],
    workProven = 0n,
  ): TooLight | undefined {
    const { rules } = this.#executor;
    const least = head.work - SPAM_MARGIN_BLOCKS * rules.weight(head.head.header);
    const needed = least > this.#minimumWork ? least : this.#minimumWork;
    const work = heads.reduce((sum, { header }) => sum + rules.weight(header), parent.work);
    return work < needed && workProven < needed ? { kind: "too-light", work, needed } : undefined;
  }

  #judgeOne(parent: BlockHead, head: BlockHead, branch: Ancestry, seal: Uint8Array): HeadRefusal | undefined {
    const { rules } = this.#executor;
    if (!equalBytes(head.header.previousHash, parent.hash))
      return invalid(fault("not-a-chain", "heads do not link"));
    const wrong =
      rules.verifySeal(head, seal) ??
      this.#executor.checkHeadForm(parent, head) ??
      rules.checkHead(parent, head, branch);
    if (wrong !== undefined) return invalid(wrong);
    const notBeforeMs = rules.notBeforeMs(head);
    return notBeforeMs > this.#now() ? { kind: "early", notBeforeMs } : undefined;
  }
}

function invalid(wrong: Fault): HeadRefusal {
  return { kind: "invalid", fault: wrong };
}

/** A branch is read from the tree for so many blocks from its end: what the median of times looks at. */
const NEAR = 11n;

/**
 * The branch that `last` ends: near its end from the tree, further down, where it is the chain, from the store.
 * @param chainAt the block of the chain at a height below `head`, if `head` is on the chain
 */
export function ancestryIn(
  tree: Pick<BlockTree, "parentOf">,
  last: TreeNode,
  chainAt: (head: BlockHead, height: bigint) => BlockHead | undefined,
): Ancestry {
  const top = last.head.summary.height;
  /** Walked so far, from `last` down: the median asks for them one by one. */
  const near = [last];
  const below = (node: TreeNode) => must(tree.parentOf(node), "a branch reaches down to block 0");
  return {
    height: top,
    headerAt(height) {
      if (height <= top && top - height <= NEAR) {
        const depth = Number(top - height);
        while (near.length <= depth) near.push(below(near.at(-1) ?? last));
        return must(near[depth], "the branch was walked down to here").head.header;
      }
      let at = last;
      while (at.head.summary.height > height) {
        const found = at.head.summary.height - height > NEAR ? chainAt(at.head, height) : undefined;
        if (found !== undefined) return found.header;
        at = below(at);
      }
      return at.head.header;
    },
  };
}

/** The branch with `more` on top, as the list grows. */
function growing(base: Ancestry, more: readonly BlockHead[]): () => Ancestry {
  return () => ({
    height: base.height + BigInt(more.length),
    headerAt: (height) =>
      height > base.height
        ? must(more[Number(height - base.height) - 1], "no rule looks beyond the end of a branch").header
        : base.headerAt(height),
  });
}
