/**
 * What the Byzantine validators of one run know together: every message that anybody has sent (they are omniscient,
 * as in the reference model), the blocks in them, and the certificates that can be made of the signatures, with
 * those of their own keys added wherever one is missing. Who takes part, and how each is reached.
 *
 * This folder: the ways in which a validator or peer can be Byzantine; tools/sim/adversary.ts makes them by name. Not
 * here: which of them a run has (tools/sim/generate.ts).
 */
import { must } from "../../../base/assert.ts";
import { byteText, EMPTY, type Hash } from "../../../base/bytes.ts";
import { dropOldest } from "../../../base/drop-oldest.ts";
import type { Block, BlockHead } from "../../../chain/types/block.ts";
import type { ValidatorId } from "../../../consensus/engine.ts";
import {
  type CheckpointCertificate,
  decodeCommitCertificate,
  encodeCheckpointCertificate,
  type SignerSignature,
} from "../../../consensus/pbft/certificate.ts";
import { committedHead, preparedHead } from "../../../consensus/pbft/certified-head.ts";
import type { ParsedMessage } from "../../../consensus/pbft/message-bytes.ts";
import type { CheckpointBody, ViewChangeBody } from "../../../consensus/pbft/messages.ts";
import type { Signer } from "../../../crypto/keys.ts";
import { MAIL_COMPACT_PROPOSAL } from "../../../node/ingress/packet.ts";
import type { MisbehaviourContext } from "../misbehaviour.ts";
import type { Observer } from "../observer.ts";
import type { Forger } from "./forger.ts";

/** Messages remembered of each kind. Beyond it the oldest is forgotten, and lies get poorer. */
const REMEMBERED_MAX = 4_096;

/** What was voted for at one height in one view. */
export interface Sighting {
  readonly view: bigint;
  readonly height: bigint;
  readonly hash: Hash;
  proposal: Uint8Array | undefined;
  readonly prepares: Map<ValidatorId, Uint8Array>;
  readonly commits: Map<ValidatorId, Uint8Array>;
}

/** An entry that a VIEW-CHANGE may show. */
export interface KnownEntry {
  readonly view: bigint;
  readonly head: BlockHead;
  readonly bytes: Uint8Array;
}

export class AdversaryKnowledge implements Observer {
  readonly forger: Forger;
  readonly members = new Map<ValidatorId, MisbehaviourContext>();
  readonly sightings = new Map<string, Sighting>();
  readonly blocks = new Map<string, Block>();
  /** View -> sender -> the VIEW-CHANGE as on the wire. */
  readonly viewChanges = new Map<bigint, Map<ValidatorId, Uint8Array>>();
  /** The NEW-VIEWs that were seen, as packets. */
  readonly newViews: Uint8Array[] = [];
  /** Height -> a checkpoint certificate. */
  readonly checkpoints = new Map<bigint, CheckpointCertificate>();
  /** The newest view, and the newest committed height, of each validator. */
  readonly views = new Map<ValidatorId, bigint>();
  readonly heights = new Map<ValidatorId, bigint>();
  /** The newest compact proposal that was seen, as a packet. */
  compact: Uint8Array | undefined;
  readonly #ballots = new Map<string, Map<ValidatorId, Uint8Array>>();
  readonly #seen = new Set<string>();
  /** The last packet: it goes to one validator after the other. */
  #last: Uint8Array | undefined;

  constructor(forger: Forger) {
    this.forger = forger;
  }

  signerOf(validator: ValidatorId): Signer | undefined {
    return this.members.get(validator)?.signer;
  }

  /** A member signs and mails a message, if its node is up. */
  mail(from: ValidatorId, to: ValidatorId, packet: Uint8Array): void {
    if (from !== to) this.members.get(from)?.mail(to, packet);
  }

  sent(_node: number, _to: ValidatorId, packet: Uint8Array): void {
    if (this.members.size === 0 || packet === this.#last) return;
    this.#last = packet;
    const id = byteText(packet.subarray(0, 61)) + byteText(packet.subarray(-64));
    if (this.#seen.has(id)) return;
    remember(this.#seen, id);
    if (packet[0] === MAIL_COMPACT_PROPOSAL) this.compact = packet;
    const message = this.forger.open(packet);
    if (message !== undefined) this.#note(message, packet);
  }

  #note(message: ParsedMessage, packet: Uint8Array): void {
    const { from } = message;
    switch (message.type) {
      case "pre-prepare":
      case "prepare":
      case "commit":
        this.#noteVote(message);
        this.views.set(from, message.view);
        return;
      case "checkpoint":
        return this.#noteCheckpoint(message);
      case "view-change":
        this.views.set(from, message.view);
        return this.#noteViewChange(message, packet.subarray(1));
      case "new-view":
        this.views.set(from, message.view);
        if (this.newViews.length < REMEMBERED_MAX) this.newViews.push(packet);
        return;
      case "status":
        this.views.set(from, message.view);
        this.heights.set(from, message.lastCommitted);
        return;
      default:
        return;
    }
  }

  #noteVote(vote: Extract<ParsedMessage, { type: "pre-prepare" | "prepare" | "commit" }>): void {
    const { view, height, hash, from, signature } = vote;
    const sighting = this.sighting(view, height, hash);
    if (vote.type === "prepare") sighting.prepares.set(from, signature);
    else if (vote.type === "commit") sighting.commits.set(from, signature);
    else {
      sighting.proposal = signature;
      const block = this.forger.blockOf(vote.attachment);
      if (block !== undefined) rememberAt(this.blocks, byteText(block.hash), block);
    }
  }

  sighting(view: bigint, height: bigint, hash: Hash): Sighting {
    const key = `${view} ${height} ${byteText(hash)}`;
    let sighting = this.sightings.get(key);
    if (sighting === undefined) {
      sighting = { view, height, hash, proposal: undefined, prepares: new Map(), commits: new Map() };
      rememberAt(this.sightings, key, sighting);
    }
    return sighting;
  }

  #noteCheckpoint(body: CheckpointBody & { readonly signature: Uint8Array }): void {
    const { height, hash, stateRoot, nextValidatorsHash, from, signature } = body;
    const key = `${height} ${byteText(hash)}${byteText(stateRoot)}${byteText(nextValidatorsHash)}`;
    const ballots = this.#ballots.get(key) ?? new Map<ValidatorId, Uint8Array>();
    ballots.set(from, signature);
    rememberAt(this.#ballots, key, ballots);
    for (const [validator, { signer }] of this.members) {
      if (!ballots.has(validator))
        ballots.set(validator, this.forger.sign({ ...plain(body), from: validator }, signer));
    }
    if (ballots.size < this.forger.quorum || this.checkpoints.has(height)) return;
    const signatures = ascending(ballots).slice(0, this.forger.quorum);
    rememberAt(this.checkpoints, height, { height, hash, stateRoot, nextValidatorsHash, signatures });
  }

  #noteViewChange({ view, from }: ViewChangeBody, bytes: Uint8Array): void {
    const asked = this.viewChanges.get(view) ?? new Map<ValidatorId, Uint8Array>();
    asked.set(from, bytes);
    rememberAt(this.viewChanges, view, asked);
  }

  /** Views that somebody works in or asks for, ascending. */
  viewsInUse(): bigint[] {
    const known = [...this.views].filter(([validator]) => !this.members.has(validator));
    const views = [...new Set(known.map(([, view]) => view))].sort((a, b) => (a < b ? -1 : 1));
    return views.length === 0 ? [0n] : views;
  }

  /** Every certificate that can be shown for a height in a VIEW-CHANGE to `below`. */
  entriesAt(height: bigint, below: bigint): KnownEntry[] {
    const entries: KnownEntry[] = [];
    for (const sighting of this.sightings.values()) {
      if (sighting.height !== height || sighting.view >= below) continue;
      const head = this.blocks.get(byteText(sighting.hash));
      if (head === undefined) continue;
      const prepared = this.#prepared(sighting, head);
      const committed = this.#committed(sighting, head);
      if (prepared !== undefined) entries.push(prepared);
      if (committed !== undefined) entries.push(committed);
    }
    return [...entries, ...this.#stored(height, below)];
  }

  #prepared(sighting: Sighting, block: Block): KnownEntry | undefined {
    const { view } = sighting;
    const primary = this.forger.primaryOf(view);
    const leader = this.signerOf(primary);
    const opening = this.forger.vote("pre-prepare", sighting, primary);
    const prePrepare = sighting.proposal ?? (leader && this.forger.sign(opening, leader));
    const prepares = this.#completed(sighting.prepares, "prepare", sighting, primary);
    if (prePrepare === undefined || prepares.length < this.forger.quorum - 1) return undefined;
    const head = headOf(block);
    const signatures = prepares.slice(0, this.forger.quorum - 1);
    return { view, head, bytes: preparedHead({ view, head, prePrepare, prepares: signatures }).bytes };
  }

  #committed(sighting: Sighting, block: Block): KnownEntry | undefined {
    const { view } = sighting;
    const commits = this.#completed(sighting.commits, "commit", sighting, undefined);
    if (commits.length < this.forger.quorum) return undefined;
    const head = headOf(block);
    const signatures = commits.slice(0, this.forger.quorum);
    return { view, head, bytes: committedHead(head, { view, signatures }).bytes };
  }

  /** Signatures seen, and those that the members can add. */
  #completed(
    seen: ReadonlyMap<ValidatorId, Uint8Array>,
    type: "prepare" | "commit",
    place: Sighting,
    without: ValidatorId | undefined,
  ): SignerSignature[] {
    const needed = type === "prepare" ? this.forger.quorum - 1 : this.forger.quorum;
    const all = new Map(seen);
    if (without !== undefined) all.delete(without);
    if (all.size + this.members.size < needed) return [];
    for (const [validator, { signer }] of this.members) {
      if (validator === without || all.has(validator)) continue;
      all.set(validator, this.forger.sign(this.forger.vote(type, place, validator), signer));
    }
    return ascending(all);
  }

  /** What a member's own chain has sealed. */
  #stored(height: bigint, below: bigint): KnownEntry[] {
    for (const member of this.members.values()) {
      const sealed = member.replica()?.chain.sealedBlockAt(height);
      if (sealed === undefined) continue;
      const certificate = decodeCommitCertificate(sealed.seal);
      if (!certificate.ok || certificate.value.view >= below) continue;
      const head = headOf(sealed.block);
      return [{ view: certificate.value.view, head, bytes: committedHead(head, certificate.value).bytes }];
    }
    return [];
  }

  /**
   * A valid VIEW-CHANGE of a member, with any of the checkpoints and certificates that there are.
   * @param lies which parts need not be the best ones: `h` the checkpoint, `p` the certificates and their number
   */
  forgeViewChange(
    validator: ValidatorId,
    view: bigint,
    lies: { readonly h: boolean; readonly p: boolean },
  ): ViewChangeBody | undefined {
    const member = this.members.get(validator);
    if (member === undefined) return undefined;
    const { random } = member;
    const heights = [0n, ...this.checkpoints.keys()].sort((a, b) => (a < b ? -1 : 1));
    const stableCheckpoint = lies.h ? random.pick(heights) : must(heights.at(-1), "0 is among the heights");
    const certificate = this.checkpoints.get(stableCheckpoint);
    const { logWindow } = this.forger.genesis.consensus;
    const countMax = lies.p ? random.integer(0, logWindow) : logWindow;
    const certified: Uint8Array[] = [];
    let parent = byteText(certificate?.hash ?? this.forger.genesisHash);
    while (certified.length < countMax) {
      const height = stableCheckpoint + BigInt(certified.length) + 1n;
      const fitting = this.entriesAt(height, view).filter(
        ({ head }) => byteText(head.header.previousHash) === parent,
      );
      if (fitting.length === 0) break;
      fitting.sort(byView);
      const newest = must(fitting.at(-1), "one fits");
      const entry = lies.p && random.chance(0.5) ? random.pick(fitting) : newest;
      certified.push(entry.bytes);
      parent = byteText(entry.head.hash);
    }
    const checkpoint = certificate === undefined ? EMPTY : encodeCheckpointCertificate(certificate);
    return { type: "view-change", from: validator, epoch: 0n, view, stableCheckpoint, checkpoint, certified };
  }

  /** A VIEW-CHANGE from block 0 with the oldest certificate of each height that does not extend the one before. */
  breakLinks(validator: ValidatorId, view: bigint): ViewChangeBody {
    const certified: Uint8Array[] = [];
    let parent = byteText(this.forger.genesisHash);
    for (let height = 1n; height <= BigInt(this.forger.genesis.consensus.logWindow); height++) {
      const entries = this.entriesAt(height, view).sort(byView);
      const entry = entries.find(({ head }) => byteText(head.header.previousHash) !== parent) ?? entries[0];
      if (entry === undefined) break;
      certified.push(entry.bytes);
      parent = byteText(entry.head.hash);
    }
    const from = { type: "view-change", from: validator, epoch: 0n } as const;
    return { ...from, view, stableCheckpoint: 0n, checkpoint: EMPTY, certified };
  }
}

function byView(a: KnownEntry, b: KnownEntry): number {
  return a.view < b.view ? -1 : a.view > b.view ? 1 : 0;
}

export function headOf({ hash, header, summary }: Block): BlockHead {
  return { hash, header, summary };
}

function plain({
  type,
  epoch,
  from,
  height,
  hash,
  stateRoot,
  nextValidatorsHash,
}: CheckpointBody): CheckpointBody {
  return { type, epoch, from, height, hash, stateRoot, nextValidatorsHash };
}

function ascending(signatures: ReadonlyMap<ValidatorId, Uint8Array>): SignerSignature[] {
  return [...signatures]
    .map(([signer, signature]) => ({ signer, signature }))
    .sort((a, b) => a.signer - b.signer);
}

function remember<T>(set: Set<T>, item: T): void {
  set.add(item);
  if (set.size > 4 * REMEMBERED_MAX) dropOldest(set);
}

function rememberAt<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.set(key, value);
  if (map.size > REMEMBERED_MAX) dropOldest(map);
}
