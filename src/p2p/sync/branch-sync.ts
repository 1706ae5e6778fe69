/**
 * Catches up where blocks can be abandoned: heads first, then bodies from several peers at once, along each peer's
 * own chain wherever its work exceeds the executed head's. Work is what this node computed from headers it checked;
 * what a peer says of its head only says whom to ask. A wrong or missing body is its sender's matter and never the
 * block's: who claims a chain and lacks its bodies rests, and the claim is forgotten. Peers that this node chose come
 * first and wait for no stranger. All that was fetched is stored, so after a restart only what is missing is asked for.
 * Time and transport are handed in. Sources: pow.md 2.8, 1, 6 and 8; docs/protocol.md, "Branches"; docs/adr/0011.
 */
import { must } from "../../base/assert.ts";
import { byteText, equalBytes, type Hash } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import {
  BODIES_LISTED_MAX,
  HEADERS_AHEAD_MAX,
  HEADS_CHOSEN_PEERS_MAX,
  HEADS_PEERS_MAX,
  SYNC_BATCH_BYTES,
} from "../../base/limits.ts";
import type { BlockSync } from "./block-sync.ts";
import { BodyPlan } from "./body-plan.ts";
import type { BranchLedger, KnownBlock } from "./branch-ledger.ts";
import { BranchPeer, type BranchPeerPorts, type BranchPeerSettings } from "./branch-peer.ts";
import { answerBranchQuestion } from "./branch-serve.ts";
import { isBranchQuestion } from "./branch-wire.ts";
import type { SyncProgress } from "./catch-up.ts";
import { EncodedHeads } from "./encoded-heads.ts";
import { fetchHeads } from "./header-fetch.ts";
import type { KeptBlocks } from "./kept-blocks.ts";

/** How long what rests or is missed is left alone before it is looked at again. */
const LOOK_AGAIN_MS = 1_000;

export interface BranchSyncSettings extends BranchPeerSettings {
  /** A peer that answers slower than this is not waited for when another could be asked. */
  readonly slowMs: number;
}

export interface BranchSyncPorts extends BranchPeerPorts {
  readonly ledger: BranchLedger;
  /** The peers that are present in ring order: the next one after this node comes first. */
  ring(): readonly string[];
  /** Peers that this node chose to connect to; none if left out. */
  chosen?(): ReadonlySet<string>;
  /** What peers said of the bodies that they have. */
  readonly kept: Pick<KeptBlocks, "from" | "missed">;
  /** A peer brought heads or bodies that were not here. */
  broughtBlocks?(peerId: string): void;
}

/** Heads that are being fetched from a peer. */
interface HeadFetch {
  /** The head that it told. */
  readonly advertised: Hash;
  readonly isChosen: boolean;
  /** When the fetch began, moved on, up to now, by what its new heads are worth: one at a time they are worth little. */
  aliveAtMs: number;
}

/** The bodies that a branch lacks, ascending: walked once for a tip, then worked off. */
interface MissingList {
  readonly tip: Hash;
  hashes: readonly Hash[];
}

export class BranchSync implements BlockSync {
  readonly #settings: BranchSyncSettings;
  readonly #ports: BranchSyncPorts;
  readonly #peers = new Map<string, BranchPeer>();
  readonly #plan: BodyPlan;
  readonly #encodedHeads: EncodedHeads;
  readonly #missing = new Map<string, MissingList>();
  /** What is being fetched now, by peer. */
  readonly #headFetches = new Map<string, HeadFetch>();
  /** Whose turn it was to tell heads, the latest last: the next turn is another's. */
  readonly #turns = new Set<string>();
  #startedAtMs: number | undefined;
  /** The first fetch of heads after the start is over. */
  #hasFetchedHeads = false;
  #cancelLook: (() => void) | undefined;
  #isStopped = false;

  constructor(settings: BranchSyncSettings, ports: BranchSyncPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#plan = new BodyPlan(settings.slowMs);
    this.#encodedHeads = new EncodedHeads(ports.ledger);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelLook?.();
  }

  advertised(peerId: string, _height: bigint, headHash: Hash): void {
    if (!this.#ports.ring().includes(peerId)) return; // it has left meanwhile
    this.#peerOf(peerId).advertised = headHash;
    this.#work();
  }

  /** The first body that the heaviest branch lacks, if every peer has pruned it. */
  lowestOffered(): bigint | undefined {
    const { ledger, ring, kept } = this.#ports;
    const [head, best] = [ledger.head(), ledger.bestHeader()];
    const offers = ring().map((peer) => kept.from(peer));
    const isBehind = best.work > head.work && best.height > head.height;
    if (!isBehind || offers.length === 0 || offers.some((lowest) => lowest <= head.height + 1n))
      return undefined;
    return offers.reduce((least, lowest) => (lowest < least ? lowest : least));
  }

  /** Nobody asks for heights here: heads are compared. */
  hinted(): void {}

  forget(peerId: string): void {
    this.#peers.delete(peerId);
    this.#turns.delete(peerId);
    this.#plan.forget(peerId);
  }

  /**
   * `target` is the height of the heaviest header known so far, which rises while headers come: no claim. Before the
   * first fetch of headers is over nothing is known of how far this node is behind.
   */
  progress(): SyncProgress | undefined {
    if (this.#startedAtMs === undefined) return undefined;
    const { ledger } = this.#ports;
    const [head, best] = [ledger.head(), ledger.bestHeader()];
    const isBehind = best.work > head.work && best.height > head.height;
    const isFirst = !this.#hasFetchedHeads && this.#headFetches.size > 0;
    if (!isBehind && !isFirst) return undefined;
    const phase = this.#headFetches.size > 0 ? "heads" : "bodies";
    const target = isBehind ? best.height : head.height;
    return { current: head.height, target, targetVerified: true, startedAtMs: this.#startedAtMs, phase };
  }

  answer(bytes: Uint8Array): Promise<Uint8Array> | undefined {
    return isBranchQuestion(bytes)
      ? answerBranchQuestion(this.#ports.ledger, this.#encodedHeads, bytes)
      : undefined;
  }

  /** Gives every free peer something to do. */
  #work(): void {
    if (this.#isStopped) return;
    const head = this.#ports.ledger.head();
    const peers = this.#inOrder();
    for (const peer of peers) this.#noteAdvertised(peer);
    const wanting = peers.filter((peer) => this.#wantsHeads(peer, head));
    for (const peer of this.#byTurn(wanting)) {
      if (peer.isFree && this.#mayFetchHeads(peer)) void this.#run(peer, () => this.#fetchHeads(peer));
    }
    const lacking = this.#giveBodies(peers, head);
    this.#noteRun();
    if (wanting.length > 0 || lacking) this.#lookAgain();
  }

  /** @returns whether any body is missing */
  #giveBodies(peers: readonly BranchPeer[], head: KnownBlock): boolean {
    const able = peers.filter((peer) => !peer.isResting).length;
    let lacking = false;
    for (const peer of peers) {
      const sizeOf = (hash: Hash) => this.#lackingBytes(hash, peer.id);
      const missing = this.#missingOf(peer, head);
      lacking ||= missing.length > 0;
      if (!peer.isFree) continue;
      const share = Math.ceil(missing.length / able);
      const hashes = this.#plan.choose(peer.id, missing, this.#ports.scheduler.now(), share, sizeOf);
      if (hashes.length > 0) void this.#run(peer, () => this.#fetchBodies(peer, hashes));
    }
    return lacking;
  }

  #noteRun(): void {
    const isBusy = [...this.#peers.values()].some((peer) => peer.isBusy);
    if (!isBusy) this.#startedAtMs = undefined;
    else this.#startedAtMs ??= this.#ports.scheduler.now();
  }

  /** Runs a task for a peer. The promise never rejects. */
  async #run(peer: BranchPeer, task: () => Promise<void>): Promise<void> {
    peer.isBusy = true;
    this.#startedAtMs ??= this.#ports.scheduler.now();
    try {
      await task();
    } catch (error) {
      // The disk: whoever owns it has been told.
      this.#isStopped = true;
      this.#ports.logger.log("error", "p2p", "fetching branches stopped", {
        error: (error as Error).message,
      });
    }
    peer.isBusy = false;
    this.#work();
  }

  async #fetchHeads(peer: BranchPeer): Promise<void> {
    const { ledger, scheduler } = this.#ports;
    const advertised = must(peer.advertised, "only what a peer has told of is fetched");
    const { isChosen } = peer;
    const fetch: HeadFetch = { advertised, isChosen, aliveAtMs: scheduler.now() };
    this.#headFetches.set(peer.id, fetch);
    this.#turns.delete(peer.id);
    this.#turns.add(peer.id);
    const stored = (worthMs: number) => {
      fetch.aliveAtMs = Math.min(scheduler.now(), fetch.aliveAtMs + worthMs);
      this.#work();
    };
    try {
      const isStopped = () => this.#isStopped;
      const learnt = await fetchHeads({ ledger, peer, isChosen, stored, isStopped });
      if (learnt) this.#ports.broughtBlocks?.(peer.id);
      const isAhead = this.#isFarAhead(peer, ledger.head());
      if (ledger.find(advertised) === undefined && !isAhead) {
        // It was asked for all it has: what it told is gone, early, too light or a lie.
        if (peer.advertised !== undefined && equalBytes(peer.advertised, advertised))
          peer.advertised = undefined;
        if (!learnt && !peer.isResting) peer.failed();
      }
    } finally {
      this.#headFetches.delete(peer.id);
      this.#hasFetchedHeads = true;
    }
  }

  async #fetchBodies(peer: BranchPeer, hashes: readonly Hash[]): Promise<void> {
    const { scheduler } = this.#ports;
    this.#plan.asked(peer.id, hashes, scheduler.now());
    try {
      const answer = await peer.ask({ kind: "bodies", bytesMax: SYNC_BATCH_BYTES, hashes });
      this.#plan.answered(peer.id, hashes);
      if (answer !== undefined) await this.#takeBodies(peer, hashes, answer.bodies);
    } finally {
      this.#plan.ended(peer.id, hashes);
    }
  }

  async #takeBodies(peer: BranchPeer, hashes: readonly Hash[], bodies: readonly Uint8Array[]): Promise<void> {
    if (bodies.length > hashes.length) {
      peer.lied(`${bodies.length} bodies where ${hashes.length} were asked for`);
      bodies = [];
    }
    const held = bodies.flatMap((body, i) =>
      body.length === 0 ? [] : [{ hash: must(hashes[i], "no more bodies than hashes"), body }],
    );
    if (this.#isStopped) return;
    const outcomes = await this.#ports.ledger.addBodies(held);
    let delivered = 0;
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome === "wrong") {
        peer.lied("served a body that is not the block's");
        break;
      }
      delivered++;
      this.#plan.delivered(must(held[i], "an outcome for each body").hash);
    }
    if (delivered > 0) this.#ports.broughtBlocks?.(peer.id);
    if (delivered === 0 && bodies.every((body) => body.length === 0)) await this.#ports.kept.missed(peer.id);
    const missed = this.#noteMissed(peer, hashes, delivered > 0 ? bodies.length : hashes.length);
    if (missed === 0 && delivered > 0) peer.delivered();
  }

  /**
   * The rest of an answer that was full is no broken promise; an answer without any body is one for all.
   * @returns how many bodies the peer's chain holds and it does not
   */
  #noteMissed(peer: BranchPeer, hashes: readonly Hash[], answered: number): number {
    const from = this.#ports.kept.from(peer.id);
    const missed = hashes.slice(0, answered).filter((hash) => this.#isLacking(hash, from));
    if (missed.length === 0) return 0;
    const nowMs = this.#ports.scheduler.now();
    for (const hash of missed) this.#plan.missed(peer.id, hash, nowMs);
    peer.best = undefined;
    if (!peer.isResting) peer.failed();
    return missed.length;
  }

  #noteAdvertised(peer: BranchPeer): void {
    if (peer.advertised === undefined || this.#ports.ledger.find(peer.advertised) === undefined) return;
    peer.best = peer.advertised;
    peer.advertised = undefined;
  }

  #wantsHeads(peer: BranchPeer, head: KnownBlock): boolean {
    return peer.advertised !== undefined && !this.#isFarAhead(peer, head);
  }

  /** Its headers have run so far ahead that bodies come first. */
  #isFarAhead(peer: BranchPeer, head: KnownBlock): boolean {
    const best = peer.best === undefined ? undefined : this.#ports.ledger.find(peer.best);
    return (
      best !== undefined && !best.hasInvalidAncestor && best.height >= head.height + BigInt(HEADERS_AHEAD_MAX)
    );
  }

  /** Who was asked longest ago, or never, has the first turn. */
  #byTurn(peers: readonly BranchPeer[]): readonly BranchPeer[] {
    const turns = new Map([...this.#turns].map((id, turn) => [id, turn]));
    const turnOf = ({ id }: BranchPeer) => turns.get(id) ?? -1;
    return [...peers].sort((a, b) => turnOf(a) - turnOf(b));
  }

  /**
   * One peer a branch: what two told alike is asked of one of them, as long as it answers quickly. Strangers share a
   * few fetches; a peer that this node chose waits for none of theirs.
   */
  #mayFetchHeads({ advertised, isChosen }: BranchPeer): boolean {
    const under = [...this.#headFetches.values()].filter((fetch) => fetch.isChosen === isChosen);
    const slowAtMs = this.#ports.scheduler.now() - this.#settings.slowMs;
    if (
      under.some(
        (fetch) =>
          fetch.aliveAtMs > slowAtMs && advertised !== undefined && equalBytes(fetch.advertised, advertised),
      )
    )
      return false;
    return under.length < (isChosen ? HEADS_CHOSEN_PEERS_MAX : HEADS_PEERS_MAX);
  }

  #missingOf({ best }: BranchPeer, head: KnownBlock): readonly Hash[] {
    const { ledger } = this.#ports;
    const tip = best === undefined ? undefined : ledger.find(best);
    if (tip === undefined || tip.hasInvalidAncestor || tip.work <= head.work) return [];
    const id = byteText(tip.hash);
    const list = this.#missing.get(id) ?? { tip: tip.hash, hashes: [] };
    const first = list.hashes.findIndex((hash) => this.#isLacking(hash));
    if (first > 0) list.hashes = list.hashes.slice(first);
    if (first < 0) list.hashes = ledger.missing(tip.hash, BODIES_LISTED_MAX);
    this.#missing.set(id, list);
    this.#forgetLists();
    return list.hashes;
  }

  /** The size of a body that is not here, and that the peer has not said to have pruned. */
  #lackingBytes(hash: Hash, peerId: string): number | undefined {
    const block = this.#ports.ledger.find(hash);
    if (block?.hasBody !== false || block.height < this.#ports.kept.from(peerId)) return undefined;
    return block.bodyBytes;
  }

  /** @param from the lowest height that counts */
  #isLacking(hash: Hash, from = 0n): boolean {
    const block = this.#ports.ledger.find(hash);
    return block?.hasBody === false && block.height >= from;
  }

  /**
   * Forgets the oldest list when there are many more than peers. It does not matter which goes, since it is
   * made again.
   */
  #forgetLists(): void {
    if (this.#missing.size > 2 * this.#peers.size + 2) dropOldest(this.#missing);
  }

  /** Those that this node chose first: they get the lowest bodies. */
  #inOrder(): readonly BranchPeer[] {
    const peers = this.#ports.ring().flatMap((id) => this.#peers.get(id) ?? []);
    const chosen = this.#ports.chosen?.();
    for (const peer of peers) peer.isChosen = chosen?.has(peer.id) === true;
    return peers.sort((a, b) => Number(b.isChosen) - Number(a.isChosen));
  }

  #peerOf(peerId: string): BranchPeer {
    let peer = this.#peers.get(peerId);
    if (peer === undefined) {
      peer = new BranchPeer(peerId, this.#settings, this.#ports);
      this.#peers.set(peerId, peer);
    }
    return peer;
  }

  #lookAgain(): void {
    this.#cancelLook ??= this.#ports.scheduler.after(LOOK_AGAIN_MS, () => {
      this.#cancelLook = undefined;
      this.#work();
    });
  }
}
