/** Why a mined chain moves or does not: the judgement and the words. */
import { describe, expect, it } from "vitest";
import { explainMining, type MiningStanding, rate } from "../../../src/rpc/explain/explain-mining.ts";

const calm: MiningStanding = {
  height: 120n,
  headAgeMs: 4_000,
  spacing: 5,
  syncing: undefined,
  believedHeight: 120n,
  claimedHeight: 120n,
  peers: 2,
  expectsPeers: false,
  troubles: [],
  clocks: { measured: [], limitMs: 5_000, early: [] },
  pool: { executable: 1, queued: 0 },
  mining: { mining: true, threads: 2, hashrate: 41_234 },
  hashrate: 123_456,
  finalityDepth: 6,
  reorgs: [],
};

const reorg = (depth: number) => ({ agoMs: 60_000, depth, dropped: 0 });

describe("the explanation of a mined chain", () => {
  it("says how long a block has been due and how rare that is", () => {
    const { state, ok, summary, details } = explainMining(calm);
    expect({ state, ok }).toEqual({ state: "moving", ok: true });
    expect(summary).toBe("height 120, last block 4 s ago, one is due every 5 s");
    expect(details).toContain(
      "blocks come at random: with the wanted hash power a gap as long as this one comes after 45 % of blocks",
    );
    expect(details).toContain(
      "this node mines with 2 threads at 41.2 kH/s; all miners together about 123 kH/s",
    );
    expect(details).toContain("no reorganisation in the last hour");
  });

  it("tells of a claim that nobody could check, and judges without it", () => {
    const { state, details } = explainMining({ ...calm, claimedHeight: 2n ** 64n - 1n });
    expect(state).toBe("moving");
    expect(details.join()).toContain("a peer claims height 18446744073709551615, unverified");
  });

  it.each([
    [
      "syncing",
      false,
      { syncing: { current: 3n, target: 90n, targetVerified: true } },
      "catching up: height 3 of 90",
    ],
    [
      "syncing",
      false,
      { syncing: { current: 3n, target: 90n, targetVerified: true, phase: "heads" } },
      "fetching headers, 90 so far; height 3 is executed",
    ],
    [
      "alone",
      false,
      { peers: 0, mining: undefined, headAgeMs: 16_000 },
      "no peer is connected and this node does not mine",
    ],
    ["moving", true, { peers: 0, headAgeMs: 16_000 }, "height 120"],
    ["moving", true, { peers: 0, mining: undefined }, "height 120"],
    [
      "stale",
      false,
      { headAgeMs: 101_000, mining: undefined },
      "no miner that this node hears of has found one",
    ],
    [
      "stale",
      false,
      { headAgeMs: 101_000, believedHeight: 131n },
      "no connected peer sends the blocks that are missing",
    ],
    ["stale", false, { headAgeMs: 101_000 }, "far too slow for the target"],
    [
      "stale",
      false,
      { headAgeMs: 101_000, believedHeight: 130n },
      "headers are known up to height 130, and no connected peer sends the blocks that are missing",
    ],
    ["moving", true, { headAgeMs: 99_000 }, "height 120"],
    ["reversed", false, { reorgs: [reorg(1), reorg(7)] }, "REVERSED: 7 blocks"],
    ["moving", true, { reorgs: [reorg(6)] }, "height 120"],
  ] as const)("is %s", (state, ok, change, words) => {
    const explained = explainMining({ ...calm, ...change });
    expect(explained).toMatchObject({ state, ok });
    expect(explained.summary).toContain(words);
  });

  const cut = {
    peers: 0,
    expectsPeers: true,
    troubles: [{ name: "node1", reason: "nobody listens at /ip4/127.0.0.1/tcp/30301" }],
  };

  it("never calls a miner well that should have peers and has none", () => {
    const { state, ok, summary } = explainMining({ ...calm, ...cut });
    expect({ state, ok }).toEqual({ state: "alone", ok: false });
    expect(summary).toBe(
      "no peer is connected: node1: nobody listens at /ip4/127.0.0.1/tcp/30301; this node mines a branch of its own, " +
        "which nobody hears of and a heavier one will replace (height 120, last block 4 s ago)",
    );
    const own = explainMining({ ...calm, peers: 0 });
    expect(own).toMatchObject({ state: "moving", ok: true });
    expect(own.summary).toContain("no peer is known: the chain is this node's alone");
  });

  it("says at height 0 without peers that it cannot know whether anybody mines", () => {
    const start = { ...calm, ...cut, height: 0n, believedHeight: 0n, mining: undefined, headAgeMs: 900 };
    expect(explainMining(start)).toMatchObject({
      state: "alone",
      ok: false,
      summary: expect.stringContaining(
        "it cannot hear of blocks, so it does not know whether anybody mines (height 0, the genesis)",
      ) as string,
    });
  });

  it("asks whether anybody mines only where no header says so", () => {
    const late = { ...calm, headAgeMs: 101_000, mining: undefined };
    expect(explainMining(late).summary).toContain("does anybody mine?");
    const bodiless = { current: 0n, target: 600n, targetVerified: true, phase: "bodies" as const };
    const { summary } = explainMining({ ...late, height: 0n, syncing: bodiless, believedHeight: 600n });
    expect(summary).toBe(
      "catching up: height 0 of 600, whose headers are here; no block came in for 1 min 41 s: " +
        "no connected peer sends the bodies that are missing",
    );
    expect(explainMining({ ...late, believedHeight: 131n }).summary).not.toContain("does anybody mine?");
  });

  it("counts reorganisations and shows rates in words", () => {
    expect(explainMining({ ...calm, reorgs: [reorg(1), reorg(2)] }).details).toContain(
      "2 reorganisations in the last hour, the deepest of 2 blocks 1 min 0 s ago",
    );
    expect([0, 850, 1_000, 41_234, 1_234_567, 2.5e9].map(rate)).toEqual([
      "0 H/s",
      "850 H/s",
      "1 kH/s",
      "41.2 kH/s",
      "1.2 MH/s",
      "2.5 GH/s",
    ]);
  });
});
