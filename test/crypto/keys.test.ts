/**
 * The one signature rule (decision 3) against four public sets, with exactly the table that ZIP-215 gives: the
 * result may not depend on which native library is installed.
 */
import { readFileSync } from "node:fs";
import * as noble from "@noble/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex, parseHex } from "../../src/base/bytes.ts";
import {
  createSigner,
  isStrongPublicKey,
  verifyQuickly,
  verifySignature,
  verifyZip215,
} from "../../src/crypto/keys.ts";

function load<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/ed25519/${name}.json`, import.meta.url), "utf8")) as T;
}

const bytes = (text: string): Uint8Array => parseHex(text)!;

describe("RFC 8032", () => {
  for (const { priv, pub, msg, sig } of load<Record<"priv" | "pub" | "msg" | "sig", string>[]>("rfc8032")) {
    it(`signs and verifies the message of ${msg.length / 2} bytes`, () => {
      const signer = createSigner(bytes(priv));
      expect(hex(signer.publicKey)).toBe(pub);
      expect(hex(signer.sign(bytes(msg)))).toBe(sig);
      expect(verifySignature(bytes(pub), bytes(msg), bytes(sig))).toBe(true);
      const changed = bytes(sig);
      changed[10]! ^= 1;
      expect(verifySignature(bytes(pub), bytes(msg), changed)).toBe(false);
    });
  }
});

describe("Wycheproof", () => {
  interface Group {
    readonly publicKey: { readonly pk: string };
    readonly tests: readonly { tcId: number; msg: string; sig: string; result: string }[];
  }
  const groups = load<{ testGroups: readonly Group[] }>("wycheproof").testGroups;

  it("agrees on all 151 cases but 151, where R has y = 1 and the sign bit, which ZIP-215 accepts", () => {
    const cases = groups.flatMap(({ publicKey, tests }) =>
      tests.map((test) => ({ key: publicKey.pk, ...test })),
    );
    expect(cases).toHaveLength(151);
    const differing = cases
      .filter(({ key, msg, sig, result }) => {
        return verifySignature(bytes(key), bytes(msg), bytes(sig)) !== (result === "valid");
      })
      .map(({ tcId }) => tcId);
    expect(differing).toEqual([151]);
  });
});

describe("speccheck", () => {
  it("accepts exactly cases 0-5, 9, 10 and 11", () => {
    const cases = load<{ message: string; pub_key: string; signature: string }[]>("speccheck");
    const accepted = cases.flatMap(({ message, pub_key, signature }, i) =>
      verifySignature(bytes(pub_key), bytes(message), bytes(signature)) ? [i] : [],
    );
    expect(accepted).toEqual([0, 1, 2, 3, 4, 5, 9, 10, 11]);
  });
});

describe("ZIP-215", () => {
  const cases = load<{ vk_bytes: string; sig_bytes: string }[]>("zip215");
  const message = new TextEncoder().encode("Zcash");

  it("accepts all 196 combinations of small-order points", () => {
    expect(cases).toHaveLength(196);
    expect(
      cases.every(({ vk_bytes, sig_bytes }) => verifySignature(bytes(vk_bytes), message, bytes(sig_bytes))),
    ).toBe(true);
  });

  it("never accepts natively what ZIP-215 rejects, whatever byte is changed", () => {
    fc.assert(
      fc.property(fc.nat(195), fc.nat(95), fc.integer({ min: 1, max: 255 }), (index, position, flip) => {
        const { vk_bytes, sig_bytes } = cases[index]!;
        const [key, signature] = [bytes(vk_bytes), bytes(sig_bytes)];
        if (position < 32) key[position]! ^= flip;
        else signature[position - 32]! ^= flip;
        const quick = verifyQuickly(key, message, signature);
        expect(quick && !verifyZip215(key, message, signature)).toBe(false);
        expect(verifySignature(key, message, signature)).toBe(verifyZip215(key, message, signature));
      }),
      { numRuns: 300 },
    );
  });

  it("registers none of their public keys: small order, or not canonical", () => {
    expect(cases.filter(({ vk_bytes }) => isStrongPublicKey(bytes(vk_bytes)))).toEqual([]);
  });
});

describe("a public key", () => {
  it("is strong exactly when noble calls it canonical and not of small order", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        const { publicKey } = createSigner(seed);
        expect(isStrongPublicKey(publicKey)).toBe(!noble.Point.fromBytes(publicKey, false).isSmallOrder());
      }),
      { numRuns: 20 },
    );
  });

  it("of another length than 32 verifies nothing and is not strong", () => {
    expect(isStrongPublicKey(new Uint8Array(31))).toBe(false);
    expect(verifySignature(new Uint8Array(31), new Uint8Array(1), new Uint8Array(64))).toBe(false);
    expect(() => createSigner(new Uint8Array(31))).toThrow(RangeError);
  });
});
