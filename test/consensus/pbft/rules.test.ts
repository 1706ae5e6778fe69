/** The rules of a head under PBFT: what prepareHead makes is right, and each field alone makes it wrong. */
import { describe, expect, it } from "vitest";
import { assert } from "../../../src/base/assert.ts";
import { asHash } from "../../../src/base/bytes.ts";
import type { BlockHead, Header, Summary } from "../../../src/chain/types/block.ts";
import { buildBlock, createFixture, NO_BRANCH } from "./fixture.ts";

const fixture = createFixture(4);
const { rules, validators } = fixture.consensus;
const start = fixture.genesis.timeMs;
const block = buildBlock(fixture, fixture.block0, 3, start + 1_500n);

function check(header: Partial<Header>, summary: Partial<Summary>): string | undefined {
  const head: BlockHead = {
    hash: block.hash,
    header: { ...block.header, ...header },
    summary: { ...block.summary, ...summary },
  };
  return rules.checkHead(fixture.block0, head, NO_BRANCH)?.code;
}

describe("the rules of PBFT", () => {
  it("take the head that they prepared", () => {
    expect(check({}, {})).toBeUndefined();
    expect(block.header.time).toBe(Number((start + 1_500n) / 1_000n));
  });

  it.each<[string, Partial<Header>, Partial<Summary>]>([
    ["wrong-version", { version: 1 }, {}],
    ["wrong-work", { bits: 1 }, {}],
    ["wrong-work", { nonce: 1 }, {}],
    ["wrong-epoch", {}, { epoch: 1n }],
    ["wrong-proposer", {}, { proposer: 4 }],
    ["wrong-validators", {}, { validatorsHash: asHash(new Uint8Array(32)) }],
    ["wrong-validators", {}, { nextValidatorsHash: asHash(new Uint8Array(32)) }],
    ["wrong-flags", {}, { flags: 1 }],
    ["wrong-extra", {}, { extra: Uint8Array.of(0) }],
    ["time-not-after-parent", {}, { timeMs: start }],
    ["wrong-header-time", { time: block.header.time + 1 }, {}],
    ["wrong-header-time", {}, { timeMs: start + 10_000_000_000_000_000n }],
  ])("answer %s for %o %o", (code, header, summary) => {
    expect(check(header, summary)).toBe(code);
  });

  it("put a block after its parent, however slow the proposer's clock is", () => {
    expect(buildBlock(fixture, block, 0, start).summary.timeMs).toBe(block.summary.timeMs + 1n);
  });

  it("pay the proposer, weigh every block alike and are final at once", () => {
    assert(rules.kind === "final", "validators agree on its blocks");
    expect(rules.feeRecipient(block)).toEqual(validators.members[3]!.account);
    expect(rules.weight(block.header)).toBe(1n);
    expect(rules.executionTimeMs(fixture.block0, block, NO_BRANCH)).toBe(start + 1_500n);
  });
});
