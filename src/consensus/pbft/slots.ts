/**
 * The message log: for each height in the window what arrived, per view, and what was certified. It stores; what may
 * enter is decided by window.ts, what follows from it by agreement.ts, commitment.ts and view-change.ts.
 * Source: pbft.md 1.4.
 */

import { equalBytes, type Hash, hex } from "../../base/bytes.ts";
import { BODIES_PER_HEIGHT_MAX } from "../../base/limits.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import type { EngineHoldings } from "../engine.ts";
import type { CommitCertificate, PreparedCertificate } from "./certificate.ts";
import type { ProposalVote } from "./message-verifier.ts";
import type { WithBlock } from "./signed-messages.ts";
import { VoteTally } from "./tally.ts";

/** How far a proposal has come here. `refused` is for ever in its view: no vote. */
export type ProposalState = "held" | "checking" | "accepted" | "refused";

/** What the primary of a view proposes for a height; its body is in {@link Slot.body}, or still missing. */
export interface AcceptedProposal {
  readonly vote: ProposalVote;
  readonly head: BlockHead;
  /** Whether the NEW-VIEW carried it over: it was certified in an earlier view. */
  readonly carried: boolean;
  state: ProposalState;
  /** The driver holds the outcome of executing it, so that it can be built and checked upon. */
  executed: boolean;
}

/** Whether an own vote promises to hold a body. */
type IsPromised = (height: bigint, hash: Hash) => boolean;

/** One height in one view. */
export class Round {
  proposal: AcceptedProposal | undefined = undefined;
  /** The primary contradicted itself here, and that has been told. */
  equivocated = false;
  prepared = false;
  readonly prepares: VoteTally;
  readonly commits: VoteTally;

  constructor(n: number) {
    this.prepares = new VoteTally(n);
    this.commits = new VoteTally(n);
  }
}

export class Slot {
  readonly height: bigint;
  /** The rounds by view. At most those of view-1 to view+1 are kept. */
  readonly rounds = new Map<bigint, Round>();
  /** The digest that this node's chain holds at the height. */
  committed: Hash | undefined = undefined;
  /** The committed block's head and certificate, as the chain stores them. */
  sealed: { readonly head: BlockHead; readonly certificate: CommitCertificate } | undefined = undefined;
  /** The first commit certificate for the height, whatever its view. */
  certificate: (CommitCertificate & { readonly hash: Hash }) | undefined = undefined;
  /** The certificate of the highest view in which this replica signed COMMIT: its lock. */
  prepared: PreparedCertificate | undefined = undefined;
  readonly #bodies = new Map<string, WithBlock>();

  constructor(height: bigint) {
    this.height = height;
  }

  /** A body for the digest, from whatever message. */
  body(hash: Hash): WithBlock | undefined {
    return this.#bodies.get(hex(hash));
  }

  /** A PREPARE promises to hold the body (§1.5): what the newest views and certificates refer to stays. */
  keepBody({ block, blockBytes }: WithBlock): void {
    this.#bodies.set(hex(block.hash), { block, blockBytes });
    for (const [key, held] of this.#bodies) {
      if (this.#bodies.size <= BODIES_PER_HEIGHT_MAX) return;
      if (!this.#refersTo(held.block.hash)) this.#bodies.delete(key);
    }
  }

  /** Bytes of each body held. */
  bodySizes(): number[] {
    return [...this.#bodies.values()].map(({ blockBytes }) => blockBytes.length);
  }

  /** A head for the digest, with or without its body. */
  head(hash: Hash): BlockHead | undefined {
    const heads = [
      this.body(hash)?.block,
      this.prepared?.head,
      this.sealed?.head,
      ...[...this.rounds.values()].map(({ proposal }) => proposal?.head),
    ];
    return heads.find((head) => head !== undefined && equalBytes(head.hash, hash));
  }

  /** Forgets the views below, and the bodies proposed in them that were neither voted for nor certified. */
  pruneViews(below: bigint, isPromised: IsPromised): void {
    for (const [view, { proposal }] of this.rounds) {
      if (view >= below) continue;
      this.rounds.delete(view);
      if (proposal === undefined || proposal.carried) continue;
      const { hash } = proposal.head;
      if (!this.#refersTo(hash) && !isPromised(this.height, hash)) this.#bodies.delete(hex(hash));
    }
  }

  get isEmpty(): boolean {
    if (this.rounds.size > 0 || this.#bodies.size > 0) return false;
    const held = [this.committed, this.sealed, this.certificate, this.prepared];
    return held.every((each) => each === undefined);
  }

  #refersTo(hash: Hash): boolean {
    const proposed = [...this.rounds.values()].map(({ proposal }) => proposal?.head.hash);
    const held = [this.certificate?.hash, this.prepared?.head.hash, this.committed, ...proposed];
    return held.some((each) => each !== undefined && equalBytes(each, hash));
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

  delete(height: bigint): void {
    this.#slots.delete(height);
  }

  /** Forgets heights up to and including `height`. */
  prune(height: bigint): void {
    for (const held of this.#slots.keys()) if (held <= height) this.#slots.delete(held);
  }

  /** Goes over a slot that held nothing else too: the window of the view left may have begun above the next one's. */
  pruneViews(below: bigint, isPromised: IsPromised): void {
    for (const [height, slot] of this.#slots) {
      slot.pruneViews(below, isPromised);
      if (slot.isEmpty) this.#slots.delete(height);
    }
  }

  holdings(): EngineHoldings {
    const slots = [...this.#slots.values()];
    const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
    const rounds = slots.map((slot) => slot.rounds.size);
    const bodies = slots.map((slot) => slot.bodySizes().length);
    return {
      slots: slots.length,
      rounds: sum(rounds),
      bodies: sum(bodies),
      bodyBytes: sum(slots.flatMap((slot) => slot.bodySizes())),
      roundsMax: Math.max(0, ...rounds),
      bodiesMax: Math.max(0, ...bodies),
    };
  }

  /** All slots, ascending by height. */
  all(): Slot[] {
    return [...this.#slots.values()].sort((a, b) => (a.height < b.height ? -1 : 1));
  }
}
