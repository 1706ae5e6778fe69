/** Goal: an invitation says what was signed or nothing; no text, however made, does more than be refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asHash } from "../../../src/base/bytes.ts";
import { createSigner } from "../../../src/crypto/keys.ts";
import { decodeInvitation, encodeInvitation, isHttpUrl } from "../../../src/node/home/invitation.ts";
import { peerIdFromSeed } from "../../../src/p2p/transport/identity.ts";
import { INVITATION_TEXT_MAX } from "../../../src/rpc/joining.ts";

const seed = new Uint8Array(32).fill(7);
const signer = createSigner(seed);
const fields = {
  genesisHash: asHash(new Uint8Array(32).fill(1)),
  expiresAtMs: 1_900_000_000_000,
  serial: new Uint8Array(16).fill(2),
  urls: ["http://127.0.0.1:18545"],
  addresses: ["/ip4/127.0.0.1/tcp/30300", "/dns/node0.example.org/tcp/30300"],
};
const text = encodeInvitation(fields, signer);

describe("an invitation", () => {
  test("is short, and says what was signed", () => {
    expect(text.length).toBeLessThan(400);
    expect(decodeInvitation(` ${text}\n`)).toEqual({
      ok: true,
      value: { ...fields, peerId: peerIdFromSeed(seed) },
    });
  });

  test("is refused whichever character of it is changed or missing", () => {
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom("A", "z", "_", ".", " ", ""), (at, other) => {
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        return changed.trim() === text || !decodeInvitation(changed).ok;
      }),
      { numRuns: 150 },
    );
  });

  test("is refused with the reason where it is too long, of another program or of no use", () => {
    const faults = [
      ["x".repeat(INVITATION_TEXT_MAX + 1), "at most 4096"],
      ["https://example.org", "begins with quorate-invite-1."],
      ["quorate-invite-1.", "missing or changed"],
      ["quorate-invite-1.AQ", "cut off"],
      [encodeInvitation({ ...fields, urls: ["file:///etc/passwd"] }, signer), "an address that is none"],
      [encodeInvitation({ ...fields, addresses: ["/ip4/1.2.3.4/udp/1"] }, signer), "an address that is none"],
    ] as const;
    for (const [words, reason] of faults) {
      const read = decodeInvitation(words);
      expect(read.ok ? "accepted" : read.fault.detail).toContain(reason);
    }
  });

  test("carries http and https alone, without names, passwords or questions", () => {
    expect(["http://a:1", "https://[::1]:2/rpc"].every(isHttpUrl)).toBe(true);
    expect(
      ["ftp://a", "http://u:p@a", "http://a/?x=1", "http://a/#x", "http://a b", "http://"].some(isHttpUrl),
    ).toBe(false);
  });
});
