/**
 * How large the messages of a view change can get: the genesis reader refuses parameters under which a NEW-VIEW
 * would not fit into one message, the wire refuses what is larger. Arithmetic only.
 * Source: pbft.md 1.3 (size limits); docs/protocol.md, "View change".
 */

/** Fixed fields and signature of a message, a header, a summary with its largest `extra`. */
const FIXED_BYTES = 512;
/** A signer's index and signature. */
const SIGNER_BYTES = 66;
/** Height, hash and signature of a carried block. */
const CARRIED_BYTES = 8 + 32 + 64;

/**
 * A VIEW-CHANGE: a checkpoint certificate and up to L certified heads, each with up to n signatures.
 * @param n validators
 * @param logWindow L, heights
 */
export function viewChangeBytesMax(n: number, logWindow: number): number {
  return (logWindow + 2) * (FIXED_BYTES + SIGNER_BYTES * n);
}

/** A NEW-VIEW: up to n VIEW-CHANGEs (a quorum of them, for the sender) and up to L carried blocks. */
export function newViewBytesMax(n: number, logWindow: number): number {
  const quorum = Math.ceil((2 * n) / 3);
  return FIXED_BYTES + quorum * viewChangeBytesMax(n, logWindow) + logWindow * CARRIED_BYTES;
}
