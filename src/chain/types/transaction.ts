/**
 * Transactions: the signed envelope, its one encoding, its two hashes. It knows the envelope's fields and leaves
 * the payload to the module that the envelope names. Layout: docs/protocol.md, "Transaction".
 *
 *   0x01 | chainId u64 | from 32 | nonce u64 | fee u64 | validUntilHeight u64 | module u8 | payload u16+bytes
 *        | signature 64
 *
 *   0x00 | height u64 | to 32 | value u64          the coinbase: unsigned, made by who mines a block
 *
 * The first byte names the signature scheme (0x01 Ed25519), so that another can be added.
 */
import {
  type Address,
  asAddress,
  asHash,
  byteText,
  concatBytes,
  EMPTY,
  type Hash,
  utf8,
} from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { sha256, taggedHash } from "../../crypto/hash.ts";
import { SIGNATURE_BYTES, type Signer } from "../../crypto/keys.ts";

export const SCHEME_COINBASE = 0x00;
const SCHEME_ED25519 = 0x01;
/** The length of a coinbase in bytes. */
export const COINBASE_BYTES = 49;
/** The module byte of a coinbase: no module executes it, the block does. */
export const COINBASE_MODULE = 0;

export interface Transaction {
  readonly chainId: bigint;
  /** The sender's account: its Ed25519 public key. */
  readonly from: Address;
  /** Must equal the account's nonce at execution. Each executed transaction increments that one. */
  readonly nonce: bigint;
  /** Paid to the proposer, whether the call succeeds or fails. */
  readonly fee: bigint;
  /** The last height at which the transaction may be included, or 0 when it never expires. */
  readonly validUntilHeight: bigint;
  /** Which module executes the payload (chain/modules). */
  readonly module: number;
  readonly payload: Uint8Array;
}

export interface SignedTransaction extends Transaction {
  readonly signature: Uint8Array;
  /** The whole envelope. It is hashed, stored, sent and counted as these very bytes. */
  readonly bytes: Uint8Array;
  /** Hash of the envelope without the signature: the id that users see; re-encoding a signature cannot change it. */
  readonly id: Hash;
  /** Hash of the whole envelope: the leaf of txRoot and the name in compact blocks. */
  readonly hash: Hash;
  /** {@link byteText} of sender, id and hash: the keys of maps, made once. */
  readonly fromKey: string;
  readonly idKey: string;
  readonly hashKey: string;
  /** What the module made of the payload: kept and read by execution/validate-transaction.ts alone. */
  checkedCall: unknown;
  /** Which rule has accepted the signature: kept and read by execution/accepted-signatures.ts alone. */
  acceptance: unknown;
  /** Which node has passed it on by gossip: kept and read by node/ingress/passed-on.ts alone. */
  passedOnBy: unknown;
}

const hashId = taggedHash("quorate/txid/v1");
const SIGN_TAG = utf8("quorate/tx/v1");

/** The bytes that the sender signs: "quorate/tx/v1" | genesis hash 32 | envelope without the signature. */
export function transactionSigningBytes(genesisHash: Hash, unsigned: Uint8Array): Uint8Array {
  return concatBytes(SIGN_TAG, genesisHash, unsigned);
}

/** The envelope without its signature. */
export function encodeUnsigned(transaction: Transaction): Uint8Array {
  return new Writer(96 + transaction.payload.length)
    .u8(SCHEME_ED25519)
    .u64(transaction.chainId)
    .raw(transaction.from)
    .u64(transaction.nonce)
    .u64(transaction.fee)
    .u64(transaction.validUntilHeight)
    .u8(transaction.module)
    .bytes16(transaction.payload)
    .finish();
}

/** Signs a transaction; `from` is the signer's public key. */
export function signTransaction(
  transaction: Omit<Transaction, "from">,
  signer: Signer,
  genesisHash: Hash,
): SignedTransaction {
  const whole: Transaction = { ...transaction, from: signer.publicKey };
  const unsigned = encodeUnsigned(whole);
  const signature = signer.sign(transactionSigningBytes(genesisHash, unsigned));
  return seal(whole, unsigned, signature, concatBytes(unsigned, signature));
}

/** The part of the envelope that the signature covers (with the tag and the genesis hash before it). */
export function unsignedPart(transaction: SignedTransaction): Uint8Array {
  return transaction.bytes.subarray(0, transaction.bytes.length - SIGNATURE_BYTES);
}

/**
 * Decodes an envelope and nothing more: no payload, no signature, no state. Keeps `bytes` without copying.
 * @param bytesMax genesis.limits.maxTxBytes
 */
export function decodeTransaction(
  bytes: Uint8Array,
  bytesMax: number,
): Verdict<SignedTransaction, "malformed" | "too-large"> {
  if (bytes.length > bytesMax) {
    return refuse("too-large", `transaction of ${bytes.length} bytes, the chain allows ${bytesMax}`);
  }
  return decode(bytes, "transaction", (reader) => readEnvelope(reader, bytes));
}

/** Whether it mints: only the first transaction of a mined block may. */
export function isCoinbase(transaction: Pick<SignedTransaction, "bytes">): boolean {
  return transaction.bytes[0] === SCHEME_COINBASE;
}

/**
 * The coinbase of the block at `height`. Its form is that of any transaction: `from` is who receives, `nonce` the
 * height, the payload `to 32 | value u64`; there is no fee, no expiry and no signature.
 */
export function makeCoinbase(height: bigint, to: Address, value: bigint): SignedTransaction {
  const bytes = new Writer(COINBASE_BYTES).u8(SCHEME_COINBASE).u64(height).raw(to).u64(value).finish();
  return sealCoinbase(height, to, bytes);
}

/** The value that a coinbase mints. */
export function coinbaseValue({ payload }: SignedTransaction): bigint {
  return new DataView(payload.buffer, payload.byteOffset).getBigUint64(32);
}

function sealCoinbase(height: bigint, to: Address, bytes: Uint8Array): SignedTransaction {
  const transaction: Transaction = {
    chainId: 0n,
    from: to,
    nonce: height,
    fee: 0n,
    validUntilHeight: 0n,
    module: COINBASE_MODULE,
    payload: bytes.subarray(9),
  };
  return seal(transaction, bytes, EMPTY, bytes);
}

function readCoinbase(reader: Reader, bytes: Uint8Array): SignedTransaction {
  const height = reader.u64();
  const to = asAddress(reader.raw(32));
  reader.u64();
  return sealCoinbase(height, to, bytes);
}

function readEnvelope(reader: Reader, bytes: Uint8Array): SignedTransaction {
  const scheme = reader.u8();
  if (scheme === SCHEME_COINBASE) return readCoinbase(reader, bytes);
  if (scheme !== SCHEME_ED25519) reader.fail(`unknown signature scheme 0x${scheme.toString(16)}`);
  const transaction: Transaction = {
    chainId: reader.u64(),
    from: asAddress(reader.raw(32)),
    nonce: reader.u64(),
    fee: reader.u64(),
    validUntilHeight: reader.u64(),
    module: reader.u8(),
    payload: reader.bytes16(0xffff),
  };
  const unsigned = reader.slice(0, reader.offset);
  return seal(transaction, unsigned, reader.raw(SIGNATURE_BYTES), bytes);
}

function seal(
  transaction: Transaction,
  unsigned: Uint8Array,
  signature: Uint8Array,
  bytes: Uint8Array,
): SignedTransaction {
  const { chainId, from, nonce, fee, validUntilHeight, module, payload } = transaction;
  const id = asHash(hashId(unsigned));
  const hash = sha256(bytes);
  // Written out: copying by spread costs as much as both hashes (profiled).
  return {
    chainId,
    from,
    nonce,
    fee,
    validUntilHeight,
    module,
    payload,
    signature,
    bytes,
    id,
    hash,
    fromKey: byteText(from),
    idKey: byteText(id),
    hashKey: byteText(hash),
    checkedCall: undefined,
    acceptance: undefined,
    passedOnBy: undefined,
  };
}
