/**
 * What a correct validator signs, over all its lives: never two votes of one phase for one (epoch, view, height),
 * never a vote in a view below one that it asked for, one VIEW-CHANGE a view, one NEW-VIEW a view; and whatever
 * leaves was durable before, as the table of pbft.md 1.12 says, compared with what the disk holds at that moment.
 */
import { must } from "../../../base/assert.ts";
import { byteText } from "../../../base/bytes.ts";
import type { SealedBlock } from "../../../chain/types/block.ts";
import type { Effect, Input, Typed } from "../../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import { type Facts, place } from "./facts.ts";
import {
  type ByteText,
  COMMIT,
  NEW_VIEW,
  PRE_PREPARE,
  PREPARE,
  u64Bytes,
  VIEW_CHANGE,
  voteFields,
} from "./raw-bytes.ts";
import {
  lastSignature,
  type RawVote,
  readVote,
  typeOfPacket,
  viewOfPacket,
  voteText,
} from "./raw-messages.ts";
import { type RawPrepared, readCheckpoint } from "./raw-proofs.ts";
import { type RawRecord, readRecord } from "./raw-records.ts";

/** What the disk of one node holds, and what has left it. */
class Ballots {
  /** The digest voted for by view, height and phase, whether it was sent or only written down. */
  readonly choices = new Map<ByteText, ByteText>();
  readonly sent = new Set<ByteText>();
  /** View -> signature of the own VIEW-CHANGE, NEW-VIEW that left. */
  readonly viewChanges = new Map<bigint, ByteText>();
  readonly newViews = new Map<bigint, ByteText>();
  /** The highest view asked for in a VIEW-CHANGE that left. */
  asked = 0n;
  /** The height of the newest stable checkpoint whose certificate was ordered to be stored. */
  ordered = 0n;
  stable = 0n;
  durable: Durable = new Durable();
  /** Blocks that are in the ledger. */
  readonly committed = new Set<ByteText>();
}

class Durable {
  readonly votes = new Set<ByteText>();
  /** The digests of the bodies. */
  readonly bodies = new Set<ByteText>();
  /** Signatures of VIEW-CHANGEs and NEW-VIEWs. */
  readonly messages = new Set<ByteText>();
  readonly views = new Set<bigint>();
  /** The highest view asked for in a VIEW-CHANGE, and the highest asked for or entered. */
  asked = 0n;
  view = 0n;
}

export class VoteChecker implements Observer {
  readonly #facts: Facts;
  readonly #ballots = new Map<NodeId, Ballots>();
  /** The last vote that left, and where: it goes to one validator after the other. */
  #last: { readonly node: NodeId; readonly packet: Uint8Array } | undefined;
  /** Called once for each vote that a correct validator sends. */
  readonly #onVote: (vote: RawVote, node: NodeId) => void;

  constructor(facts: Facts, onVote: (vote: RawVote, node: NodeId) => void) {
    this.#facts = facts;
    this.#onVote = onVote;
  }

  started(node: NodeId, records: readonly Uint8Array[] | undefined): void {
    if (records === undefined || !this.#facts.isCorrect(node)) return;
    const ballots = this.#of(node);
    ballots.durable = new Durable();
    this.#write(node, ballots, records);
    // A vote above the stable checkpoint that has left must be found again.
    for (const text of ballots.sent) {
      if (ballots.durable.votes.has(text) || heightOfText(text) <= ballots.ordered) continue;
      this.#facts.report("durability", node, `starts without a vote that it sent: ${describe(text)}`);
      return;
    }
  }

  journaled(node: NodeId, records: readonly Uint8Array[], rotated: boolean): void {
    if (!this.#facts.isCorrect(node)) return;
    const ballots = this.#of(node);
    if (rotated) {
      ballots.durable = new Durable();
      ballots.stable = ballots.ordered;
    }
    this.#write(node, ballots, records);
  }

  stepped(node: NodeId, input: Input<Typed>, effects: readonly Effect<Typed>[]): void {
    const starts = input.kind === "started" && this.#facts.isCorrect(node);
    if (starts && !this.#facts.isRolledBack(node)) this.#checkCut(node, input);
    for (const effect of effects) {
      if (effect.kind !== "store-checkpoint") continue;
      const ballots = this.#of(node);
      if (effect.height > ballots.ordered) ballots.ordered = effect.height;
    }
  }

  /** The journal is cut at a checkpoint only when its certificate is durable (pbft.md 1.12). */
  #checkCut(node: NodeId, { journal, checkpoint }: Extract<Input<Typed>, { kind: "started" }>): void {
    const stored = checkpoint === undefined ? 0n : readCheckpoint(checkpoint).height;
    for (const bytes of journal) {
      const record = readRecord(
        bytes,
        must(this.#facts.validatorOf(node), "only validators keep a journal"),
        0n,
      );
      if (record.kind !== "mark" || record.cut === undefined || record.cut <= stored) continue;
      const detail = `starts with a journal cut at ${record.cut} and the checkpoint of ${stored}`;
      this.#facts.report("durability", node, detail);
    }
  }

  committed(node: NodeId, { block }: SealedBlock): void {
    this.#of(node).committed.add(byteText(block.hash));
  }

  sent(node: NodeId, _to: number, packet: Uint8Array): void {
    if (!this.#facts.isCorrect(node)) return;
    const type = typeOfPacket(packet);
    if (type === undefined) return;
    if (type <= COMMIT) this.#voteLeft(node, packet);
    else if (type === VIEW_CHANGE) this.#viewChangeLeft(node, packet);
    else if (type === NEW_VIEW) this.#newViewLeft(node, packet);
  }

  #of(node: NodeId): Ballots {
    let ballots = this.#ballots.get(node);
    if (ballots === undefined) {
      ballots = new Ballots();
      this.#ballots.set(node, ballots);
    }
    return ballots;
  }

  #voteLeft(node: NodeId, packet: Uint8Array): void {
    if (this.#last?.packet === packet && this.#last.node === node) return;
    this.#last = { node, packet };
    const ballots = this.#of(node);
    const text = voteText(packet);
    if (ballots.sent.has(text)) return;
    ballots.sent.add(text);
    const vote = readVote(packet);
    this.#checkRole(node, vote);
    this.#choose(node, ballots, vote);
    const { view, height, hash } = vote;
    if (view < ballots.asked) {
      const detail = `${nameOf(vote)} at ${place(view, height, hash)} after asking for view ${ballots.asked}`;
      this.#facts.report("no-way-back", node, detail);
    }
    const missing = missingFor(ballots, vote, text);
    if (missing !== undefined) {
      this.#facts.report("durability", node, `${nameOf(vote)} at ${place(view, height, hash)}: ${missing}`);
    }
    this.#onVote(vote, node);
  }

  #checkRole(node: NodeId, vote: RawVote): void {
    const self = this.#facts.validatorOf(node);
    if (vote.from !== self) this.#facts.report("votes", node, `${nameOf(vote)} in the name of ${vote.from}`);
    const leads = this.#facts.primaryOf(vote.view) === self;
    if (vote.type !== COMMIT && leads !== (vote.type === PRE_PREPARE)) {
      this.#facts.report("votes", node, `${nameOf(vote)} in view ${vote.view}, out of its role`);
    }
  }

  /** Allows one digest for each view, height and phase. A PRE-PREPARE is the primary's PREPARE. */
  #choose(node: NodeId, ballots: Ballots, vote: RawVote): void {
    const phase = vote.type === COMMIT ? "commit" : "prepare";
    const key = `${vote.epoch} ${vote.view} ${vote.height} ${phase}`;
    const before = ballots.choices.get(key);
    if (before === undefined) ballots.choices.set(key, vote.hash);
    else if (before !== vote.hash) {
      const detail = `two ${phase} votes at ${place(vote.view, vote.height, before)}, then ${place(vote.view, vote.height, vote.hash)}`;
      this.#facts.report("votes", node, detail);
    }
  }

  #viewChangeLeft(node: NodeId, packet: Uint8Array): void {
    const ballots = this.#of(node);
    const view = viewOfPacket(packet);
    const signature = lastSignature(packet);
    this.#onlyOne(node, ballots.viewChanges, view, signature, "VIEW-CHANGE");
    // A request for more, made in the same turn, may be all that a cut of the journal has left: none lower follows it.
    if (!ballots.durable.messages.has(signature) && ballots.durable.asked <= view) {
      this.#facts.report("durability", node, `VIEW-CHANGE to ${view} is not written down`);
    }
    if (view > ballots.asked) ballots.asked = view;
  }

  /**
   * A NEW-VIEW left a node, be it of another primary and brought to a replica that lacks it: whoever works in
   * a view holds its NEW-VIEW.
   */
  #newViewLeft(node: NodeId, packet: Uint8Array): void {
    const ballots = this.#of(node);
    const view = viewOfPacket(packet);
    const signature = lastSignature(packet);
    if (this.#facts.primaryOf(view) === this.#facts.validatorOf(node)) {
      this.#onlyOne(node, ballots.newViews, view, signature, "NEW-VIEW");
    }
    if (!ballots.durable.messages.has(signature) && ballots.durable.view <= view) {
      this.#facts.report("durability", node, `NEW-VIEW of ${view} is not written down`);
    }
  }

  #onlyOne(node: NodeId, sent: Map<bigint, ByteText>, view: bigint, signature: ByteText, what: string): void {
    const before = sent.get(view);
    if (before === undefined) sent.set(view, signature);
    else if (before !== signature) this.#facts.report("votes", node, `two ${what}s for view ${view}`);
  }

  #write(node: NodeId, ballots: Ballots, records: readonly Uint8Array[]): void {
    for (const bytes of records) {
      try {
        this.#note(
          node,
          ballots,
          readRecord(bytes, must(this.#facts.validatorOf(node), "only validators keep a journal"), 0n),
        );
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        this.#facts.report("durability", node, `a journal record does not decode: ${error.message}`);
      }
    }
  }

  #note(node: NodeId, ballots: Ballots, record: RawRecord): void {
    const { durable } = ballots;
    if (record.kind === "mark") return;
    if (record.kind === "view-change" || record.kind === "new-view") {
      durable.messages.add(record.signature);
      if (record.view > durable.view) durable.view = record.view;
      if (record.kind === "view-change") {
        if (record.view > durable.asked) durable.asked = record.view;
        return;
      }
      durable.views.add(record.view);
      for (const { height, hash } of record.carried) {
        const from = this.#facts.primaryOf(record.view);
        durable.votes.add(
          textOfVote({ type: PRE_PREPARE, epoch: 0n, view: record.view, height, hash, from }),
        );
      }
      return;
    }
    this.#choose(node, ballots, record.vote);
    durable.votes.add(textOfVote(record.vote));
    if (record.kind === "commit") this.#checkPrepared(node, record.prepared);
    else if (record.body) durable.bodies.add(record.vote.hash);
    else if (!durable.bodies.has(record.vote.hash) && !ballots.committed.has(record.vote.hash)) {
      const { view, height, hash } = record.vote;
      this.#facts.report("durability", node, `PREPARE at ${place(view, height, hash)} without its body`);
    }
  }

  /** What a COMMIT rests on: the primary's PRE-PREPARE and Q-1 PREPAREs of others. */
  #checkPrepared(node: NodeId, { view, height, hash, prePrepare, prepares }: RawPrepared): void {
    const primary = this.#facts.primaryOf(view);
    const vote = { epoch: 0n, fields: voteFields(view, height, hash) };
    const opened = [{ signer: primary, signature: prePrepare }];
    const wrong =
      this.#facts.checkSigners(opened, 1, { type: PRE_PREPARE, ...vote }) ??
      this.#facts.checkSigners(prepares, this.#facts.quorum - 1, { type: PREPARE, ...vote }, primary);
    if (wrong === undefined) return;
    this.#facts.report("certificate", node, `prepared at ${place(view, height, hash)}: ${wrong}`);
  }
}

/**
 * pbft.md 1.12: what must be on disk before a vote leaves; what a stable checkpoint covers needs nothing. A NEW-VIEW
 * binds in its own view: where a higher one is on disk, a start does not come back to it. So when one turn votes,
 * goes on to the next view and cuts the journal, the vote leaves rightly though the cut has dropped its NEW-VIEW.
 */
function missingFor(
  { durable, stable }: Ballots,
  { height, view }: RawVote,
  text: ByteText,
): string | undefined {
  if (height <= stable) return undefined;
  if (!durable.votes.has(text)) return "the vote is not written down";
  if (view > 0n && view >= durable.view && !durable.views.has(view))
    return `the NEW-VIEW of ${view} is not written down`;
  return undefined;
}

/** The same text as a packet's {@link voteText}. */
function textOfVote({ type, epoch, view, height, hash, from }: RawVote): ByteText {
  return (
    String.fromCharCode(type) +
    numberText(epoch) +
    numberText(view) +
    numberText(height) +
    hash +
    String.fromCharCode(from >> 8, from & 0xff)
  );
}

function numberText(value: bigint): ByteText {
  return byteText(u64Bytes(value));
}

function heightOfText(text: ByteText): bigint {
  let height = 0n;
  for (let i = 17; i < 25; i++) height = (height << 8n) | BigInt(text.charCodeAt(i));
  return height;
}

function describe(text: ByteText): string {
  return `type ${text.charCodeAt(0)}, height ${heightOfText(text)}`;
}

function nameOf({ type }: RawVote): string {
  return type === COMMIT ? "COMMIT" : type === PREPARE ? "PREPARE" : "PRE-PREPARE";
}
