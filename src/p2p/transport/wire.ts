/**
 * What travels between nodes, byte by byte: the HELLO, mail frames, batches of transactions and announcements of
 * committed blocks. Each has one encoding and a cap that is checked before anything is allocated. It knows no
 * stream and no peer. The HELLO's wire version governs every layout here and in repair-wire.ts; a version that has
 * nothing in common with ours is refused before the rest is read. Source: docs/protocol.md, "Wire".
 */
import { must } from "../../base/assert.ts";
import { concatBytes, EMPTY, equalBytes, type Hash, parseUtf8, utf8 } from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import {
  ANNOUNCEMENT_BYTES_MAX,
  BLOCK_TRANSACTIONS_CEILING,
  HELLO_BYTES_MAX,
  MAIL_FRAME_BYTES_MAX,
  MAIL_FRAME_MESSAGES_MAX,
  MAIL_MESSAGE_BYTES_MAX,
  PEER_NAME_BYTES_MAX,
  SEAL_BYTES_MAX,
  TRANSACTION_BATCH_BYTES_MAX,
  TRANSACTION_BATCH_MAX,
  TX_BYTES_CEILING,
} from "../../base/limits.ts";
import { type BlockHead, readBlockHead, type SealedBlock, writeBlockHead } from "../../chain/types/block.ts";
import { COINBASE_BYTES, isCoinbase, SCHEME_COINBASE } from "../../chain/types/transaction.ts";
import { decode, Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { sha256 } from "../../crypto/hash.ts";
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from "../../crypto/keys.ts";
import { merkleRoot } from "../../crypto/merkle.ts";
import type { LargeMessage } from "../network-ports.ts";

/** Changes whenever a byte of any layout changes: the newest that this program speaks. */
export const WIRE_VERSION = 4;
/** The oldest that it speaks too. */
export const WIRE_VERSION_MIN = 2;
/**
 * The version from which on a HELLO says which versions its sender speaks, how it stores blocks and which
 * rules it knows.
 */
const WIRE_VERSION_RANGES = 3;

/** The version from which on mail may bring compact proposals, and ask for their transactions. */
const WIRE_VERSION_COMPACT = 4;

const STORAGE_MODES = ["archive", "pruned"] as const;

const HELLO_TAG = utf8("quorate/hello/v1");
const HASH_BYTES = 32;

/** What a node has of the chain. */
export interface HelloStorage {
  /** Whether it keeps every block that it has, or lets old ones go. */
  readonly mode: (typeof STORAGE_MODES)[number];
  /** The lowest block, but block 0, whose body it has now. */
  readonly lowestBody: bigint;
}

export interface Hello {
  /** The newest that the sender speaks. */
  readonly wireVersion: number;
  /** The oldest that it speaks. */
  readonly wireVersionMin: number;
  readonly chainId: bigint;
  readonly genesisHash: Hash;
  /** The name that people are shown. */
  readonly name: string;
  /** Height of the sender's head: a hint. */
  readonly headHeight: bigint;
  /** What the sender says it stores, which is a hint. Undefined in version 2. */
  readonly storage: HelloStorage | undefined;
  /** The highest rules that the sender's program knows (chain/governance/rules-version.ts). Undefined in version 2. */
  readonly rules: number | undefined;
  readonly claim: ValidatorClaim | undefined;
  /** What a newer version than ours adds behind these, unread. */
  readonly beyond?: Uint8Array;
}

/** "This peer id belongs to the validator with this key": signature over {@link claimSigningBytes}. */
export interface ValidatorClaim {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * "quorate/hello/v1" | genesis hash 32 | peer id. The connection's encryption proves the peer id, so a claim
 * cannot be replayed by another peer.
 * @param peerIdBytes the peer id as a multihash (38 bytes for an Ed25519 identity)
 */
export function claimSigningBytes(genesisHash: Hash, peerIdBytes: Uint8Array): Uint8Array {
  return concatBytes(HELLO_TAG, genesisHash, peerIdBytes);
}

/**
 * version 2:  u16 wire version | u64 chain id | genesis hash 32 | u8 length, name | u64 head height | u8 0 or 1 | claim
 * from 3 on:  u16 wire version | u16 oldest version | ... | u64 head height | u8 storage | u64 lowest body | u32 rules | ...
 */
export function encodeHello(hello: Hello): Uint8Array {
  const writer = new Writer(256).u16(hello.wireVersion);
  if (hello.wireVersion >= WIRE_VERSION_RANGES) writer.u16(hello.wireVersionMin);
  writer.u64(hello.chainId).raw(hello.genesisHash).bytes8(utf8(hello.name)).u64(hello.headHeight);
  if (hello.wireVersion >= WIRE_VERSION_RANGES) {
    const { mode, lowestBody } = must(hello.storage, "a HELLO of version 3 tells its storage");
    writer
      .u8(STORAGE_MODES.indexOf(mode))
      .u64(lowestBody)
      .u32(hello.rules ?? 0);
  }
  writer.u8(hello.claim === undefined ? 0 : 1);
  if (hello.claim !== undefined) writer.raw(hello.claim.publicKey).raw(hello.claim.signature);
  return writer.raw(hello.beyond ?? EMPTY).finish();
}

/** Whether the sender's program reads compact proposals. */
export function readsCompactProposals({ wireVersion }: Hello): boolean {
  return wireVersion >= WIRE_VERSION_COMPACT;
}

/** The same for a peer that reads nothing newer than version 2. */
export function firstHello(hello: Hello): Hello {
  const common = { wireVersion: WIRE_VERSION_MIN, wireVersionMin: WIRE_VERSION_MIN };
  return { ...hello, ...common, storage: undefined, rules: undefined };
}

/**
 * Decodes a HELLO. Of a version that is newer than ours it reads the fields that ours has, and leaves out
 * what follows them.
 */
export function decodeHello(bytes: Uint8Array): Verdict<Hello, "malformed" | "wire-version" | "too-large"> {
  if (bytes.length > HELLO_BYTES_MAX) return tooLarge("HELLO", bytes.length, HELLO_BYTES_MAX);
  const start = new Reader(bytes.subarray(0, 4));
  const newest = start.remaining < 2 ? WIRE_VERSION : start.u16();
  const oldest = newest < WIRE_VERSION_RANGES || start.remaining < 2 ? newest : start.u16();
  if (newest < WIRE_VERSION_MIN || oldest > WIRE_VERSION) {
    const theirs = newest === oldest ? `${newest}` : `${oldest} to ${newest}`;
    const detail = `wire version mismatch: ours ${WIRE_VERSION_MIN} to ${WIRE_VERSION}, peer's ${theirs}; run the same release on both nodes`;
    return refuse("wire-version", detail);
  }
  return decode(bytes, "HELLO", readHello);
}

function readHello(reader: Reader): Hello {
  const wireVersion = reader.u16();
  const hasRange = wireVersion >= WIRE_VERSION_RANGES;
  const wireVersionMin = hasRange ? reader.u16() : wireVersion;
  if (wireVersionMin > wireVersion) reader.fail(`speaks versions ${wireVersionMin} to ${wireVersion}`);
  const hello = {
    wireVersion,
    wireVersionMin,
    chainId: reader.u64(),
    genesisHash: reader.raw(HASH_BYTES) as Hash,
    name: readName(reader),
    headHeight: reader.u64(),
    storage: hasRange ? readStorage(reader) : undefined,
    rules: hasRange ? reader.u32() : undefined,
    claim: readClaim(reader),
  };
  return wireVersion > WIRE_VERSION ? { ...hello, beyond: reader.raw(reader.remaining) } : hello;
}

function readStorage(reader: Reader): HelloStorage {
  const mode = STORAGE_MODES[reader.u8()] ?? reader.fail("unknown mode of storage");
  return { mode, lowestBody: reader.u64() };
}

function readName(reader: Reader): string {
  const bytes = reader.bytes8(PEER_NAME_BYTES_MAX);
  const name = parseUtf8(bytes);
  // Control characters would let a peer write its own log lines; a byte order mark is lost in decoding.
  const isPlain = name !== undefined && isPeerName(name) && equalBytes(utf8(name), bytes);
  return isPlain ? name : reader.fail("name is not plain UTF-8 text");
}

/** Whether `name` may stand in a HELLO: at most 32 bytes of UTF-8 without control characters or lone surrogates. */
export function isPeerName(name: string): boolean {
  return !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u{feff}]/u.test(name) && utf8(name).length <= PEER_NAME_BYTES_MAX;
}

function readClaim(reader: Reader): ValidatorClaim | undefined {
  const flag = reader.u8();
  if (flag > 1) reader.fail(`claim flag ${flag}, 0 or 1 expected`);
  if (flag === 0) return undefined;
  return { publicKey: reader.raw(PUBLIC_KEY_BYTES), signature: reader.raw(SIGNATURE_BYTES) };
}

/** A count and one length. */
const MAIL_HEAD_BYTES = 8;

/** u32 count | (u32 length | consensus message) each */
export function encodeMailFrame(messages: readonly Uint8Array[]): Uint8Array {
  const size = messages.reduce((sum, message) => sum + 4 + message.length, 4);
  return new Writer(size).list(messages, (writer, message) => writer.bytes32(message)).finish();
}

/** The messages share the frame's memory. */
export function decodeMailFrame(frame: Uint8Array): Verdict<Uint8Array[], "malformed" | "too-large"> {
  if (frame.length > MAIL_FRAME_BYTES_MAX) return tooLarge("mail frame", frame.length, MAIL_FRAME_BYTES_MAX);
  return decode(frame, "mail frame", (reader) =>
    nonEmpty(
      reader,
      reader.list(MAIL_FRAME_MESSAGES_MAX, (r) => r.bytes32(MAIL_MESSAGE_BYTES_MAX)),
    ),
  );
}

/**
 * What the first bytes of a frame tell of the one message in it. Undefined where the frame holds another number of
 * messages.
 */
export function mailFrameStart(frame: LargeMessage): LargeMessage | undefined {
  const reader = new Reader(frame.start);
  if (reader.remaining < MAIL_HEAD_BYTES || reader.u32() !== 1) return undefined;
  const bytes = reader.u32();
  return MAIL_HEAD_BYTES + bytes === frame.bytes ? { start: reader.raw(reader.remaining), bytes } : undefined;
}

/** u32 count | (u16 length | envelope) each */
export function encodeTransactionBatch(envelopes: readonly Uint8Array[]): Uint8Array {
  const size = envelopes.reduce((sum, envelope) => sum + 2 + envelope.length, 4);
  return new Writer(size).list(envelopes, (writer, envelope) => writer.bytes16(envelope)).finish();
}

/** The envelopes are not decoded here and share the batch's memory. */
export function decodeTransactionBatch(bytes: Uint8Array): Verdict<Uint8Array[], "malformed" | "too-large"> {
  if (bytes.length > TRANSACTION_BATCH_BYTES_MAX) {
    return tooLarge("transaction batch", bytes.length, TRANSACTION_BATCH_BYTES_MAX);
  }
  return decode(bytes, "transaction batch", (reader) =>
    nonEmpty(
      reader,
      reader.list(TRANSACTION_BATCH_MAX, (r) => r.bytes16(TX_BYTES_CEILING)),
    ),
  );
}

/** A committed block without its transactions, which most nodes hold already. */
export interface BlockAnnouncement {
  readonly head: BlockHead;
  readonly seal: Uint8Array;
  /** Hashes of the whole envelopes in the block's order: the leaves of the summary's txRoot. */
  readonly transactionHashes: readonly Hash[];
  /** The envelope behind the first hash where it is a coinbase, which is in nobody's pool. Else it is empty. */
  readonly coinbase: Uint8Array;
}

export function announcementOf(sealed: SealedBlock): BlockAnnouncement {
  const { block, seal } = sealed;
  const { transactions } = block;
  const [first] = transactions;
  const coinbase = first !== undefined && isCoinbase(first) ? first.bytes : EMPTY;
  return { head: block, seal, transactionHashes: transactions.map(({ hash }) => hash), coinbase };
}

/** header 80 | summary | u32 length, seal | u32 count, transaction hash 32 each | u8 length 0 or 49, coinbase */
export function encodeAnnouncement(announcement: BlockAnnouncement): Uint8Array {
  const { head, seal, transactionHashes, coinbase } = announcement;
  const writer = new Writer(600 + seal.length + HASH_BYTES * transactionHashes.length);
  writeBlockHead(writer, head);
  return writer
    .bytes32(seal)
    .list(transactionHashes, (w, hash) => w.raw(hash))
    .u8(coinbase.length)
    .raw(coinbase)
    .finish();
}

/** Refuses what its own header and summary contradict; says nothing about the seal. */
export function decodeAnnouncement(bytes: Uint8Array): Verdict<BlockAnnouncement, "malformed" | "too-large"> {
  if (bytes.length > ANNOUNCEMENT_BYTES_MAX) {
    return tooLarge("block announcement", bytes.length, ANNOUNCEMENT_BYTES_MAX);
  }
  return decode(bytes, "block announcement", readAnnouncement);
}

function readAnnouncement(reader: Reader): BlockAnnouncement {
  const head = readBlockHead(reader);
  const seal = reader.bytes32(SEAL_BYTES_MAX);
  const transactionHashes = reader.list(BLOCK_TRANSACTIONS_CEILING, (r) => r.raw(HASH_BYTES) as Hash);
  const count = transactionHashes.length;
  if (count !== head.summary.txCount)
    reader.fail(`${count} hashes, the summary says ${head.summary.txCount}`);
  if (!equalBytes(merkleRoot(transactionHashes), head.summary.txRoot)) {
    reader.fail("transaction hashes do not match txRoot");
  }
  return { head, seal, transactionHashes, coinbase: readCoinbaseOf(reader, transactionHashes[0]) };
}

/** Optional, but the first transaction of the block and a coinbase by its form if it is there. */
function readCoinbaseOf(reader: Reader, first: Hash | undefined): Uint8Array {
  const length = reader.u8();
  if (length === 0) return EMPTY;
  if (length !== COINBASE_BYTES) reader.fail(`a coinbase of ${length} bytes, it has ${COINBASE_BYTES}`);
  const coinbase = reader.raw(length);
  if (coinbase[0] !== SCHEME_COINBASE || first === undefined || !equalBytes(sha256(coinbase), first)) {
    reader.fail("the coinbase is not the first transaction of the block");
  }
  return coinbase;
}

function nonEmpty<T>(reader: Reader, items: T[]): T[] {
  return items.length === 0 ? reader.fail("empty list") : items;
}

function tooLarge(what: string, bytes: number, bytesMax: number): ReturnType<typeof refuse<"too-large">> {
  return refuse("too-large", `${what} of ${bytes} bytes, at most ${bytesMax}`);
}
