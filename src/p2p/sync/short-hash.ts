/**
 * Short names of transactions in one exchange between two pools: 8 bytes of a function of the whole hash that the
 * asker's salt chooses, so that nobody can make two transactions beforehand whose short names are equal. The function
 * is linear over words of 32 bits with secret coefficients: 20,000 of them cost a millisecond or two, which a
 * cryptographic hash of each would exceed tenfold. Bytes: docs/protocol.md, "Repair between peers".
 */
import { concatBytes, utf8 } from "../../base/bytes.ts";
import { Writer } from "../../codec/writer.ts";
import { sha256 } from "../../crypto/hash.ts";

const TAG = utf8("quorate/short/v1");
const WORDS = 8;

export class ShortHashes {
  readonly salt: bigint;
  /** Coefficients of the higher and of the lower half. */
  readonly #high: DataView;
  readonly #low: DataView;

  /** @param salt is a u64 that is drawn for one question. */
  constructor(salt: bigint) {
    this.salt = salt;
    this.#high = coefficients(salt, 0);
    this.#low = coefficients(salt, 1);
  }

  /** The short name of a transaction, u64. @param hash 32 bytes */
  readonly of = (hash: Uint8Array): bigint => {
    const words = new DataView(hash.buffer, hash.byteOffset, 4 * WORDS);
    let high = 0;
    let low = 0;
    for (let at = 0; at < 4 * WORDS; at += 4) {
      const word = words.getUint32(at);
      high = (high + Math.imul(word, this.#high.getUint32(at))) | 0;
      low = (low + Math.imul(word, this.#low.getUint32(at))) | 0;
    }
    return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  };
}

function coefficients(salt: bigint, half: number): DataView {
  const digest = sha256(concatBytes(TAG, new Writer(9).u64(salt).u8(half).finish()));
  return new DataView(digest.buffer, digest.byteOffset);
}

/** A u64 from numbers in [0, 1). */
export function drawSalt(random: () => number): bigint {
  const half = () => BigInt(Math.floor(random() * 2 ** 32));
  return (half() << 32n) | half();
}
