/**
 * The lock rule, the heart of pbft.md 1.10: once a quorum can have committed a digest, nobody correct votes for
 * another one at that height in a later view, and no two quorums are possible at one height. It counts the votes of
 * correct validators that have left and grants the faulty ones every vote that helps them, so that it sees the fork
 * that is only possible, before any replica falls for it. A certificate locks its ancestors too.
 */
import { byteText } from "../../../base/bytes.ts";
import type { SealedBlock } from "../../../chain/types/block.ts";
import type { ValidatorId } from "../../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import { type Facts, place } from "./facts.ts";
import { type ByteText, COMMIT, hashOfHeader, PRE_PREPARE, parentInHeader } from "./raw-bytes.ts";
import { headerOfProposal, type RawVote, typeOfPacket } from "./raw-messages.ts";

interface Lock {
  view: bigint;
  readonly hash: ByteText;
}

/** Voters of one digest in one view and phase. */
interface Count {
  readonly view: bigint;
  readonly hash: ByteText;
  readonly commit: boolean;
  readonly voters: Set<ValidatorId>;
}

export class LockChecker implements Observer {
  readonly #facts: Facts;
  readonly #parents = new Map<ByteText, ByteText>();
  readonly #counts = new Map<bigint, Count[]>();
  readonly #locks = new Map<bigint, Lock>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** Which block is whose child: from every proposal that anybody sends. */
  sent(_node: NodeId, _to: ValidatorId, packet: Uint8Array): void {
    if (typeOfPacket(packet) !== PRE_PREPARE) return;
    const header = headerOfProposal(packet);
    if (header === undefined) return;
    const parent = parentInHeader(header);
    const hash = hashOfHeader(header);
    if (!this.#parents.has(hash)) this.#parents.set(hash, parent);
  }

  committed(_node: NodeId, { block }: SealedBlock): void {
    this.#parents.set(byteText(block.hash), byteText(block.header.previousHash));
  }

  /** The block before a block. Undefined while nobody has sent it. */
  parentOf(hash: ByteText): ByteText | undefined {
    return this.#parents.get(hash);
  }

  /** A vote of a correct validator, once. */
  voted(vote: RawVote, node: NodeId): void {
    const { view, height, hash, from } = vote;
    const lock = this.#locks.get(height);
    if (lock !== undefined && view > lock.view && hash !== lock.hash) this.#contradicts(node, vote, lock);
    const counts = this.#counts.get(height) ?? [];
    if (counts.length === 0) this.#counts.set(height, counts);
    const commit = vote.type === COMMIT;
    let count = counts.find((one) => one.commit === commit && one.view === view && one.hash === hash);
    if (count === undefined) {
      count = { view, hash, commit, voters: new Set() };
      counts.push(count);
    }
    count.voters.add(from);
    if (commit) this.#certified(node, height, count);
    else if (lock?.view === view && lock.hash !== hash) this.#prepared(node, height, count, lock);
  }

  /** Enough for a certificate, if every faulty one signs too. */
  #isQuorum({ voters }: Count): boolean {
    return voters.size > 0 && voters.size + this.#facts.faultyCount >= this.#facts.quorum;
  }

  /** Locks the height and its ancestors, as far down as the lock is events. */
  #certified(node: NodeId, top: bigint, count: Count): void {
    if (!this.#isQuorum(count)) return;
    let hash: ByteText | undefined = count.hash;
    for (let height = top; height > 0n && hash !== undefined; height--) {
      if (!this.#lock(node, height, hash, count.view)) return;
      hash = this.#parents.get(hash);
    }
  }

  /** @returns whether anything changed. */
  #lock(node: NodeId, height: bigint, hash: ByteText, view: bigint): boolean {
    const lock = this.#locks.get(height);
    if (lock !== undefined && lock.hash !== hash) {
      const detail = `two certificates: ${place(lock.view, height, lock.hash)}, and ${place(view, height, hash)}`;
      this.#facts.report("lock", node, detail);
      return false;
    }
    if (lock !== undefined && lock.view <= view) return false;
    const locked = { view, hash };
    this.#locks.set(height, locked);
    for (const count of this.#counts.get(height) ?? []) {
      if (count.hash === hash) continue;
      if (count.view > view) this.#contradicts(node, { ...count, height }, locked);
      else if (count.view === view) this.#prepared(node, height, count, locked);
    }
    return true;
  }

  /** Judges votes in the view of the lock: a minority may vote for something else, a quorum cannot. */
  #prepared(node: NodeId, height: bigint, count: Count, lock: Lock): void {
    if (!this.#isQuorum(count)) return;
    const detail = `${place(count.view, height, count.hash)} can be prepared beside ${place(lock.view, height, lock.hash)}`;
    this.#facts.report("lock", node, detail);
  }

  #contradicts(node: NodeId, vote: { view: bigint; height: bigint; hash: ByteText }, lock: Lock): void {
    const detail = `a vote at ${place(vote.view, vote.height, vote.hash)} against ${place(lock.view, vote.height, lock.hash)}`;
    this.#facts.report("lock", node, detail);
  }
}
