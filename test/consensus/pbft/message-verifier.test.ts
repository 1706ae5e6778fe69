/**
 * The messages on the wire and at the message verifier. Goal: one encoding per message, nothing but it is taken, and nothing
 * passes whose signature does not cover every field. Method: round trips and single-bit damage by property.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asHash, equalBytes } from "../../../src/base/bytes.ts";
import { encodeBlock } from "../../../src/chain/types/block.ts";
import type { PbftMessage } from "../../../src/consensus/pbft/message-verifier.ts";
import {
  bitmapBytes,
  MESSAGE_TYPE,
  type MessageType,
  type PbftBody,
  signingBytes,
} from "../../../src/consensus/pbft/messages.ts";
import { selectConsensus } from "../../../src/consensus/select.ts";
import { buildBlock, createFixture } from "./fixture.ts";
import { signMessage } from "./sign-message.ts";

const fixture = createFixture(10);
const { verifier } = selectConsensus(fixture.genesis, fixture.genesisHash);
const block = buildBlock(fixture, fixture.block0, 0, fixture.genesis.timeMs + 5n);
const withBlock = { block, blockBytes: encodeBlock(block) };

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(asHash);
const bitmap = fc
  .uniqueArray(fc.integer({ min: 0, max: 9 }))
  .map((members) => members.reduce((map, i) => setBit(map, i), new Uint8Array(bitmapBytes(10))));
const slot = fc.record({ prePrepare: fc.boolean(), prepares: bitmap, commits: bitmap });
const sender = { from: fc.integer({ min: 0, max: 9 }), epoch: fc.constant(0n) };

const bodies: fc.Arbitrary<PbftBody> = fc.oneof(
  fc.record({ type: fc.constant("commit" as const), ...sender, view: u64, height: u64, hash }),
  fc.record({
    type: fc.constant("prepare" as const),
    ...sender,
    from: fc.integer({ min: 1, max: 9 }),
    view: fc.constant(0n),
    height: u64,
    hash,
  }),
  fc.record({
    type: fc.constant("checkpoint" as const),
    ...sender,
    height: u64,
    hash,
    stateRoot: hash,
    nextValidatorsHash: hash,
  }),
  fc.record({
    type: fc.constant("status" as const),
    ...sender,
    view: u64,
    mode: fc.constantFrom("normal" as const, "view-change" as const, "recovering" as const),
    lowWatermark: u64,
    stableCheckpoint: u64,
    lastCommitted: u64,
    viewChangeTarget: u64,
    slots: fc.array(slot, { maxLength: 8 }),
  }),
  fc.record({ type: fc.constant("fetch" as const), ...sender, hash }),
);

function setBit(map: Uint8Array<ArrayBuffer>, i: number): Uint8Array<ArrayBuffer> {
  map[i >> 3]! |= 1 << (i & 7);
  return map;
}

function sign(body: PbftBody, attached: object = {}): PbftMessage {
  return signMessage(fixture.signers[body.from]!, fixture.genesisHash, body, attached) as PbftMessage;
}

function open(bytes: Uint8Array): PbftMessage | string {
  const parsed = verifier.parse(bytes);
  if (!parsed.ok) return parsed.fault.code;
  const message = verifier.verify(parsed.value);
  return message.ok ? (message.value as PbftMessage) : message.fault.code;
}

const proposal: PbftBody = {
  type: "pre-prepare",
  from: 0,
  epoch: 0n,
  view: 0n,
  height: 1n,
  hash: block.hash,
};

describe("a message", () => {
  it("comes out of the verifier as it went in", () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const message = sign(body);
        const { attachment, ...opened } = open(verifier.encode(message)) as unknown as Record<
          string,
          unknown
        >;
        expect(attachment).toBeUndefined();
        expect(opened).toEqual(message);
      }),
      { numRuns: 200 },
    );
  });

  it("is refused with any one bit changed", () => {
    fc.assert(
      fc.property(bodies, fc.nat(), fc.nat({ max: 7 }), (body, place, bit) => {
        const bytes = verifier.encode(sign(body)).slice();
        bytes[place % bytes.length]! ^= 1 << bit;
        expect(typeof open(bytes)).toBe("string");
      }),
      { numRuns: 300 },
    );
  });

  it("is refused cut short or with bytes left over", () => {
    fc.assert(
      fc.property(bodies, fc.nat(), (body, place) => {
        const bytes = verifier.encode(sign(body));
        expect(typeof open(bytes.subarray(0, place % bytes.length))).toBe("string");
        expect(["malformed", "too-large"]).toContain(open(Uint8Array.of(...bytes, 0)));
      }),
      { numRuns: 100 },
    );
  });

  it("never crashes the verifier, whatever the bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(...Object.values(MESSAGE_TYPE)),
        (rest, type) => {
          expect(typeof open(Uint8Array.of(1, type, ...rest))).toBe("string");
        },
      ),
      { numRuns: 500 },
    );
  });

  it("has signing bytes that start with tag, type and genesis hash, and end with its sender", () => {
    const bytes = signingBytes(fixture.genesisHash, { ...proposal, type: "commit", from: 3 } as PbftBody);
    expect(bytes.length).toBe(15 + 1 + 32 + 8 + 8 + 8 + 32 + 2);
    expect(new TextDecoder().decode(bytes.subarray(0, 15))).toBe("quorate/pbft/v1");
    expect(bytes[15]).toBe(3);
    expect(equalBytes(bytes.subarray(16, 48), fixture.genesisHash)).toBe(true);
    expect([...bytes.subarray(-2)]).toEqual([0, 3]);
  });

  it("is refused beyond its size before anything else is looked at", () => {
    const sizes: [MessageType, number][] = [
      ["commit", 513],
      ["status", 512 + 8 * 5 + 1],
      ["checkpoint-certificate", 1024 + 660 + 1],
      ["pre-prepare", 200_000],
    ];
    for (const [type, size] of sizes) {
      const bytes = new Uint8Array(size);
      bytes[0] = 1;
      bytes[1] = MESSAGE_TYPE[type];
      expect(open(bytes)).toBe("too-large");
    }
  });

  it("of an unknown type, version, epoch or sender is refused", () => {
    const bytes = verifier.encode(sign({ type: "fetch", from: 1, epoch: 0n, hash: block.hash }));
    expect(open(Uint8Array.of(2, ...bytes.subarray(1)))).toBe("malformed");
    for (const reserved of [0, 11]) {
      expect(open(Uint8Array.of(1, reserved, ...bytes.subarray(2)))).toBe("unknown-type");
    }
    expect(open(verifier.encode(sign({ type: "fetch", from: 1, epoch: 1n, hash: block.hash })))).toBe(
      "wrong-epoch",
    );
    const stranger = bytes.slice();
    stranger[2 + 8 + 32 + 1] = 10;
    expect(open(stranger)).toBe("malformed");
  });

  it("signed for another chain is refused", () => {
    const other = asHash(new Uint8Array(32).fill(9));
    const message = signMessage(fixture.signers[1]!, other, {
      type: "fetch" as const,
      from: 1,
      epoch: 0n,
      hash: block.hash,
    });
    expect(open(verifier.encode(message))).toBe("bad-signature");
  });
});

describe("a proposal", () => {
  it("carries its block outside the signature", () => {
    const opened = open(verifier.encode(sign(proposal, withBlock)));
    expect(opened).toMatchObject({ type: "pre-prepare", hash: block.hash });
    expect((opened as { block: typeof block }).block).toEqual(block);
  });

  it("can be remembered without its block: hash and signature do not share its memory", () => {
    const opened = open(verifier.encode(sign(proposal, withBlock))) as PbftMessage & typeof withBlock;
    const { hash, signature, blockBytes } = opened as typeof opened & { readonly hash: Uint8Array };
    expect(blockBytes).toEqual(withBlock.blockBytes);
    for (const kept of [hash, signature]) {
      expect(kept.buffer).not.toBe(blockBytes.buffer);
      expect(kept.buffer.byteLength).toBeLessThan(200);
    }
  });

  it("with another block than the one signed for is refused", () => {
    const other = buildBlock(fixture, fixture.block0, 0, fixture.genesis.timeMs + 6n);
    const swapped = sign(proposal, { block: other, blockBytes: encodeBlock(other) });
    expect(open(verifier.encode(swapped))).toBe("wrong-block");
    expect(open(verifier.encode(sign({ ...proposal, height: 2n } as PbftBody, withBlock)))).toBe(
      "wrong-block",
    );
    const cut = sign(proposal, { block, blockBytes: withBlock.blockBytes.subarray(1) });
    expect(open(verifier.encode(cut))).toBe("malformed");
  });

  it("is the primary's alone, and the primary sends no PREPARE", () => {
    expect(open(verifier.encode(sign({ ...proposal, from: 1 } as PbftBody, withBlock)))).toBe("wrong-role");
    expect(open(verifier.encode(sign({ ...proposal, type: "prepare" } as PbftBody)))).toBe("wrong-role");
    expect(open(verifier.encode(sign({ ...proposal, view: 1n } as PbftBody, withBlock)))).toBe("wrong-role");
  });
});
