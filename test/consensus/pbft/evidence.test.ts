/** Goal: evidence convicts whoever contradicted itself and nobody else. Method: pairs of signed messages. */
import { describe, expect, it } from "vitest";
import { asHash, EMPTY, type Hash } from "../../../src/base/bytes.ts";
import { Writer } from "../../../src/codec/writer.ts";
import { encodeEvidence, evidenceBytesMax } from "../../../src/consensus/pbft/evidence.ts";
import { encodeMessage } from "../../../src/consensus/pbft/message-bytes.ts";
import {
  type PbftBody,
  signingBytes,
  type ViewChangeBody,
  type VoteBody,
} from "../../../src/consensus/pbft/messages.ts";
import { createFixture } from "./fixture.ts";

const fixture = createFixture(4);
const { openEvidence } = fixture.consensus;
const A = asHash(new Uint8Array(32).fill(0xaa));
const B = asHash(new Uint8Array(32).fill(0xbb));

function sign<T extends PbftBody>(body: T, signer = body.from): T & { signature: Uint8Array } {
  return { ...body, signature: fixture.signers[signer]!.sign(signingBytes(fixture.genesisHash, body)) };
}

function vote(hash: Hash, changes: Partial<VoteBody> = {}): VoteBody {
  return { type: "commit", from: 2, epoch: 0n, view: 5n, height: 9n, hash, ...changes };
}

function viewChange(stableCheckpoint: bigint, changes: Partial<ViewChangeBody> = {}): ViewChangeBody {
  const rest = { checkpoint: EMPTY, certified: [] };
  return { type: "view-change", from: 2, epoch: 0n, view: 5n, stableCheckpoint, ...rest, ...changes };
}

describe("evidence", () => {
  it("says who voted for which two blocks, and where", () => {
    expect(openEvidence(encodeEvidence(sign(vote(A)), sign(vote(B))))).toEqual({
      ok: true,
      value: { author: 2, epoch: 0n, view: 5n, height: 9n, phase: "commit", digests: [A, B] },
    });
  });

  it("also convicts of two VIEW-CHANGEs for one view", () => {
    const opened = openEvidence(encodeEvidence(sign(viewChange(0n)), sign(viewChange(4n))));
    expect(opened).toMatchObject({ ok: true, value: { author: 2, phase: "view-change", view: 5n } });
  });

  it.each([
    ["another validator", vote(B, { from: 1 })],
    ["another view", vote(B, { view: 6n })],
    ["another height", vote(B, { height: 10n })],
    ["another phase", vote(B, { type: "prepare" })],
    ["the same block", vote(A)],
  ])("finds no conflict with a vote of %s", (_, second) => {
    const opened = openEvidence(encodeEvidence(sign(vote(A)), sign(second)));
    expect(opened).toMatchObject({ ok: false, fault: { code: "no-conflict" } });
  });

  it("finds no conflict between a VIEW-CHANGE and its copy, nor with one for another view", () => {
    for (const second of [viewChange(0n), viewChange(4n, { view: 6n })]) {
      const opened = openEvidence(encodeEvidence(sign(viewChange(0n)), sign(second)));
      expect(opened).toMatchObject({ ok: false, fault: { code: "no-conflict" } });
    }
  });

  it("refuses what another has signed, in whichever place", () => {
    for (const [first, second] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const opened = openEvidence(encodeEvidence(sign(vote(A), first), sign(vote(B), second)));
      expect(opened).toMatchObject({ ok: false, fault: { code: "bad-signature" } });
    }
  });

  it("refuses messages of an epoch whose validators it does not know", () => {
    const [first, second] = [vote(A, { epoch: 1n }), vote(B, { epoch: 1n })];
    const opened = openEvidence(encodeEvidence(sign(first), sign(second)));
    expect(opened).toMatchObject({ ok: false, fault: { code: "wrong-epoch" } });
  });

  it("refuses messages that bind nobody", () => {
    const fetch = (hash: Hash) => sign({ type: "fetch", from: 2, epoch: 0n, hash } as const) as never;
    const opened = openEvidence(encodeEvidence(fetch(A), fetch(B)));
    expect(opened).toMatchObject({ ok: false, fault: { code: "no-conflict" } });
  });

  it("has one encoding: nothing behind it, nothing beside the signatures, one version, a largest size", () => {
    const good = encodeEvidence(sign(vote(A)), sign(vote(B)));
    const [first, second] = [vote(A, { type: "pre-prepare" }), vote(B, { type: "pre-prepare" })].map((body) =>
      sign(body),
    );
    const attached = new Writer(512).u8(1).bytes32(encodeMessage(first!, first!.signature, EMPTY));
    attached.bytes32(encodeMessage(second!, second!.signature, new Uint8Array(1)));
    const shape = { n: 4, logWindow: 8, limits: fixture.genesis.limits };
    const wrong = [
      Uint8Array.of(...good, 0),
      good.slice(0, -1),
      Uint8Array.of(2, ...good.slice(1)),
      attached.finish(),
      EMPTY,
    ];
    for (const bytes of wrong) expect(openEvidence(bytes)).toMatchObject({ fault: { code: "malformed" } });
    const large = new Uint8Array(evidenceBytesMax(shape) + 1);
    expect(openEvidence(large)).toMatchObject({ fault: { code: "too-large" } });
  });
});
