/**
 * Goal: the verdict of a siege follows from what was measured, each limit alone breaks it, and its page says so.
 * Method: made-up measurements; no network.
 */
import { describe, expect, it } from "vitest";
import { siegeReport } from "../../../../src/tools/lab/report/siege-report.ts";
import {
  attackersOf,
  judgeSiege,
  SIEGE_ATTACKS,
  SIEGE_LIMITS,
  SIEGE_MODES,
  type SiegeNode,
  type SiegeSight,
  scenesOf,
  siegeVerdict,
} from "../../../../src/tools/lab/siege/siege.ts";

const LOST = { ms: 15_000, failure: "WAIT_TIMEOUT" };
const NODE: SiegeNode = { name: "node0", memoryMaxBytes: 150e6, loopDelayP99Ms: 20, hasEnded: false };

function sightOf(changes: Partial<SiegeSight> = {}): SiegeSight {
  return {
    mode: "alliance",
    name: "validator",
    seconds: 10,
    transfers: [{ ms: 50 }, { ms: 60 }, { ms: 70 }],
    nodes: [NODE, { ...NODE, name: "node1" }],
    ownLoopDelayP99Ms: 12,
    processor: { cores: 2, nodes: 6, attackers: 3, machine: 12.5 },
    traffic: { "wrongly sealed blocks by mail": 300 },
    ...changes,
  };
}

describe("the scenes of a siege", () => {
  it("are peace, each attacker alone and all together, in both modes, without a validator where nobody votes", () => {
    const scenes = scenesOf(SIEGE_MODES, SIEGE_ATTACKS).map(({ mode, name }) => `${mode} ${name}`);
    expect(scenes).toContain("alliance validator");
    expect(scenes).not.toContain("public validator");
    expect(scenes).toHaveLength(13);
    expect(attackersOf("alliance", "all")).toHaveLength(5);
    expect(attackersOf("public", "all")).toHaveLength(4);
    expect(attackersOf("public", "none")).toEqual([]);
    expect(scenesOf(["public"], ["validator"])).toEqual([]);
  });
});

describe("the verdict of a siege", () => {
  it("is good when transfers, memory and loops are within their limits", () => {
    const result = judgeSiege(
      sightOf({ transfers: [60, 50, SIEGE_LIMITS.transferMs].map((ms) => ({ ms })) }),
    );
    expect(result).toMatchObject({
      isMatch: true,
      broken: [],
      transfers: 3,
      transfersFailed: 0,
      slowestMs: 5_000,
      medianMs: 60,
      memoryMaxBytes: 150e6,
      loopDelayP99Ms: 20,
    });
    expect(siegeVerdict([result])).toMatch(/^All 1 scenes held/);
  });

  it.each<[string, Partial<SiegeSight>, RegExp]>([
    [
      "a transfer that takes too long",
      { transfers: [{ ms: 50 }, { ms: 5_001 }] },
      /^1 of 2 transfers took more than 5000 ms/,
    ],
    ["a transfer that never arrives", { transfers: [LOST] }, /^1 of 1 transfers: WAIT_TIMEOUT$/],
    ["no transfer at all", { transfers: [] }, /^no transfer was sent/],
    ["too much memory", { nodes: [NODE, { ...NODE, memoryMaxBytes: 600e6 }] }, /took 600000000 bytes/],
    ["a loop that is late", { nodes: [{ ...NODE, loopDelayP99Ms: 251 }] }, /loop was 251 ms late/],
    ["a node that ends", { nodes: [{ ...NODE, loopDelayP99Ms: undefined, hasEnded: true }] }, /^node0 ended/],
    ["a node that says nothing", { nodes: [{ ...NODE, loopDelayP99Ms: undefined }] }, /gave no metrics/],
  ])("is bad for %s, and says so", (_, changes, words) => {
    const result = judgeSiege(sightOf(changes));
    expect(result.isMatch).toBe(false);
    expect(result.broken).toHaveLength(1);
    expect(result.broken[0]).toMatch(words);
    expect(siegeVerdict([judgeSiege(sightOf()), result])).toMatch(/^1 of 2 scenes did not hold/);
  });

  it("counts a transfer that never arrived with the time that it was waited for", () => {
    expect(judgeSiege(sightOf({ transfers: [{ ms: 50 }, LOST] })).slowestMs).toBe(LOST.ms);
  });
});

describe("the page of a siege", () => {
  it("shows scenes, nodes and traffic, and the same twice", () => {
    const results = [judgeSiege(sightOf()), judgeSiege(sightOf({ transfers: [LOST] }))];
    const page = siegeReport(results, "quorate lab siege");
    expect(page).toContain("A network under siege");
    expect(page).toContain("1 of 2 scenes did not hold");
    expect(page).toContain("wrongly sealed blocks by mail");
    // Of 20 core seconds: 6 of the nodes, 3 of the attackers, 3.5 of others, 7.5 idle.
    const words = page.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
    expect(words).toContain("30 % 15 % 18 % 38 %");
    expect(siegeReport(results, "quorate lab siege")).toBe(page);
  });
});
