/**
 * What this node has missed: the transition on which the block behind its head stands, as peers send that block, and which
 * it was not told to accept. The newest alone is remembered, and only while the head stands. It is the word of a peer:
 * without the file nothing here can verify it, so nothing follows from it but what `quorate explain` says.
 */
import { equalBytes, type Hash, hex0x } from "../../base/bytes.ts";
import type { Fault } from "../../base/fault.ts";
import type { Chain } from "../../chain/chain.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import type { MissedTransition } from "../../rpc/symptoms.ts";

/** Bytes of a transition's id. */
const ID_BYTES = 32;

export class TransitionWatch {
  readonly #chain: Pick<Chain, "head">;
  #newest: { readonly said: MissedTransition; readonly parent: Hash } | undefined;

  constructor(chain: Pick<Chain, "head">) {
    this.#chain = chain;
  }

  /** Is told of each block of a peer that the rules refused. */
  refused({ header, summary }: BlockHead, peerId: string, { code }: Fault): void {
    if (code !== "unaccepted-transition" || summary.extra.length !== ID_BYTES) return;
    const { head } = this.#chain;
    const { height } = summary;
    if (height !== head.summary.height + 1n || !equalBytes(header.previousHash, head.hash)) return;
    this.#newest = { said: { id: hex0x(summary.extra), height, peerId }, parent: head.hash };
  }

  /** Undefined where no peer has sent such a block, and from the next block on. */
  missed(): MissedTransition | undefined {
    const newest = this.#newest;
    if (newest !== undefined && !equalBytes(newest.parent, this.#chain.head.hash)) this.#newest = undefined;
    return this.#newest?.said;
  }
}
