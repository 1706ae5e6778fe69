/**
 * What a database younger than its journal must not lead to: the journal's cut never goes down, and no VIEW-CHANGE
 * ends below an own COMMIT for want of a block that was committed. It remembers over all lives what each correct
 * node has signed, and of each block in whose view it was committed.
 * Source: docs/protocol.md, "A database younger than the journal".
 */
import { byteText } from "../../../base/bytes.ts";
import type { SealedBlock } from "../../../chain/types/block.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import type { Facts } from "./facts.ts";
import { place } from "./facts.ts";
import type { LockChecker } from "./locks.ts";
import { type ByteText, COMMIT, VIEW_CHANGE } from "./raw-bytes.ts";
import { lastSignature, type RawVote, typeOfPacket } from "./raw-messages.ts";
import { type RawViewChange, readSeal, readViewChange } from "./raw-proofs.ts";

/** The kind of the journal record that says where it was cut. Its height (u64) follows. */
const CUT_RECORD = 7;

export class RecoveryChecker implements Observer {
  readonly #facts: Facts;
  readonly #locks: LockChecker;
  readonly #cuts = new Map<NodeId, bigint>();
  readonly #commits = new Map<NodeId, RawVote[]>();
  /** Block -> the lowest view of a seal. */
  readonly #seals = new Map<ByteText, bigint>();
  readonly #seen = new Set<ByteText>();

  constructor(facts: Facts, locks: LockChecker) {
    this.#facts = facts;
    this.#locks = locks;
  }

  /** A vote of a correct validator, once. */
  voted(vote: RawVote, node: NodeId): void {
    if (vote.type !== COMMIT) return;
    const own = this.#commits.get(node) ?? [];
    if (own.length === 0) this.#commits.set(node, own);
    own.push(vote);
  }

  committed(_node: NodeId, { block, seal }: SealedBlock): void {
    const hash = byteText(block.hash);
    const { view } = readSeal(seal);
    const before = this.#seals.get(hash);
    if (before === undefined || view < before) this.#seals.set(hash, view);
  }

  journaled(node: NodeId, records: readonly Uint8Array[], rotated: boolean): void {
    if (!rotated || !this.#facts.isCorrect(node)) return;
    const record = records.find(([, kind]) => kind === CUT_RECORD);
    if (record === undefined) return;
    const cut = new DataView(record.buffer, record.byteOffset).getBigUint64(2);
    const before = this.#cuts.get(node) ?? 0n;
    if (cut < before)
      this.#facts.report("recovery", node, `the journal's cut goes down from ${before} to ${cut}`);
    else this.#cuts.set(node, cut);
  }

  sent(node: NodeId, _to: number, packet: Uint8Array): void {
    if (typeOfPacket(packet) !== VIEW_CHANGE || !this.#facts.isCorrect(node)) return;
    const message = packet.subarray(1);
    const signature = lastSignature(message);
    if (this.#seen.has(signature)) return;
    this.#seen.add(signature);
    const change = readOrNot(message);
    if (change === undefined) return;
    const { view, stable, entries } = change;
    const top = stable + BigInt(entries.length);
    const hidden = (this.#commits.get(node) ?? []).find((vote) => this.#restsOnHidden(vote, view, top));
    if (hidden === undefined) return;
    const commit = place(hidden.view, hidden.height, hidden.hash);
    const detail = `P to view ${view} ends at ${top}, before the own COMMIT at ${commit}, whose ancestor at ${top + 1n} is committed`;
    this.#facts.report("recovery", node, detail);
  }

  /** Whether the vote was given above P, and what it rests on at the first height after P was committed below `view`. */
  #restsOnHidden(vote: RawVote, view: bigint, top: bigint): boolean {
    if (vote.view >= view || vote.height <= top) return false;
    let hash: ByteText | undefined = vote.hash;
    for (let height = vote.height; height > top + 1n && hash !== undefined; height--)
      hash = this.#locks.parentOf(hash);
    const sealedIn = hash === undefined ? undefined : this.#seals.get(hash);
    return sealedIn !== undefined && sealedIn < view;
  }
}

/** What cannot be read is the view checker's matter. */
function readOrNot(message: Uint8Array): RawViewChange | undefined {
  try {
    return readViewChange(message);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
