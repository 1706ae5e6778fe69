/**
 * What must hold where members change, checked from the bytes that leave and the blocks that are stored: one block a
 * height; each sealed by a quorum of the set that the naive ledger has for it; epochs and set hashes as that ledger
 * says; no vote of one key for two blocks; no CHECKPOINT of an epoch about a height before it; no message of an epoch below one that the node has spoken in; none of a key
 * in an epoch whose set it is not in. Behind a transition: its set, its mark on the first block alone, at nobody who was not told
 * to accept it, and nothing lost that a node which stays had final.
 */
import { must } from "../../../base/assert.ts";
import { byteText, equalBytes } from "../../../base/bytes.ts";
import type { SealedBlock } from "../../../chain/types/block.ts";
import { type Transition, transitionId } from "../../../chain/types/transition.ts";
import { createValidatorSet, type Validator } from "../../../chain/types/validator-set.ts";
import {
  CHECKPOINT,
  COMMIT,
  PRE_PREPARE,
  PREPARE,
  signedBytes,
  textBytes,
  voteFields,
} from "../checkers/raw-bytes.ts";
import { readVote, typeOfPacket } from "../checkers/raw-messages.ts";
import { readSeal } from "../checkers/raw-proofs.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import type { World } from "../world.ts";
import { type NaiveEpoch, type NaiveMember, NaiveMembership } from "./naive-membership.ts";

export interface EpochViolation {
  readonly checker: string;
  readonly node: NodeId | undefined;
  readonly detail: string;
}

const VIOLATIONS_MAX = 16;

/** What a node has said: in which epoch last, and what it voted for. */
interface Said {
  epoch: bigint;
  /** (epoch, view, height, phase) -> block */
  readonly votes: Map<string, string>;
}

export class EpochCheckers {
  readonly violations: EpochViolation[] = [];
  membership: NaiveMembership;
  /** The hashes of the blocks by height. */
  readonly #hashes: string[] = [];
  readonly #said = new Map<NodeId, Said>();
  /** What left last, and where: it goes to one validator after the other. */
  #last: { readonly node: NodeId; readonly packet: Uint8Array } | undefined;
  /** The hash of each epoch's set. */
  readonly #setHashes = new WeakMap<NaiveEpoch, Uint8Array>();
  /** Epochs in which a node spoke, to be judged when their sets are known. */
  readonly #spoke: { readonly node: NodeId; readonly epoch: bigint }[] = [];
  /** CHECKPOINTs that were signed, to be judged likewise. */
  readonly #checkpoints: { readonly node: NodeId; readonly epoch: bigint; readonly height: bigint }[] = [];
  /** The blocks of the chain from height 1 on. */
  readonly #extended: (readonly [SealedBlock, readonly Uint8Array[]])[] = [];
  #broken:
    | {
        readonly height: bigint;
        readonly ids: readonly string[];
        readonly accepts: (node: NodeId) => boolean;
      }
    | undefined;
  readonly #world: World;
  readonly #isCorrect: (node: NodeId) => boolean;

  constructor(world: World, isCorrect: (node: NodeId) => boolean) {
    this.#world = world;
    this.#isCorrect = isCorrect;
    this.membership = membershipOf(world);
    this.#hashes.push(byteText(world.genesisHash));
  }

  readonly observer: Observer = {
    committed: (node, sealed, receipts) => this.#committed(node, sealed, receipts),
    sent: (node, _, packet) => this.#sent(node, packet),
    failed: (node, error, expected) => {
      if (!expected && this.#isCorrect(node)) this.#report("failed", node, String(error));
    },
    announced: (node, event) => {
      if (!this.#isCorrect(node)) return;
      if (event.type === "diverged" || event.type === "amnesia") {
        this.#report("halted", node, `${event.type} at ${event.height}: ${event.detail}`);
      }
    },
  };

  /** What can only be judged when all sets are known. */
  finish(): void {
    const { epochs } = this.membership;
    for (const { node, epoch } of this.#spoke) {
      const set = epochs[Number(epoch)];
      if (set === undefined) this.#report("early", node, `spoke in epoch ${epoch}, which has not begun`);
      else if (!set.members.some(({ key }) => key === this.#keyOf(node))) {
        this.#report("stranger", node, `spoke in epoch ${epoch}, whose set it is not in`);
      }
    }
    for (const { node, epoch, height } of this.#checkpoints) {
      const first = epochs[Number(epoch)]?.first;
      if (first !== undefined && height < first)
        this.#report(
          "below-epoch",
          node,
          `CHECKPOINT of height ${height} in epoch ${epoch}, from ${first} on`,
        );
    }
  }

  /**
   * From now on the chain goes on behind block H by one of these transitions, which have one set, and in no other way. What only
   * nodes that are gone had above H is forgotten.
   * @param accepts whether the operator of a node has told it to
   */
  expectTransition(ones: readonly Transition[], accepts: (node: NodeId) => boolean): void {
    const { height, members } = must(ones[0], "at least one");
    this.#hashes.length = Number(height) + 1;
    this.membership = membershipOf(this.#world);
    this.#extended.length = Number(height);
    for (const [sealed, receipts] of this.#extended) this.membership.extend(sealed, receipts);
    this.membership.breakBehind(height, members.map(memberOf));
    this.#broken = { height, ids: ones.map((one) => byteText(transitionId(one))), accepts };
  }

  #keyOf(node: NodeId): string {
    return byteText(must(this.#world.validators[node], "every node of this world has a key").publicKey);
  }

  #committed(node: NodeId, sealed: SealedBlock, receipts: readonly Uint8Array[]): void {
    if (!this.#isCorrect(node)) return;
    const { hash, summary } = sealed.block;
    const height = Number(summary.height);
    const known = this.#hashes[height];
    if (known !== undefined && known !== byteText(hash)) {
      this.#report("agreement", node, `another block at height ${height}`);
      return;
    }
    if (known === undefined && height !== this.#hashes.length) {
      this.#report("gap", node, `height ${height} after ${this.#hashes.length - 1}`);
      return;
    }
    if (this.#broken !== undefined && summary.height > this.#broken.height && !this.#broken.accepts(node))
      this.#report("unasked", node, `height ${height} behind a transition that it was not told to accept`);
    const epoch = this.membership.at(summary.height);
    const wrong =
      this.#markFault(sealed) ?? this.#epochFault(sealed, epoch) ?? this.#sealFault(sealed, epoch);
    if (wrong !== undefined) this.#report("certificate", node, `height ${height}: ${wrong}`);
    if (known !== undefined) return;
    this.#hashes.push(byteText(hash));
    this.#extended.push([sealed, receipts]);
    this.membership.extend(sealed, receipts);
    for (const fault of this.membership.faults.splice(0)) this.#report("governance", node, fault);
    const next = this.membership.at(summary.height + 1n);
    if (!equalBytes(summary.nextValidatorsHash, this.#hashOf(next))) {
      this.#report("next-set", node, `height ${height} names another set than epoch ${next.epoch} has`);
    }
  }

  /** The first block under a transition says so, and no other. */
  #markFault({ block: { summary } }: SealedBlock): string | undefined {
    const isFirst = this.#broken !== undefined && summary.height === this.#broken.height + 1n;
    const isMarked = isFirst && this.#broken?.ids.includes(byteText(summary.extra)) === true;
    if (isFirst ? isMarked && summary.flags === 1 : summary.flags === 0 && summary.extra.length === 0)
      return undefined;
    return `flags ${summary.flags} and ${summary.extra.length} bytes of extra`;
  }

  #hashOf(of: NaiveEpoch): Uint8Array {
    const known = this.#setHashes.get(of);
    if (known !== undefined) return known;
    const { epoch, members } = of;
    const all = members.map(({ key, account }) => ({
      name: "",
      peerId: "",
      publicKey: textBytes(key),
      account: textBytes(account),
    }));
    const { hash } = createValidatorSet(epoch, all as never);
    this.#setHashes.set(of, hash);
    return hash;
  }

  #epochFault({ block: { summary } }: SealedBlock, epoch: NaiveEpoch): string | undefined {
    if (summary.epoch !== epoch.epoch) return `epoch ${summary.epoch}, the naive ledger says ${epoch.epoch}`;
    if (!equalBytes(summary.validatorsHash, this.#hashOf(epoch))) return "another set than the naive one";
    return undefined;
  }

  #sealFault({ block, seal }: SealedBlock, { epoch, members }: NaiveEpoch): string | undefined {
    const { view, signatures } = readSeal(seal);
    const needed = votesThatDecide(members.length);
    if (new Set(signatures.map(({ signer }) => signer)).size < needed) return `fewer than ${needed} signers`;
    const fields = voteFields(view, block.summary.height, byteText(block.hash));
    const bad = signatures.find(({ signer, signature }) => {
      const key = members[signer]?.key;
      if (key === undefined) return true;
      const message = signedBytes(this.#world.genesisHash, COMMIT, epoch, fields, signer);
      return !this.#world.signatures.rules.verifySignature(textBytes(key) as never, message, signature);
    });
    return bad === undefined ? undefined : `the signature of ${bad.signer} is not one of epoch ${epoch}`;
  }

  #sent(node: NodeId, packet: Uint8Array): void {
    const type = typeOfPacket(packet);
    if (type === undefined || !this.#isCorrect(node)) return;
    if (this.#last?.packet === packet && this.#last.node === node) return;
    this.#last = { node, packet };
    const epoch = readEpoch(packet);
    const said = this.#said.get(node) ?? { epoch: -1n, votes: new Map<string, string>() };
    this.#said.set(node, said);
    if (epoch < said.epoch) this.#report("old-epoch", node, `type ${type} of ${epoch} after ${said.epoch}`);
    if (epoch > said.epoch) {
      said.epoch = epoch;
      said.votes.clear();
      this.#spoke.push({ node, epoch });
    }
    if (type === CHECKPOINT) this.#checkpoints.push({ node, epoch, height: heightOfCheckpoint(packet) });
    if (type !== PRE_PREPARE && type !== PREPARE && type !== COMMIT) return;
    const { view, height, hash } = readVote(packet);
    const place = `${view} ${height} ${type === COMMIT ? "commit" : "prepare"}`;
    const before = said.votes.get(place);
    if (before === undefined) said.votes.set(place, hash);
    else if (before !== hash) this.#report("two-votes", node, `epoch ${epoch}, view and height ${place}`);
  }

  #report(checker: string, node: NodeId | undefined, detail: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push({ checker, node, detail });
  }
}

function memberOf({ publicKey, account }: Pick<Validator, "publicKey" | "account">): NaiveMember {
  return { key: byteText(publicKey), account: byteText(account) };
}

function membershipOf({ genesis: { validators, consensus }, genesisHash }: World): NaiveMembership {
  const lengths = { interval: consensus.checkpointInterval, epoch: consensus.epochLength ?? 0 };
  return new NaiveMembership(validators.map(memberOf), lengths, genesisHash);
}

/** Kind, version and type come first. */
export function readEpoch(packet: Uint8Array): bigint {
  return new DataView(packet.buffer, packet.byteOffset, packet.length).getBigUint64(3);
}

/** The height of a checkpoint message, which stands behind the epoch. */
function heightOfCheckpoint(packet: Uint8Array): bigint {
  return new DataView(packet.buffer, packet.byteOffset, packet.length).getBigUint64(11);
}

/** The fewest of n such that two such groups share more than the faulty ones that n survives. */
export function votesThatDecide(n: number): number {
  let faulty = 0;
  while (3 * (faulty + 1) < n) faulty++;
  let votes = 1;
  while (2 * votes - n <= faulty) votes++;
  return votes;
}
