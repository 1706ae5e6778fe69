/** The words in which one node's answers are shown. */
import { describe, expect, it } from "vitest";
import { describeBlock, describeSync } from "../../../src/cli/chain/query.ts";

const hash = (digit: string) => `0x${digit.repeat(64)}`;
const block = {
  height: 7,
  hash: hash("a"),
  parentHash: hash("b"),
  time: 1_767_225_600_000,
  epoch: 0,
  proposer: 0,
  txCount: 1,
  bodyBytes: 49,
  txRoot: hash("1"),
  stateRoot: hash("2"),
  receiptsRoot: hash("3"),
  validatorsHash: hash("0"),
  nextValidatorsHash: hash("0"),
  bodyRoot: hash("4"),
  version: 1,
  bits: 0x207fffff,
  nonce: 5,
  extra: "0x",
  consensus: { type: "pow" as const, nonce: 5, bits: "0x207fffff", difficulty: 0, work: "2" },
  txs: [hash("c")],
  size: 400,
};
const named = (index: number) => `${index}`;

describe("a block", () => {
  it("of the chain says nothing of branches", () => {
    expect(describeBlock(block, named).join()).not.toContain("branch");
  });

  it.each([
    ["valid-fork", "executed here once"],
    ["valid-headers", "never executed"],
    ["headers-only", "only its header is known"],
    ["invalid", "is invalid"],
  ] as const)("off the chain says so: %s", (status, words) => {
    const line = describeBlock({ ...block, branch: { status, forkHeight: 5 } }, named)[1];
    expect(line).toContain("NOT on the active chain: its branch leaves the chain after block 5");
    expect(line).toContain(words);
  });

  it("without a body lists no transactions", () => {
    const branch = { status: "headers-only", forkHeight: 5 } as const;
    const lines = describeBlock({ ...block, txs: null, branch }, named);
    expect(lines.at(-1)).toContain("the body is not here");
  });
});

describe("a node that catches up", () => {
  const syncing = { current: 3, target: 90, targetVerified: true, startedAt: 1 };

  it("says how far it is, and what it fetches where headers come first", () => {
    expect(describeSync({ syncing: false })).toBe("");
    expect(describeSync({ syncing })).toContain("from 3 to 90");
    expect(describeSync({ syncing: { ...syncing, targetVerified: false } })).toContain(
      "a peer claims height 90, unverified",
    );
    expect(describeSync({ syncing: { ...syncing, phase: "heads" } })).toContain(
      "fetching headers, 90 so far",
    );
    expect(describeSync({ syncing: { ...syncing, phase: "bodies" } })).toContain("fetching bodies from 3");
  });
});
