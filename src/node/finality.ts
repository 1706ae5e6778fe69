/**
 * Which blocks are called final where finality is a matter of depth: the block so many below the head. A label, no
 * rule: a heavier branch from below it is followed all the same, and then the label was wrong, which is told aloud.
 * Each block is told once, in order of heights, and again only when a reorganisation reversed it. Source: pow.md 2.8.
 */

import { assert, must } from "../base/assert.ts";
import { byteText, type Hash, showHash } from "../base/bytes.ts";
import type { Logger } from "../base/log.ts";
import type { BranchChange, Chain } from "../chain/chain.ts";
import type { BlockHead } from "../chain/types/block.ts";
import { isCoinbase } from "../chain/types/transaction.ts";
import type { BlockEvent, ReorgEvent } from "../rpc/api.ts";
import { EventTopic } from "./assembly/event-topic.ts";

export interface FinalityPorts {
  readonly chain: Chain;
  readonly log: Logger;
  readonly now: () => number;
}

export class DepthFinality {
  readonly depth: number;
  readonly finalized = new EventTopic<BlockEvent>();
  readonly reorgs = new EventTopic<ReorgEvent>();
  readonly #ports: FinalityPorts;
  /** Height of the last block that was told, or was below the depth when this began. */
  #emitted: bigint;

  constructor(depth: number, ports: FinalityPorts) {
    this.depth = depth;
    this.#ports = ports;
    this.#emitted = this.#heightBelow(ports.chain.head.summary.height);
  }

  /** The block that the label is on now. */
  get head(): BlockHead {
    const { chain } = this.#ports;
    // While blocks are taken away, the database has already lost heights that the head in memory still spans.
    for (let height = this.#heightBelow(chain.head.summary.height); ; height--) {
      const hash = chain.store.hashAt(height);
      if (hash !== undefined)
        return must(chain.store.head(hash), "a block of the chain has its header on disk");
      assert(height > 0n, "block 0 is in the database");
    }
  }

  /** Is called before the heads that entered are told. */
  branchChanged({ ancestor, abandoned, entered }: BranchChange): void {
    const { now } = this.#ports;
    const finalizedReversed = ancestor.summary.height < this.#emitted;
    const oldHead: BlockHead = abandoned.at(-1)?.block ?? ancestor;
    const newHead: BlockHead = entered.at(-1)?.block ?? ancestor;
    if (finalizedReversed) this.#reverse(ancestor, oldHead);
    const kept = new Set(entered.flatMap(({ block }) => block.transactions.map(({ id }) => byteText(id))));
    const dropped: Hash[] = abandoned
      .flatMap(({ block }) => block.transactions)
      .filter((tx) => !isCoinbase(tx) && !kept.has(byteText(tx.id)))
      .map(({ id }) => id);
    this.reorgs.emit({
      atMs: now(),
      ancestor,
      oldHead,
      newHead,
      abandoned,
      entered,
      dropped,
      finalizedReversed,
    });
  }

  /** Is called after each head, in order: what it makes final is passed on. */
  headChanged(height: bigint): void {
    const { chain } = this.#ports;
    const upTo = this.#heightBelow(height);
    while (this.#emitted < upTo) {
      const sealed = chain.sealedBlockAt(this.#emitted + 1n);
      if (sealed === undefined) return;
      this.#emitted++;
      this.finalized.emit({ sealed, receipts: chain.store.receipts(sealed.block.hash) ?? [] });
    }
  }

  #reverse(ancestor: BlockHead, oldHead: BlockHead): void {
    this.#ports.log.log("error", "chain", "FINALIZED BLOCKS REVERSED", {
      finalized: this.#emitted,
      ancestor: ancestor.summary.height,
      old: showHash(oldHead.hash),
      advice: `payments with ${this.depth} blocks on top were undone: raise the depth, look for an attacker`,
    });
    this.#emitted = ancestor.summary.height;
  }

  #heightBelow(height: bigint): bigint {
    const depth = BigInt(this.depth);
    return height > depth ? height - depth : 0n;
  }
}
