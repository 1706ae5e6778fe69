// The module on a chain of four validators in this process, and what is sealed off the chain.
import { randomBytes } from "node:crypto";
import { checkDeterminism, devnet } from "quorate/testing";
import { expect, test } from "vitest";
import attestations from "../src/attestations.ts";
import { digestOf, newSealingKey, open, type Sealed, seal } from "../src/sealing.ts";

const wheat = `0x${"11".repeat(32)}` as const;
const flour = `0x${"22".repeat(32)}` as const;
const CERTIFICATE = Buffer.from("moisture 12.1 %, protein 13.4 %, field 7");

test("a recipient opens what was attested, from the chain's digest and the envelope", async () => {
  const net = await devnet({ validators: 4, modules: [attestations] });
  const miller = newSealingKey();
  await net.final(net.call(attestations.publish, { key: miller.publicKey }, { from: "bob" }));
  const published = net.entry("attestations", "keys", net.account("bob").address) as typeof wheat;
  const sealed = seal(CERTIFICATE, [published]);
  const call = { digest: sealed.digest, kind: "wheat", inputs: [] };
  await net.final(net.call(attestations.attest, call, { from: "alice" }));
  const made = { digest: flour, kind: "flour", inputs: [sealed.digest] };
  expect(await net.final(net.call(attestations.attest, made, { from: "bob" }))).toMatchObject({
    status: "success",
  });
  expect(net.entry("attestations", "attestations", sealed.digest)).toMatchObject({
    issuer: net.account("alice").address,
    kind: "wheat",
    revoked: null,
  });
  expect(Buffer.from(open(sealed, miller, sealed.digest))).toEqual(CERTIFICATE);
  await net.stop();
});

test("what was revoked cannot be an input, and only its issuer revokes it", async () => {
  const net = await devnet({ validators: 4, modules: [attestations] });
  const attest = (digest: typeof wheat, inputs: (typeof wheat)[], from: string) =>
    net.final(net.call(attestations.attest, { digest, kind: "lot", inputs }, { from }));
  const revoke = (from: string) => net.final(net.call(attestations.revoke, { digest: wheat }, { from }));
  expect((await attest(flour, [wheat], "bob")).fault).toBe("ATTESTATIONS_UNKNOWN_INPUT");
  expect((await attest(wheat, [], "alice")).status).toBe("success");
  expect((await attest(wheat, [], "bob")).fault).toBe("ATTESTATIONS_ALREADY_ATTESTED");
  expect((await attest(flour, [wheat, wheat], "bob")).fault).toBe("ATTESTATIONS_REPEATED_INPUT");
  expect((await revoke("bob")).fault).toBe("ATTESTATIONS_NOT_ISSUER");
  expect((await revoke("alice")).status).toBe("success");
  expect((await revoke("alice")).fault).toBe("ATTESTATIONS_ALREADY_REVOKED");
  expect((await attest(flour, [wheat], "bob")).fault).toBe("ATTESTATIONS_REVOKED_INPUT");
  await net.stop();
});

test("every node comes to the same state, whatever its clock, its time zone and its locale", async () => {
  await checkDeterminism(
    [attestations],
    [
      (net) => net.call(attestations.attest, { digest: wheat, kind: "wheat", inputs: [] }, { from: "alice" }),
      (net) =>
        net.call(attestations.attest, { digest: flour, kind: "flour", inputs: [wheat] }, { from: "bob" }),
      (net) => net.call(attestations.revoke, { digest: wheat }, { from: "alice" }),
    ],
  );
});

test("each named recipient opens an envelope, also an empty one, and nobody else does", () => {
  const [one, two, stranger] = [newSealingKey(), newSealingKey(), newSealingKey()];
  const sealed = seal(CERTIFICATE, [one.publicKey, two.publicKey]);
  const sent = JSON.parse(JSON.stringify(sealed)) as Sealed;
  for (const key of [one, two]) expect(Buffer.from(open(sent, key, sealed.digest))).toEqual(CERTIFICATE);
  expect(() => open(sent, stranger, sealed.digest)).toThrow(/not sealed to/);
  // A stranger's secret under a recipient's name opens nothing.
  const liar = { publicKey: one.publicKey, secretKey: stranger.secretKey };
  expect(() => open(sent, liar, sealed.digest)).toThrow(/cannot be decrypted/);
  const empty = seal(new Uint8Array(), [one.publicKey]);
  expect(open(empty, one, empty.digest)).toHaveLength(0);
});

test("whatever is altered in an envelope is refused", () => {
  const key = newSealingKey();
  const sealed = seal(CERTIFICATE, [key.publicKey]);
  const other = seal(CERTIFICATE, [key.publicKey]);
  const [wrap] = sealed.recipients;
  const flipped = (text: string) => `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}` as `0x${string}`;
  const altered: Sealed[] = [
    { ...sealed, body: flipped(sealed.body) },
    { ...sealed, body: other.body },
    { ...sealed, ephemeral: other.ephemeral },
    { ...sealed, recipients: other.recipients },
    { ...sealed, recipients: [{ publicKey: key.publicKey, wrapped: flipped(wrap?.wrapped ?? "") }] },
    { ...sealed, ephemeral: `0x${"00".repeat(32)}` },
    { ...sealed, body: "0x00" },
    { ...sealed, recipients: [] },
    { ...sealed, digest: other.digest },
    {} as Sealed,
    null as unknown as Sealed,
  ];
  for (const one of altered)
    expect(() => open(one, key, sealed.digest)).toThrow(expect.objectContaining({ name: "SealError" }));
});

test("a digest tells nothing to who guesses the payload, since its salt is sealed with it", () => {
  const { publicKey } = newSealingKey();
  const [one, two] = [seal(CERTIFICATE, [publicKey]), seal(CERTIFICATE, [publicKey])];
  expect(one.digest).not.toBe(two.digest);
  expect(one.digest).not.toBe(digestOf(new Uint8Array(), CERTIFICATE));
  expect(digestOf(randomBytes(32), CERTIFICATE)).not.toBe(one.digest);
});

test("an order that cannot be sealed is refused", () => {
  const { publicKey } = newSealingKey();
  expect(() => seal(CERTIFICATE, [])).toThrow("1 to 64, found 0");
  expect(() => seal(CERTIFICATE, [publicKey, publicKey])).toThrow("named twice");
  expect(() => seal(CERTIFICATE, [`0x${"00".repeat(32)}`])).toThrow("no X25519 public key");
  expect(() => seal(CERTIFICATE, ["0x12"])).toThrow("32 bytes, found 1");
});
