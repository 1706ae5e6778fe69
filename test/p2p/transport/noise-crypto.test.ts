/** The cipher of connections: the same bytes by sodium-native as by the library, in whatever pieces they come. */
import { randomBytes } from "node:crypto";
import { defaultCrypto } from "@libp2p/noise/crypto";
import { Uint8ArrayList } from "uint8arraylist";
import { expect, it } from "vitest";
import { noiseCrypto } from "../../../src/p2p/transport/noise-crypto.ts";

const LENGTHS = [0, 1, 15, 16, 17, 63, 64, 65, 100, 1_199, 1_200, 5_000, 65_519];
const own = (length: number) => new Uint8Array(randomBytes(length));

it("the cipher of connections encrypts to the library's bytes and decrypts them, with and without additional data", () => {
  const crypto = noiseCrypto();
  for (const length of LENGTHS) {
    for (const additional of [new Uint8Array(0), own(32)]) {
      const [plaintext, nonce, key] = [own(length), own(12), own(32)];
      const theirs = defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, additional, key).subarray();
      const ours = crypto.chaCha20Poly1305Encrypt(plaintext, nonce, additional, key).subarray();
      expect(Buffer.compare(ours, theirs)).toBe(0);
      const back = crypto.chaCha20Poly1305Decrypt(theirs, nonce, additional, key).subarray();
      expect(Buffer.compare(back, plaintext)).toBe(0);
    }
  }
});

it("the cipher of connections takes what is in several pieces as one, and leaves them as they are", () => {
  const crypto = noiseCrypto();
  const [nonce, key, none] = [own(12), own(32), new Uint8Array(0)];
  const plaintext = own(300);
  const whole = crypto.chaCha20Poly1305Encrypt(plaintext, nonce, none, key).subarray();
  const pieces = new Uint8ArrayList(plaintext.slice(0, 7), plaintext.slice(7));
  expect(crypto.chaCha20Poly1305Encrypt(pieces, nonce, none, key).subarray()).toEqual(whole);
  const encrypted = new Uint8ArrayList(whole.slice(0, 200), whole.slice(200));
  expect(crypto.chaCha20Poly1305Decrypt(encrypted, nonce, none, key).subarray()).toEqual(plaintext);
  expect(encrypted.subarray()).toEqual(whole);
});

it("the cipher of connections refuses what was changed, what has no tag, and another key", () => {
  const crypto = noiseCrypto();
  const [nonce, key, none] = [own(12), own(32), new Uint8Array(0)];
  const encrypted = crypto.chaCha20Poly1305Encrypt(own(50), nonce, none, key).subarray();
  for (const at of [0, 49, 50, 65]) {
    const changed = Uint8Array.from(encrypted, (byte, i) => (i === at ? byte ^ 1 : byte));
    expect(() => crypto.chaCha20Poly1305Decrypt(changed, nonce, none, key)).toThrow();
  }
  expect(() => crypto.chaCha20Poly1305Decrypt(encrypted, nonce, none, own(32))).toThrow();
  expect(() => crypto.chaCha20Poly1305Decrypt(encrypted, nonce, own(32), key)).toThrow();
  expect(() => crypto.chaCha20Poly1305Decrypt(own(15), nonce, none, key)).toThrow("without its tag");
});
