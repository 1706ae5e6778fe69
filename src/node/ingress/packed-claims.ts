/**
 * Signature claims as one piece of memory, which goes to another thread without being copied again: key 32 | signature
 * 64 | length of the message u32 (little-endian) | message, one after the other.
 */
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES, type SignatureClaim } from "../../crypto/keys.ts";

const FIXED_BYTES = PUBLIC_KEY_BYTES + SIGNATURE_BYTES + 4;

/** @throws RangeError where a key has not 32 bytes or a signature not 64 */
export function packClaims(claims: readonly SignatureClaim[]): ArrayBuffer {
  const bytes = claims.reduce((sum, { message }) => sum + FIXED_BYTES + message.length, 0);
  const packed = new Uint8Array(bytes);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const { publicKey, message, signature } of claims) {
    if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES)
      throw new RangeError(`a key of ${publicKey.length} bytes and a signature of ${signature.length}`);
    packed.set(publicKey, at);
    packed.set(signature, at + PUBLIC_KEY_BYTES);
    view.setUint32(at + FIXED_BYTES - 4, message.length, true);
    packed.set(message, at + FIXED_BYTES);
    at += FIXED_BYTES + message.length;
  }
  return packed.buffer;
}

/** Views into the packed memory. It must be what {@link packClaims} made. */
export function unpackClaims(packed: ArrayBuffer): SignatureClaim[] {
  const view = new DataView(packed);
  const claims: SignatureClaim[] = [];
  for (let at = 0; at < packed.byteLength; ) {
    const length = view.getUint32(at + FIXED_BYTES - 4, true);
    claims.push({
      publicKey: new Uint8Array(packed, at, PUBLIC_KEY_BYTES),
      signature: new Uint8Array(packed, at + PUBLIC_KEY_BYTES, SIGNATURE_BYTES),
      message: new Uint8Array(packed, at + FIXED_BYTES, length),
    });
    at += FIXED_BYTES + length;
  }
  return claims;
}
