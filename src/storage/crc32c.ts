/**
 * CRC-32C (Castagnoli), the checksum of the journal file's records. It finds torn and rotten bytes; it proves
 * nothing against someone who wants to deceive, that is what signatures are for.
 * Source: RFC 3720 appendix B.4 (polynomial, test vectors), reflected form, one table of 256 words.
 */

const POLYNOMIAL_REFLECTED = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let word = byte;
  for (let bit = 0; bit < 8; bit++) word = word & 1 ? (word >>> 1) ^ POLYNOMIAL_REFLECTED : word >>> 1;
  return word;
});

/** The checksum of all parts in a row, as an unsigned 32-bit number. */
export function crc32c(...parts: readonly Uint8Array[]): number {
  let sum = 0xffffffff;
  for (const part of parts) {
    // Both indexes lie within; an assertion here would take twice the time (measured).
    for (let i = 0; i < part.length; i++) {
      sum = (TABLE[(sum ^ (part[i] ?? 0)) & 0xff] ?? 0) ^ (sum >>> 8);
    }
  }
  return ~sum >>> 0;
}
