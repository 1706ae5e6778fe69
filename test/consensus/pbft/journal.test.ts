/** Journal records: what is read back is what was written, by this validator, for this chain, or an Error. */
import { describe, expect, it } from "vitest";
import { encodeBlock } from "../../../src/chain/types/block.ts";
import { CastVotes, type VoteRecord } from "../../../src/consensus/pbft/cast-votes.ts";
import { decodeRecord, encodeVoteRecord } from "../../../src/consensus/pbft/journal.ts";
import type { Commit, PrePrepare, Prepare } from "../../../src/consensus/pbft/message-verifier.ts";
import type { PbftBody } from "../../../src/consensus/pbft/messages.ts";
import { buildBlock, createFixture, type Fixture } from "./fixture.ts";
import { signMessage } from "./sign-message.ts";

const fixture = createFixture(4);
const block = buildBlock(fixture, fixture.block0, 0, fixture.genesis.timeMs + 5n);
const { hash, header, summary } = block;

function sign<T>(type: string, from: number, attached: object = {}): T {
  const body = { type, from, epoch: 0n, view: 0n, height: 1n, hash } as PbftBody;
  return signMessage(fixture.signers[from]!, fixture.genesisHash, body, attached) as T;
}

const body = { block, blockBytes: encodeBlock(block) };
const proposal = sign<PrePrepare>("pre-prepare", 0, body);
const bare = sign<PrePrepare>("pre-prepare", 0);
const prepares = [1, 2].map((signer) => ({ signer, signature: sign<Prepare>("prepare", signer).signature }));
const records: [number, VoteRecord][] = [
  [0, { type: "pre-prepare", vote: proposal }],
  [1, { type: "prepare", vote: sign<Prepare>("prepare", 1), proposal: bare, body }],
  [
    2,
    {
      type: "commit",
      vote: sign<Commit>("commit", 2),
      certificate: { view: 0n, head: { hash, header, summary }, prePrepare: proposal.signature, prepares },
    },
  ],
];

function context(self: number, { genesisHash, validators, genesis }: Fixture = fixture) {
  return { self, genesisHash, validators, limits: genesis.limits, n: 4, logWindow: 8 };
}

describe("a journal record", () => {
  for (const [self, record] of records) {
    it(`of a ${record.type} comes back with what stands beside it`, () => {
      expect(decodeRecord(encodeVoteRecord(record), context(self))).toEqual(record);
    });

    it(`of a ${record.type} is refused for another validator, chain, version, or damaged`, () => {
      const bytes = encodeVoteRecord(record);
      expect(() => decodeRecord(bytes, context(3))).toThrow("does not belong to this validator");
      expect(() => decodeRecord(bytes, context(self, createFixture(5)))).toThrow("does not belong");
      expect(() => decodeRecord(Uint8Array.of(2, ...bytes.subarray(1)), context(self))).toThrow(
        "record of version 2, this program reads 1",
      );
      expect(() => decodeRecord(Uint8Array.of(1, 9, ...bytes.subarray(2)), context(self))).toThrow("damaged");
      expect(() => decodeRecord(bytes.subarray(0, -1), context(self))).toThrow("damaged");
    });
  }

  it("of an empty journal entry is refused", () => {
    expect(() => decodeRecord(new Uint8Array(0), context(0))).toThrow("version undefined");
  });
});

describe("the votes cast", () => {
  it("permits the identical vote and refuses another one for the same place", () => {
    const castVotes = new CastVotes();
    const record = records[1]![1];
    castVotes.enter(record, 0);
    const other = new Uint8Array(32) as typeof hash;
    expect(castVotes.permits(0n, 1n, "prepare", hash)).toBe(true);
    expect(castVotes.permits(0n, 1n, "prepare", other)).toBe(false);
    expect(castVotes.permits(0n, 1n, "commit", other)).toBe(true);
    expect(castVotes.permits(1n, 1n, "prepare", other)).toBe(true);
    expect(() => castVotes.enter(record, 0)).toThrow("a vote twice");
    castVotes.prune(1n);
    expect(castVotes.permits(0n, 1n, "prepare", other)).toBe(true);
  });
});
