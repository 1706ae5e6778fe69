/** Questions and answers about branches on the wire: one encoding each, and a bound for everything. */
import { describe, expect, it } from "vitest";
import { asHash, hex } from "../../../src/base/bytes.ts";
import { BODIES_PER_QUESTION_MAX, LOCATOR_HASHES_MAX } from "../../../src/base/limits.ts";
import {
  type BranchAnswer,
  type BranchQuestion,
  decodeBranchAnswer,
  decodeBranchQuestion,
  encodeBranchAnswer,
  encodeBranchQuestion,
  isBranchQuestion,
} from "../../../src/p2p/sync/branch-wire.ts";
import { mineOn, openMinedChain } from "../../chain/pow-fixtures.ts";

const hash = (byte: number) => asHash(new Uint8Array(32).fill(byte));

const questions: readonly BranchQuestion[] = [
  { kind: "heads", locator: [hash(1), hash(2)] },
  { kind: "bodies", bytesMax: 1_000, hashes: [hash(3)] },
  { kind: "block-transactions", hash: hash(4), indexes: [0, 2, 19_999] },
];

describe("a question about branches", () => {
  it("is decoded to what was encoded", () => {
    for (const question of questions) {
      const bytes = encodeBranchQuestion(question);
      expect(isBranchQuestion(bytes)).toBe(true);
      expect(decodeBranchQuestion(bytes)).toEqual({ ok: true, value: question });
    }
  });

  it("has the bytes of docs/protocol.md", () => {
    expect(hex(encodeBranchQuestion(questions[0]!))).toBe(`0500000002${"01".repeat(32)}${"02".repeat(32)}`);
    expect(hex(encodeBranchQuestion(questions[1]!))).toBe(`06000003e800000001${"03".repeat(32)}`);
    expect(hex(encodeBranchQuestion(questions[2]!))).toBe(`07${"04".repeat(32)}00000003000000024e1f`);
  });

  it("is refused when it asks for nothing, for too much or twice", () => {
    const many = (count: number) => Array.from({ length: count }, () => hash(1));
    const wrong: readonly BranchQuestion[] = [
      { kind: "heads", locator: [] },
      { kind: "heads", locator: many(LOCATOR_HASHES_MAX + 1) },
      { kind: "bodies", bytesMax: 1, hashes: [] },
      { kind: "bodies", bytesMax: 1, hashes: many(BODIES_PER_QUESTION_MAX + 1) },
      { kind: "block-transactions", hash: hash(1), indexes: [] },
      { kind: "block-transactions", hash: hash(1), indexes: [2, 2] },
      { kind: "block-transactions", hash: hash(1), indexes: [2, 1] },
    ];
    for (const question of wrong) {
      expect(decodeBranchQuestion(encodeBranchQuestion(question))).toMatchObject({ ok: false });
    }
    expect(decodeBranchQuestion(Uint8Array.of(8))).toMatchObject({ ok: false });
    expect(isBranchQuestion(Uint8Array.of(4))).toBe(false);
  });
});

describe("an answer about branches", () => {
  it("is decoded to what was encoded, and refused as an answer of another kind", async () => {
    const chain = await openMinedChain();
    const { hash: id, header, summary } = mineOn(chain).block;
    const answers: readonly BranchAnswer[] = [
      { kind: "heads", heads: [{ hash: id, header, summary }] },
      { kind: "bodies", bodies: [Uint8Array.of(1, 2), new Uint8Array(0)] },
      { kind: "block-transactions", envelopes: [Uint8Array.of(7)] },
    ];
    for (const answer of answers) {
      const bytes = encodeBranchAnswer(answer);
      for (const { kind } of answers) {
        const decoded = decodeBranchAnswer(kind, bytes);
        if (kind === answer.kind) expect(decoded).toEqual({ ok: true, value: answer });
        else expect(decoded).toMatchObject({ ok: false });
      }
    }
  });
});
