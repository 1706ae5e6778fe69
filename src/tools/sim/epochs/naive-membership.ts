/**
 * Who the members of a chain are at each height, found a second time from the transactions of its blocks and what
 * their receipts say, by the plainest means: lists of keys, and no code of the protocol but the decoding of a call.
 * The oracle of the epoch checkers.
 */
import { must } from "../../../base/assert.ts";
import { byteText, concatBytes, utf8 } from "../../../base/bytes.ts";
import { gov } from "../../../chain/modules/gov.ts";
import { GOV, type GovCall } from "../../../chain/modules/gov-declaration.ts";
import type { SealedBlock } from "../../../chain/types/block.ts";
import { decodeReceipt } from "../../../chain/types/receipt.ts";
import { verifySignature } from "../../../crypto/keys.ts";
import { textBytes, u64Bytes } from "../checkers/raw-bytes.ts";

export interface NaiveMember {
  readonly key: string;
  readonly account: string;
}

export interface NaiveEpoch {
  readonly epoch: bigint;
  readonly first: bigint;
  /** The members, sorted by key. */
  readonly members: readonly NaiveMember[];
}

interface NaiveProposal {
  readonly change: Extract<GovCall, { kind: "propose" }>["change"];
  /** The accounts that approved. */
  readonly approvals: Set<string>;
}

export class NaiveMembership {
  readonly epochs: NaiveEpoch[];
  /** The last height of the epoch that runs. */
  end: bigint;
  readonly #interval: bigint;
  readonly #genesisHash: Uint8Array;
  /** The hashes of the blocks by height. Block 0 has the chain's own. */
  readonly #hashes: Uint8Array[];
  #length: bigint;
  #nextLength: bigint;
  #next: NaiveMember[];
  readonly #proposals = new Map<bigint, NaiveProposal>();
  /** Seats that change at the end of this epoch. */
  #changed = 0;
  /** What was approved against the rules. */
  readonly faults: string[] = [];

  constructor(
    members: readonly NaiveMember[],
    lengths: { readonly interval: number; readonly epoch: number },
    genesisHash: Uint8Array,
  ) {
    this.#genesisHash = genesisHash;
    this.#hashes = [genesisHash];
    this.#interval = BigInt(lengths.interval);
    this.#length = BigInt(lengths.epoch);
    this.#nextLength = this.#length;
    this.#next = [...members];
    this.epochs = [{ epoch: 0n, first: 1n, members: sorted(members) }];
    this.end = this.#length;
  }

  get current(): NaiveEpoch {
    return must(this.epochs.at(-1), "epoch 0 is there from the start");
  }

  /** The epoch of a height that was extended to, or of the next one. */
  at(height: bigint): NaiveEpoch {
    return (
      this.epochs.findLast(({ first }) => first <= height) ??
      must(this.epochs[0], "epoch 0 is there from the start")
    );
  }

  /** The next block of the chain, with its receipts. */
  extend({ block }: SealedBlock, receipts: readonly Uint8Array[]): void {
    const { height } = block.summary;
    this.#hashes[Number(height)] = block.hash;
    for (const [index, transaction] of block.transactions.entries()) {
      const receipt = decodeReceipt(must(receipts[index], "every transaction has a receipt"));
      if (!receipt.ok || receipt.value.status !== "success" || transaction.module !== GOV) continue;
      const call = gov.decodeCall(transaction.payload);
      if (!call.ok) continue;
      for (const { kind, data } of receipt.value.events) {
        const id = new DataView(data.buffer, data.byteOffset, data.length).getBigUint64(0);
        const voter = byteText(transaction.from);
        if (kind === 1 && call.value.kind === "propose") {
          const fault = this.#proofFault(call.value.change, height);
          if (fault !== undefined) this.faults.push(`proposal ${id}: ${fault}`);
          this.#proposals.set(id, { change: call.value.change, approvals: new Set([voter]) });
        }
        if (kind === 2 && data[40] === 1) this.#proposals.get(id)?.approvals.add(voter);
        if (kind === 3) this.#approve(id, height);
      }
    }
    if (height !== this.end) return;
    this.#changed = 0;
    this.#length = this.#nextLength;
    const members = sorted(this.#next);
    this.epochs.push({ epoch: this.current.epoch + 1n, first: height + 1n, members });
    this.end = height + this.#length;
  }

  /** Others take over behind `height`, by no vote; what was approved for the next epoch is gone. */
  breakBehind(height: bigint, members: readonly NaiveMember[]): void {
    const epoch = this.current.epoch + 1n;
    this.epochs.push({ epoch, first: height + 1n, members: sorted(members) });
    this.#changed = 0;
    this.#length = this.#nextLength;
    this.#next = [...members];
    let checkpoint = height + 1n;
    while (checkpoint % this.#interval !== 0n) checkpoint--;
    this.end = checkpoint + this.#length;
  }

  /** The newcomer has signed the hash of a block at most 2K old, for this key and the account that gets the seat. */
  #proofFault(change: NaiveProposal["change"], height: bigint): string | undefined {
    if (change.kind !== "add" && change.kind !== "replace") return undefined;
    const key = change.kind === "add" ? change.member.publicKey : change.newKey;
    const account =
      change.kind === "add"
        ? change.member.account
        : this.current.members.find((member) => member.key === byteText(change.publicKey))?.account;
    const { height: named, signature } = change.proof;
    const hash = this.#hashes[Number(named)];
    if (account === undefined || hash === undefined) return "a proof of possession for nothing that is known";
    if (named >= height || named + 2n * this.#interval < height)
      return `a proof of possession over block ${named} in block ${height}`;
    const whose = typeof account === "string" ? textBytes(account) : account;
    const tag = utf8("quorate/possession/v1");
    const signed = concatBytes(tag, this.#genesisHash, u64Bytes(named), hash, key, whose);
    return verifySignature(key, signed, signature) ? undefined : "a proof of possession of another claim";
  }

  #approve(id: bigint, height: bigint): void {
    const proposal = this.#proposals.get(id);
    if (proposal === undefined) return;
    const { change, approvals } = proposal;
    const { members } = this.current;
    const seats = members.filter(({ account }) => approvals.has(account)).length;
    if (2 * seats <= members.length) {
      this.faults.push(`proposal ${id} is approved by ${seats} of ${members.length}`);
    }
    if (change.kind === "set") {
      if (change.parameter === "epochLength") this.#nextLength = BigInt(change.value);
      return;
    }
    if (change.kind === "add") {
      const { publicKey, account } = change.member;
      this.#next.push({ key: byteText(publicKey), account: byteText(account) });
    } else if (change.kind === "remove") {
      this.#next = this.#next.filter(({ key }) => key !== byteText(change.publicKey));
    } else if (change.kind === "replace") {
      this.#next = this.#next.map((member) =>
        member.key === byteText(change.publicKey) ? { ...member, key: byteText(change.newKey) } : member,
      );
    } else return;
    this.#changed++;
    if (this.#changed > 1 && 3 * this.#changed > members.length - 1) {
      this.faults.push(`${this.#changed} of ${members.length} seats change in one epoch`);
    }
    // The checkpoint after, and the one after that.
    let second = height + 1n;
    while (second % this.#interval !== 0n) second++;
    second += this.#interval;
    if (second < this.end) this.end = second;
  }
}

function sorted(members: readonly NaiveMember[]): NaiveMember[] {
  return [...members].sort((a, b) => (a.key < b.key ? -1 : 1));
}
