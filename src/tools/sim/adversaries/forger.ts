/**
 * The tools of a Byzantine validator: to read packets, to sign whatever it likes with a key that it holds, and to
 * make blocks that are valid although the replica has built others. It uses the protocol's own codecs: what it sends
 * must get as far as possible.
 */
import { byteText, EMPTY, type Hash } from "../../../base/bytes.ts";
import type { PbftParameters } from "../../../chain/genesis/consensus-parameters.ts";
import type { Genesis } from "../../../chain/genesis/genesis.ts";
import {
  assembleBlock,
  type Block,
  type BlockHead,
  encodeBlock,
  readBlock,
} from "../../../chain/types/block.ts";
import { decode } from "../../../codec/reader.ts";
import { encodeMessage, type ParsedMessage, parseMessage } from "../../../consensus/pbft/message-bytes.ts";
import { type PbftBody, signingBytes, type VoteType } from "../../../consensus/pbft/messages.ts";
import { primaryOf, quorumOf } from "../../../consensus/pbft/quorum.ts";
import type { Signer } from "../../../crypto/keys.ts";
import { merkleRoot } from "../../../crypto/merkle.ts";
import { decodePacket, encodePacket, MAIL_CONSENSUS, namesEpoch } from "../../../node/ingress/packet.ts";
import type { MisbehaviourContext } from "../misbehaviour.ts";

export class Forger {
  readonly genesis: Genesis<PbftParameters>;
  readonly genesisHash: Hash;
  readonly n: number;
  readonly quorum: number;

  constructor(genesis: Genesis<PbftParameters>, genesisHash: Hash) {
    this.genesis = genesis;
    this.genesisHash = genesisHash;
    this.n = genesis.validators.length;
    this.quorum = quorumOf(this.n).quorum;
  }

  primaryOf(view: bigint): number {
    return primaryOf(0n, view, this.n);
  }

  /** A consensus message with a good signature, ready to be mailed. */
  packet(body: PbftBody, signer: Signer, attachment: Uint8Array = EMPTY): Uint8Array {
    return encodePacket(MAIL_CONSENSUS, encodeMessage(body, this.sign(body, signer), attachment));
  }

  sign(body: PbftBody, signer: Signer): Uint8Array {
    return signer.sign(signingBytes(this.genesisHash, body));
  }

  vote(type: VoteType, place: { view: bigint; height: bigint; hash: Hash }, from: number): PbftBody {
    const { view, height, hash } = place;
    return { type, from, epoch: 0n, view, height, hash };
  }

  proposal(block: Block, view: bigint, signer: Signer): Uint8Array {
    const { hash, summary } = block;
    const body = this.vote("pre-prepare", { view, height: summary.height, hash }, this.primaryOf(view));
    return this.packet(body, signer, encodeBlock(block));
  }

  /** The consensus message in a packet; behind a compact proposal stands no block. Undefined for one of another kind, or one that does not decode. */
  open(packet: Uint8Array): ParsedMessage | undefined {
    const opened = decodePacket(packet);
    if (opened === undefined || !namesEpoch(opened.kind)) return undefined;
    const { logWindow } = this.genesis.consensus;
    const parsed = parseMessage(opened.content, { n: this.n, logWindow, limits: this.genesis.limits });
    return parsed.ok ? parsed.value : undefined;
  }

  /** The block that travels with a PRE-PREPARE. */
  blockOf(attachment: Uint8Array): Block | undefined {
    const block = decode(attachment, "block", (reader) => readBlock(reader, this.genesis.limits));
    return block.ok ? block.value : undefined;
  }

  /** An empty block on any parent: its roots need no execution. `later`: ms after the parent, at least 1. */
  emptyBlock(parent: BlockHead, proposer: number, later: number): Block {
    const timeMs = parent.summary.timeMs + BigInt(later);
    const nothing = merkleRoot([]);
    const { version, bits, nonce } = parent.header;
    return assembleBlock(
      { version, bits, nonce, previousHash: parent.hash, time: Number(timeMs / 1000n) },
      {
        ...parent.summary,
        height: parent.summary.height + 1n,
        timeMs,
        proposer,
        txRoot: nothing,
        receiptsRoot: nothing,
        txCount: 0,
        bodyBytes: 0,
        extra: EMPTY,
      },
      [],
    );
  }
}

/** Another valid block for the same place: with some of the transactions, or none, or a little later. */
export function anotherBlock(context: MisbehaviourContext, block: Block): Block | undefined {
  const { random } = context;
  const chain = context.replica()?.chain;
  const { previousHash } = block.header;
  const parent = chain?.headOf(previousHash);
  if (chain === undefined || parent === undefined) return undefined;
  const { proposer, timeMs } = block.summary;
  const kept = block.transactions.filter(() => random.chance(0.5));
  const proposal = { timeMs: timeMs + BigInt(random.integer(0, 3)), proposer };
  const other = chain.buildBlock(previousHash, proposal, () => kept, true);
  if (other !== undefined && byteText(other.hash) !== byteText(block.hash)) return other;
  return chain.buildBlock(previousHash, { timeMs: timeMs + 4n, proposer }, () => kept, true);
}

/** Everyone but the validator itself. */
export function othersOf({ validator, genesis }: MisbehaviourContext): number[] {
  return [...genesis.validators.keys()].filter((other) => other !== validator);
}

/** All others, or each with probability 1/2: lies are rarely told to everyone. */
export function someOf(context: MisbehaviourContext): number[] {
  const others = othersOf(context);
  return context.random.chance(0.4) ? others : others.filter(() => context.random.chance(0.5));
}
