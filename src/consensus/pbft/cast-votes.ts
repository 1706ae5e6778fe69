/**
 * The record of cast votes: every vote this replica has signed above its stable checkpoint. It is asked before each signature
 * and refuses a second, different one for the same (view, height, phase); what it holds is in the journal before it
 * is sent. Source: pbft.md 1.4, 1.12.
 */
import { assert, must } from "../../base/assert.ts";
import { equalBytes, type Hash } from "../../base/bytes.ts";
import type { PreparedCertificate } from "./certificate.ts";
import type { Commit, PrePrepare, Prepare, ProposalVote } from "./message-verifier.ts";
import { Repeats } from "./repeats.ts";
import type { WithBlock } from "./signed-messages.ts";

/** A PRE-PREPARE is the primary's vote of the first phase, a PREPARE a backup's. */
export type Phase = "prepare" | "commit";

/** An own vote with what must be durable beside it (pbft.md 1.12, table). */
export type VoteRecord =
  | { readonly type: "pre-prepare"; readonly vote: PrePrepare }
  | {
      readonly type: "prepare";
      readonly vote: Prepare;
      readonly proposal: ProposalVote;
      /** Undefined when the body is durable already: in an earlier record, or in the chain. */
      readonly body: WithBlock | undefined;
    }
  | { readonly type: "commit"; readonly vote: Commit; readonly certificate: PreparedCertificate };

export interface OwnVote {
  readonly record: VoteRecord;
  /** Number of the status interval in which it was sent first. */
  readonly tick: number;
  /** When a proposal may be sent to a peer again. */
  readonly repeats: Repeats;
}

export class CastVotes {
  readonly #votes = new Map<bigint, OwnVote[]>();
  #highestCommit = 0n;

  /** The highest height at which COMMIT was signed, 0: none. */
  get highestCommit(): bigint {
    return this.#highestCommit;
  }

  /** Whether signing this digest contradicts nothing. It is true for the identical vote too. */
  permits(view: bigint, height: bigint, phase: Phase, hash: Hash): boolean {
    const held = this.find(view, height, phase);
    return held === undefined || equalBytes(held.record.vote.hash, hash);
  }

  find(view: bigint, height: bigint, phase: Phase): OwnVote | undefined {
    return this.#votes
      .get(height)
      ?.find(({ record }) => record.vote.view === view && phaseOf(record) === phase);
  }

  /** Whether the record of a vote at the height, in whatever view, keeps the body of this digest. */
  holdsBody(height: bigint, hash: Hash): boolean {
    const votes = this.#votes.get(height) ?? [];
    return votes.some(({ record }) => {
      if (record.type === "commit" || !equalBytes(record.vote.hash, hash)) return false;
      return record.type === "pre-prepare" || record.body !== undefined;
    });
  }

  enter(record: VoteRecord, tick: number): void {
    const { view, height, hash } = record.vote;
    assert(this.find(view, height, phaseOf(record)) === undefined, `a vote twice: ${describe(record)}`);
    assert(this.permits(view, height, phaseOf(record), hash), `a second vote: ${describe(record)}`);
    if (record.type === "commit") {
      const { certificate } = record;
      assert(
        certificate.view === view,
        `${describe(record)}, with a certificate of view ${certificate.view}`,
      );
      assert(
        equalBytes(certificate.head.hash, hash),
        `${describe(record)}, with a certificate of another block`,
      );
      if (height > this.#highestCommit) this.#highestCommit = height;
    }
    const votes = this.#votes.get(height);
    const vote = { record, tick, repeats: new Repeats() };
    if (votes === undefined) this.#votes.set(height, [vote]);
    else votes.push(vote);
  }

  /** Ascending by height, per height in the order of signing. */
  all(): OwnVote[] {
    const heights = [...this.#votes.keys()].sort((a, b) => (a < b ? -1 : 1));
    return heights.flatMap((height) => must(this.#votes.get(height), "it is one of the keys"));
  }

  /** Forgets heights up to and including `height`. */
  prune(height: bigint): void {
    for (const held of this.#votes.keys()) if (held <= height) this.#votes.delete(held);
  }
}

/** The phase that a record is a vote of. */
export function phaseOf(record: VoteRecord): Phase {
  return record.type === "commit" ? "commit" : "prepare";
}

function describe({ vote }: VoteRecord): string {
  return `${vote.type} at view ${vote.view}, height ${vote.height}`;
}
