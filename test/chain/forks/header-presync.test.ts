/**
 * Goal: a branch that is read through is held to the same rules as one that is stored, in little memory. Method:
 * honest heads under every retarget rule, and single heads that break one rule, mined for real.
 */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Chain } from "../../../src/chain/chain.ts";
import { branchesOf } from "../../../src/chain/chain-mode.ts";
import type { RetargetParameters } from "../../../src/chain/genesis/pow-parameters.ts";
import { type BlockHead, bodyRootOf, hashHeader } from "../../../src/chain/types/block.ts";
import { meetsTarget } from "../../../src/chain/types/target.ts";
import { expectedBits } from "../../../src/consensus/pow/retarget.ts";
import { genesis, mineOn, openMinedChain, parameters } from "../pow-fixtures.ts";

const RULES: Readonly<Record<RetargetParameters["rule"], RetargetParameters>> = {
  fixed: { rule: "fixed" },
  asert: { rule: "asert", halflife: 6_000 },
  bitcoin: { rule: "bitcoin", interval: 20, timewarpGuard: true },
};

function consensusOf(rule: RetargetParameters["rule"]) {
  return { ...parameters, startBits: 0x201fffff, retarget: RULES[rule] };
}

function solve(head: BlockHead): BlockHead {
  for (let nonce = 0; ; nonce++) {
    const header = { ...head.header, nonce };
    const hash = hashHeader(header);
    if (meetsTarget(hash, header.bits)) return { ...head, header, hash };
  }
}

/** What makes one head of a branch wrong. */
interface Change {
  readonly height: number;
  readonly bits?: number;
  /** Seconds beyond the time that it would have. */
  readonly later?: number;
}

/** Heads without bodies on the chain's own, each with the bits that its branch asks for. */
function headsOn(chain: Chain, count: number, rule: RetargetParameters["rule"], change?: Change) {
  const template = mineOn(chain).block;
  const consensus = consensusOf(rule);
  const heads: BlockHead[] = [chain.head];
  for (let i = 1; i <= count; i++) {
    const parent = heads.at(-1)!;
    const past = {
      height: parent.summary.height,
      headerAt: (height: bigint) => heads[Number(height)]!.header,
    };
    const { bits = expectedBits(consensus, past), later = 0 } = change?.height === i ? change : {};
    const summary = { ...template.summary, height: BigInt(i) };
    const time = chain.head.header.time + i * 600 + ((i * 37) % 300) + later;
    const header = {
      ...template.header,
      previousHash: parent.hash,
      bodyRoot: bodyRootOf(summary),
      time,
      bits,
    };
    heads.push(solve({ hash: parent.hash, header, summary }));
  }
  return heads.slice(1);
}

async function scanOf(rule: RetargetParameters["rule"], now?: () => number) {
  const chain = await openMinedChain({
    genesis: { ...genesis, consensus: consensusOf(rule) },
    ...(now === undefined ? {} : { now }),
  });
  const scan = branchesOf(chain).scan(chain.head.hash)!;
  return { chain, scan };
}

describe.each(["fixed", "asert", "bitcoin"] as const)("a branch read through under %s", (rule) => {
  test("passes like one that is stored, however its heads are cut into answers", async () => {
    const { chain } = await scanOf(rule);
    const heads = headsOn(chain, 320, rule);
    const added = await branchesOf(chain).addHeads(heads);
    if (added.kind !== "added") throw new Error(added.kind);
    const cuts = fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(cuts, async (sizes) => {
        const { scan } = await scanOf(rule);
        let at = 0;
        for (const size of [...sizes, heads.length]) {
          expect(scan.add(heads.slice(at, at + size))).toBeUndefined();
          at += size;
        }
        expect(scan.work).toBe(added.last!.work);
      }),
      { numRuns: 5 },
    );
  });

  test.each([3, 25, 150, 300])("ends at the first head with lowered bits, head %i", async (height) => {
    const { chain, scan } = await scanOf(rule);
    const heads = headsOn(chain, height, rule, { height, bits: 0x207fffff });
    expect(scan.add(heads.slice(0, -1))).toBeUndefined();
    expect(scan.add(heads.slice(-1))).toMatchObject({ kind: "invalid", fault: { code: "wrong-bits" } });
  });

  test("ends at a head before the median of its branch", async () => {
    const { chain, scan } = await scanOf(rule);
    const heads = headsOn(chain, 130, rule, { height: 130, later: -9_000 });
    expect(scan.add(heads)).toMatchObject({ kind: "invalid", fault: { code: "time-too-old" } });
  });

  test("stops, without a fault, at a head that is not due", async () => {
    const { chain, scan } = await scanOf(rule, () => Number(genesis.timeMs) + 3_600_000);
    expect(scan.add(headsOn(chain, 40, rule))).toMatchObject({ kind: "early" });
  });
});

test("heads of another chain id or at a wrong height do not pass, nor ones that do not link", async () => {
  const { chain } = await scanOf("fixed");
  const heads = headsOn(chain, 3, "fixed");
  const changed = (change: object): BlockHead => {
    const summary = { ...heads[0]!.summary, ...change };
    const header = { ...heads[0]!.header, bodyRoot: bodyRootOf(summary) };
    return solve({ ...heads[0]!, header, summary });
  };
  const scan = () => branchesOf(chain).scan(chain.head.hash)!;
  expect(scan().add([changed({ chainId: 9n })])).toMatchObject({
    kind: "invalid",
    fault: { code: "wrong-chain" },
  });
  expect(scan().add([changed({ height: 2n })])).toMatchObject({
    kind: "invalid",
    fault: { code: "wrong-height" },
  });
  expect(scan().add([heads[0]!, heads[2]!])).toMatchObject({
    kind: "invalid",
    fault: { code: "not-a-chain" },
  });
  expect(branchesOf(chain).scan(heads[0]!.hash)).toBeUndefined();
});
