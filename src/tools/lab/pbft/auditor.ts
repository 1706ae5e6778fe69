/**
 * Whoever compares the mail of several correct validators: an equivocator who tells each side one story is not seen by
 * any of them alone, but its two signatures convict it as soon as their mail is laid side by side. The auditor makes
 * the evidence; whether it holds is judged by the node's own rules.
 * Source: pbft.md 1.5 (A4); docs/protocol.md, "Evidence".
 */
import { byteText } from "../../../base/bytes.ts";
import { dropOldest } from "../../../base/drop-oldest.ts";
import { encodeEvidence } from "../../../consensus/pbft/evidence.ts";
import type { ParsedMessage } from "../../../consensus/pbft/message-bytes.ts";
import { Forger } from "../../sim/adversaries/forger.ts";
import type { NodeId } from "../../sim/schedule.ts";
import type { World } from "../../sim/world.ts";

type Vote = Extract<ParsedMessage, { type: "pre-prepare" | "prepare" | "commit" }>;

interface ReceivedVote {
  readonly by: NodeId;
  readonly vote: Vote;
}

export interface Comparison {
  /** The nodes whose mail was laid side by side. */
  readonly readers: readonly [NodeId, NodeId];
  readonly bytes: Uint8Array;
}

/** Votes remembered; beyond it the oldest are forgotten. */
const VOTES_MAX = 20_000;

export class Auditor {
  readonly #reader: Forger;
  /** What each author was heard to vote for first, by author, phase, view and height. */
  readonly #first = new Map<string, ReceivedVote>();
  /** Authors and phases: one conviction of each is enough. */
  readonly #convicted = new Set<string>();

  constructor({ genesis, genesisHash }: World) {
    // Of a forger's tools only the one that reads packets.
    this.#reader = new Forger(genesis, genesisHash);
  }

  /** @returns evidence, the first time that an author contradicts itself in a phase */
  read(by: NodeId, packet: Uint8Array): Comparison | undefined {
    const vote = this.#reader.open(packet);
    if (vote === undefined || !isVote(vote)) return undefined;
    const place = `${vote.from} ${vote.type} ${vote.view} ${vote.height}`;
    const offence = `${vote.from} ${vote.type}`;
    const before = this.#first.get(place);
    if (before === undefined) {
      this.#first.set(place, { by, vote });
      if (this.#first.size > VOTES_MAX) dropOldest(this.#first);
      return undefined;
    }
    if (byteText(before.vote.hash) === byteText(vote.hash) || this.#convicted.has(offence)) return undefined;
    this.#convicted.add(offence);
    return { readers: [before.by, by], bytes: encodeEvidence(withoutBody(before.vote), withoutBody(vote)) };
  }
}

function isVote(message: ParsedMessage): message is Vote {
  return message.type === "pre-prepare" || message.type === "prepare" || message.type === "commit";
}

/** What was signed, and the signature: the block beside a proposal is no part of it. */
function withoutBody({ type, from, epoch, view, height, hash, signature }: Vote) {
  return { type, from, epoch, view, height, hash, signature };
}
