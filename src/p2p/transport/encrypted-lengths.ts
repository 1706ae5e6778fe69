/**
 * The length before each frame of an encrypted connection, read without an exception made for it. The library reads
 * frames until the bytes of a length are missing, which its decoder says by a new RangeError: one for each piece that a
 * socket brings, with a stack that nobody looks at. It took a twelfth of the processor time of gossip in a network of four
 * (measured). Here the same error is thrown each time.
 */

/** Bytes as the library holds what has come. */
interface Bytes {
  readonly byteLength: number;
  get(index: number): number;
}

/** A connection, which has a decoder only where it is encrypted. */
export interface DecodedConnection {
  readonly decoder?: {
    lengthDecoder(bytes: Bytes): number;
    encodingLength(length: number): number;
  };
}

/** The length of a Noise frame: u16, the most significant byte first. */
const LENGTH_BYTES = 2;
const INCOMPLETE = new RangeError("the length of an encrypted frame is not here yet");

/** @throws Error when the library's decoder is not made as this file expects */
export function readLengthsQuietly({ decoder }: DecodedConnection): void {
  if (decoder === undefined) return;
  if (typeof decoder.lengthDecoder !== "function" || decoder.encodingLength(0) !== LENGTH_BYTES)
    throw new Error("@libp2p/noise is not made as expected: it must be the pinned version");
  decoder.lengthDecoder = (bytes) => {
    if (bytes.byteLength < LENGTH_BYTES) throw INCOMPLETE;
    return (bytes.get(0) << 8) | bytes.get(1);
  };
}
