/**
 * The message log: for each height in the window what arrived, per view. It stores; what may enter is decided by
 * window.ts, what follows from it by agreement.ts and commitment.ts.
 * Source: pbft.md 1.4.
 */

import { equalBytes, type Hash } from "../../base/bytes.ts";
import type { Block } from "../../chain/block.ts";
import type { CommitCertificate } from "./certificate.ts";
import type { PrePrepare } from "./gate.ts";
import { Tally } from "./tally.ts";

/** How far a proposal has come here. `refused` is for ever in its view: no vote. */
export type ProposalState = "held" | "checking" | "accepted" | "refused";

export interface Proposal {
  readonly message: PrePrepare;
  state: ProposalState;
  /** The driver holds the outcome of executing it, so that it can be built and checked upon. */
  executed: boolean;
}

/** One height in one view. */
export class Round {
  proposal: Proposal | undefined = undefined;
  /** The primary contradicted itself here, and that has been told. */
  equivocated = false;
  prepared = false;
  readonly prepares: Tally;
  readonly commits: Tally;

  constructor(n: number) {
    this.prepares = new Tally(n);
    this.commits = new Tally(n);
  }
}

export class Slot {
  readonly height: bigint;
  /** At most the views view-1 .. view+1. */
  readonly rounds = new Map<bigint, Round>();
  /** The digest that this node's chain holds at the height. */
  committed: Hash | undefined = undefined;
  /** The first commit certificate for the height, whatever its view. */
  certificate: (CommitCertificate & { readonly hash: Hash }) | undefined = undefined;
  /** A certified block that was fetched. */
  fetched: { readonly block: Block; readonly blockBytes: Uint8Array } | undefined = undefined;

  constructor(height: bigint) {
    this.height = height;
  }

  /** A body for the digest, from whatever message. */
  body(hash: Hash): { readonly block: Block; readonly blockBytes: Uint8Array } | undefined {
    for (const { proposal } of this.rounds.values()) {
      if (proposal !== undefined && equalBytes(proposal.message.hash, hash)) return proposal.message;
    }
    return this.fetched !== undefined && equalBytes(this.fetched.block.hash, hash) ? this.fetched : undefined;
  }
}

export class Slots {
  readonly #slots = new Map<bigint, Slot>();
  readonly #n: number;

  constructor(n: number) {
    this.#n = n;
  }

  get(height: bigint): Slot | undefined {
    return this.#slots.get(height);
  }

  at(height: bigint): Slot {
    let slot = this.#slots.get(height);
    if (slot === undefined) {
      slot = new Slot(height);
      this.#slots.set(height, slot);
    }
    return slot;
  }

  find(height: bigint, view: bigint): Round | undefined {
    return this.#slots.get(height)?.rounds.get(view);
  }

  round(height: bigint, view: bigint): Round {
    const { rounds } = this.at(height);
    let round = rounds.get(view);
    if (round === undefined) {
      round = new Round(this.#n);
      rounds.set(view, round);
    }
    return round;
  }

  /** Forgets heights up to and including `height`. */
  prune(height: bigint): void {
    for (const held of this.#slots.keys()) if (held <= height) this.#slots.delete(held);
  }

  /** Ascending by height. */
  all(): Slot[] {
    return [...this.#slots.values()].sort((a, b) => (a.height < b.height ? -1 : 1));
  }
}
