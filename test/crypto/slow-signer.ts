/**
 * A signer whose signatures only ZIP-215 accepts: the key is strong and R carries a point of order two, so that
 * 8sB = 8R + 8kA holds and sB = R + kA does not. Native libraries refuse them, the slow verifier takes its time.
 */
import * as noble from "@noble/ed25519";
import { concatBytes, parseHex } from "../../src/base/bytes.ts";
import { createSigner, type Signer } from "../../src/crypto/keys.ts";

/** @param seed 32 bytes */
export function slowSigner(seed: Uint8Array): Signer {
  const { publicKey } = createSigner(seed);
  const { scalar } = noble.utils.getExtendedPublicKey(seed);
  const orderTwo = noble.Point.fromBytes(parseHex(`ec${"ff".repeat(30)}7f`)!, true);
  const L = noble.Point.CURVE().n;
  return {
    publicKey,
    sign(message) {
      const r = (littleEndian(noble.hash(concatBytes(seed, message))) % (L - 1n)) + 1n;
      const R = noble.Point.BASE.multiply(r).add(orderTwo).toBytes();
      const k = littleEndian(noble.hash(concatBytes(R, publicKey, message)));
      return concatBytes(R, toLittleEndian((r + k * scalar) % L));
    },
  };
}

const littleEndian = (bytes: Uint8Array) => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const toLittleEndian = (value: bigint) =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
