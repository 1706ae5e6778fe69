/**
 * Compact proposals on the wire and at the message verifier. Goal: what becomes whole is the PRE-PREPARE that was signed, byte
 * for byte, and nothing else ever does. Method: round trips, and each of the rules broken alone.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex } from "../../../src/base/bytes.ts";
import type { Verdict } from "../../../src/base/fault.ts";
import {
  assembleBlock,
  type Block,
  bodyBytesOf,
  encodeBlock,
  txRootOf,
} from "../../../src/chain/types/block.ts";
import type { SignedTransaction } from "../../../src/chain/types/transaction.ts";
import { encodeCompact } from "../../../src/consensus/pbft/compact-proposal.ts";
import type { PbftMessage, PrePrepare } from "../../../src/consensus/pbft/message-verifier.ts";
import { selectConsensus } from "../../../src/consensus/select.ts";
import { alice, bob, transfer } from "../../chain/fixtures.ts";
import { buildBlock, createFixture } from "./fixture.ts";
import { signMessage } from "./sign-message.ts";

const fixture = createFixture(4);
const { verifier } = selectConsensus(fixture.genesis, fixture.genesisHash);
const form = verifier.compact!;
const transfers = Array.from({ length: 5 }, (_, i) =>
  transfer(alice, bob.publicKey, 3n, { nonce: BigInt(i) }),
);
const block = blockWith(transfers);
const message = proposalOf(block);

/** A block whose summary is that of its body, but for what is changed. */
function blockWith(transactions: readonly SignedTransaction[], changed: object = {}): Block {
  const { header, summary } = buildBlock(fixture, fixture.block0, 0, fixture.genesis.timeMs + 5n);
  const { bodyRoot: _, ...fields } = header;
  const body = {
    txRoot: txRootOf(transactions),
    txCount: transactions.length,
    bodyBytes: bodyBytesOf(transactions),
  };
  return assembleBlock(fields, { ...summary, ...body, ...changed }, transactions);
}

function proposalOf(signed: Block, brought: Block = signed): PrePrepare {
  const place = { type: "pre-prepare", from: 0, epoch: 0n, view: 0n, height: 1n, hash: signed.hash } as const;
  const withBlock = { block: brought, blockBytes: encodeBlock(brought) };
  return signMessage(fixture.signers[0]!, fixture.genesisHash, place, withBlock) as PrePrepare;
}

function open(bytes: Uint8Array) {
  const parsed = verifier.parse(bytes);
  return parsed.ok ? form.open(parsed.value) : parsed;
}

function codeOf(verdict: Verdict<unknown>): string {
  return verdict.ok ? "ok" : `${verdict.fault.code}: ${verdict.fault.detail}`;
}

const none = () => false;

describe("a compact proposal", () => {
  it("becomes the PRE-PREPARE that it stands for, byte for byte", () => {
    const opened = open(encodeCompact(message, none));
    if (!opened.ok) throw new Error(opened.fault.detail);
    const { hashes, envelopes, head, complete } = opened.value;
    expect(hashes.map(hex)).toEqual(transfers.map(({ hash }) => hex(hash)));
    expect([envelopes, hex(head.hash)]).toEqual([[], hex(block.hash)]);
    const whole = complete(transfers);
    if (!whole.ok) throw new Error(whole.fault.detail);
    expect(hex(verifier.encode(whole.value as PbftMessage))).toBe(hex(verifier.encode(message)));
  });

  it("brings in full what the others may not have", () => {
    const fresh = new Set([transfers[1], transfers[4]]);
    const opened = open(encodeCompact(message, (transaction) => fresh.has(transaction)));
    expect(opened.ok && opened.value.envelopes.map(hex)).toEqual(
      [transfers[1]!, transfers[4]!].map(({ bytes }) => hex(bytes)),
    );
  });

  it("is the form of a PRE-PREPARE alone, and is not taken for a whole one, nor a whole one for it", () => {
    const place = { from: 1, epoch: 0n, view: 0n, height: 1n, hash: block.hash };
    const prepare = signMessage(fixture.signers[1]!, fixture.genesisHash, { type: "prepare", ...place });
    expect(form.encode(prepare as PbftMessage, none)).toBeUndefined();
    expect(codeOf(open(verifier.encode(prepare as PbftMessage)))).toContain("unknown-type");
    const parsed = verifier.parse(encodeCompact(message, none));
    expect(parsed.ok && verifier.verify(parsed.value).ok).toBe(false);
    expect(codeOf(open(verifier.encode(message)))).toContain("malformed");
  });

  it("is known by the votes for its block to be held by their senders", () => {
    const place = { from: 1, epoch: 0n, view: 0n, height: 1n, hash: block.hash };
    const vote = (type: "prepare" | "commit") =>
      signMessage(fixture.signers[1]!, fixture.genesisHash, { type, ...place }) as PbftMessage;
    expect([vote("prepare"), vote("commit"), message].map((one) => form.heldBy(one))).toEqual([
      block.hash,
      block.hash,
      undefined,
    ]);
  });

  it("is refused with any one bit changed in front of its envelopes", () => {
    const bytes = encodeCompact(message, none);
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
        const spoiled = bytes.slice();
        spoiled[at]! ^= 1 << bit;
        expect(open(spoiled).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("is refused where the hashes, their number, the head or the signature are not those of one block", () => {
    const [first, second, ...others] = transfers;
    const swapped = { ...block, transactions: [second!, first!, ...others] };
    const shorter = { ...block, transactions: transfers.slice(1) };
    const later = blockWith(transfers, { height: 2n });
    const cases: readonly (readonly [PrePrepare, string])[] = [
      [proposalOf(block, swapped), "hashes do not match txRoot"],
      [proposalOf(block, shorter), "4 hashes, the summary says 5"],
      [proposalOf(block, blockWith(transfers.slice(1))), "wrong-block"],
      [proposalOf(later), "block of height 2, signed for 1"],
      [{ ...message, signature: new Uint8Array(64) }, "bad-signature"],
      [proposalOf(blockWith(transfers, { bodyBytes: 100_001 })), "body of 100001 bytes, at most 100000"],
    ];
    for (const [proposal, code] of cases) expect(codeOf(open(encodeCompact(proposal, none)))).toContain(code);
  });

  it("is refused with more envelopes than hashes", () => {
    const bytes = encodeCompact(message, () => true);
    const count = bytes.length - transfers.reduce((sum, { bytes: { length } }) => sum + 2 + length, 0) - 1;
    const more = new Uint8Array([...bytes, 0, 1, 7]);
    more[count]!++;
    expect(open(bytes).ok).toBe(true);
    expect(codeOf(open(more))).toContain("malformed");
  });

  it("does not become whole where its transactions have another length than the head says", () => {
    const lying = blockWith(transfers, { bodyBytes: bodyBytesOf(transfers) - 1 });
    const opened = open(encodeCompact(proposalOf(lying), none));
    if (!opened.ok) throw new Error(opened.fault.detail);
    expect(codeOf(opened.value.complete(transfers))).toContain("wrong-block: transactions of");
  });
});
