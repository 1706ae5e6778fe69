/**
 * Fetches the heads of one peer's chain, answer after answer, and stores them. A branch that is too light to be
 * stored is first read through: each head is held to the rules of its branch, bits and times included, its work is
 * added, and the last hash of each answer kept. The first wrong head ends it and is its sender's fault. When there is
 * enough work it is read a second time and stored; since heads are chained by hash, an answer that ends with the same
 * hash is the same answer. A fetch ends when its peer has taken longer over its answers than their new heads are
 * worth: known heads are no progress. Sources: pow.md 2.8, 1 and 8; docs/protocol.md, "Branches"; docs/adr/0011.
 */
import { must } from "../../base/assert.ts";
import { equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import {
  HEADERS_AHEAD_MAX,
  HEADS_FETCH_MS,
  HEADS_FETCH_MS_PER_CHOSEN_HEAD,
  HEADS_FETCH_MS_PER_HEAD,
  HEADS_PER_ANSWER_MAX,
  READ_THROUGH_ANSWERS_MAX,
} from "../../base/limits.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import type { BranchLedger, BranchScan, KnownBlock } from "./branch-ledger.ts";
import type { BranchPeer, HeadsTimeBox, LightBranch } from "./branch-peer.ts";

export interface HeadFetchPorts {
  readonly ledger: BranchLedger;
  readonly peer: BranchPeer;
  /** Whether this node chose the peer itself, whose heads may then take longer. */
  readonly isChosen?: boolean;
  /** Is called after each answer that was stored, with the time that the new heads in it were worth. */
  stored(worthMs: number): void;
  isStopped(): boolean;
}

/** @returns whether there were heads that were not known here. @throws Error when the disk fails. */
export async function fetchHeads(ports: HeadFetchPorts): Promise<boolean> {
  const { ledger, peer, stored, isStopped } = ports;
  const box = new TimeBox(ports);
  if (peer.light !== undefined) return peer.light.store(box);
  let locator = ledger.locatorFrom(ledger.bestHeader().hash);
  let reached = -1n;
  let hasLearnt = false;
  for (;;) {
    const heads = await askHeads(peer, locator);
    const last = heads?.at(-1);
    if (heads === undefined || last === undefined || isStopped()) return hasLearnt;
    const result = await ledger.addHeads(heads, 0n);
    if (result.kind === "too-light") {
      const scan = ledger.scan(firstOf(heads).header.previousHash);
      const light = scan && new ProvenBranch(ports, locator, scan);
      return (await light?.readThrough(heads, result.needed, box)) || hasLearnt;
    }
    if (result.kind === "orphan") {
      peer.lied(`heads from ${showHash(firstOf(heads).hash)} follow no block asked for`);
      return hasLearnt;
    }
    if (result.kind === "invalid") refuseHeads(peer, result.fault);
    else if (result.added > 0) {
      box.heads += result.added;
      hasLearnt = true;
    }
    const known = lastKnown(ledger, heads);
    if (known === undefined || known.hasInvalidAncestor || known.height <= reached) return hasLearnt;
    [peer.best, reached] = [known.hash, known.height];
    stored(result.kind === "invalid" ? 0 : box.worthMs(result.added));
    const isFull = heads.length >= HEADS_PER_ANSWER_MAX;
    // What it told has been found, and it had no more; or it has nothing that is not known here.
    const isAll =
      !isFull && (peer.advertised === undefined || result.kind === "invalid" || result.added === 0);
    const isFarAhead = known.height >= ledger.head().height + BigInt(HEADERS_AHEAD_MAX);
    if (result.kind !== "added" || isFarAhead || isAll || box.isOver()) return hasLearnt;
    locator = ledger.locatorFrom(known.hash);
  }
}

/** What a peer's answers may take, all together: a little, and more for each head that was not known. */
class TimeBox implements HeadsTimeBox {
  heads = 0;
  readonly #peer: BranchPeer;
  readonly #startMs: number;
  readonly #msPerHead: number;

  constructor({ peer, isChosen = false }: HeadFetchPorts) {
    this.#peer = peer;
    this.#startMs = peer.waitedMs;
    this.#msPerHead = isChosen ? HEADS_FETCH_MS_PER_CHOSEN_HEAD : HEADS_FETCH_MS_PER_HEAD;
  }

  worthMs(heads: number): number {
    return heads * this.#msPerHead;
  }

  /** The peer rests then: others have their turn. */
  isOver(): boolean {
    const spentMs = this.#peer.waitedMs - this.#startMs;
    const isOver = spentMs > HEADS_FETCH_MS + this.worthMs(this.heads);
    if (isOver) this.#peer.failed();
    return isOver;
  }
}

/** The first head of an answer that is not empty. */
function firstOf(heads: readonly BlockHead[]): BlockHead {
  return must(heads[0], "an answer with a last head has a first");
}

/** What is invalid, early or too far ahead was left out, and what follows it. */
function lastKnown(ledger: BranchLedger, heads: readonly BlockHead[]): KnownBlock | undefined {
  for (const { hash } of heads.toReversed()) {
    const known = ledger.find(hash);
    if (known !== undefined) return known;
  }
  return undefined;
}

async function askHeads(
  peer: BranchPeer,
  locator: readonly Hash[],
): Promise<readonly BlockHead[] | undefined> {
  return (await peer.ask({ kind: "heads", locator }))?.heads;
}

/** What follows a block that this node has marked is no fault of who follows it: it may not have executed it. */
function refuseHeads(
  peer: BranchPeer,
  { code, detail }: { readonly code: string; readonly detail: string },
): void {
  if (code === "invalid-block" || code === "invalidated") peer.failed();
  else peer.lied(`served an invalid head: ${detail}`);
}

/** A branch that is proven to be worth storing before any of it is stored. */
class ProvenBranch implements LightBranch {
  readonly #ports: HeadFetchPorts;
  readonly #start: readonly Hash[];
  /** The last block of each answer that was right and due. */
  readonly #ends: Hash[] = [];
  readonly #scan: BranchScan;

  /** @param scan judges what follows the block that the first answer follows. */
  constructor(ports: HeadFetchPorts, start: readonly Hash[], scan: BranchScan) {
    this.#ports = ports;
    this.#start = start;
    this.#scan = scan;
  }

  async readThrough(first: readonly BlockHead[], needed: bigint, box: HeadsTimeBox): Promise<boolean> {
    const { peer, isStopped } = this.#ports;
    for (let heads = first; ; ) {
      const stop = this.#scan.add(heads);
      if (stop?.kind === "invalid") {
        refuseHeads(peer, stop.fault);
        return false;
      }
      const { last } = this.#scan;
      // None was taken of an answer whose first head is early.
      if (heads.some(({ hash }) => equalBytes(hash, last))) this.#ends.push(last);
      box.heads += heads.length;
      if (this.#scan.work >= needed) {
        peer.light = this;
        return this.store(box);
      }
      const isAll = stop !== undefined || heads.length < HEADS_PER_ANSWER_MAX;
      if (isAll || this.#ends.length >= READ_THROUGH_ANSWERS_MAX || box.isOver()) return false;
      const more = await askHeads(peer, [
        must(this.#ends.at(-1), "an answer without an early head ends where one was taken"),
      ]);
      if (more === undefined || more.length === 0 || isStopped()) return false;
      if (!equalBytes(firstOf(more).header.previousHash, last)) {
        // It has left that branch meanwhile, and answers from where its own begins.
        peer.failed();
        return false;
      }
      heads = more;
    }
  }

  async store(box: HeadsTimeBox): Promise<boolean> {
    const { ledger, peer, stored, isStopped } = this.#ports;
    const from = this.#ends.findIndex((end) => ledger.find(end) === undefined);
    const before = this.#ends[from - 1];
    let locator = before === undefined ? this.#start : [before];
    peer.light = undefined;
    for (const end of this.#ends.slice(Math.max(0, from))) {
      const heads = await askHeads(peer, locator);
      if (heads === undefined || isStopped()) return false;
      // More may have come after the last one; another branch may have come in its place, which proves nothing.
      const count = heads.findIndex(({ hash }) => equalBytes(hash, end)) + 1;
      if (count === 0) {
        peer.failed();
        return false;
      }
      const result = await ledger.addHeads(heads.slice(0, count), this.#scan.work);
      if (result.kind === "invalid") refuseHeads(peer, result.fault);
      if (result.kind !== "added" || result.last === undefined) return false;
      box.heads += result.added;
      peer.best = result.last.head.hash;
      stored(box.worthMs(result.added));
      if (!equalBytes(peer.best, end)) {
        // So far ahead that bodies come first; then it goes on here.
        peer.light = this;
        return true;
      }
      locator = [end];
      if (box.isOver()) {
        peer.light = this;
        return true;
      }
    }
    return true;
  }
}
