/**
 * Goal: the verdict of a siege follows from what was measured, each limit alone breaks it, and its page says so.
 * Method: made-up measurements; no network.
 */
import { describe, expect, it } from "vitest";
import { type Address, asAddress, asHash } from "../../../../src/base/bytes.ts";
import { dearQuestions } from "../../../../src/cli/lab/siege-questions.ts";
import { decodeBranchQuestion, isBranchQuestion } from "../../../../src/p2p/sync/branch-wire.ts";
import { decodeQuestion } from "../../../../src/p2p/sync/repair-wire.ts";
import { siegeReport } from "../../../../src/tools/lab/report/siege-report.ts";
import {
  attackersOf,
  judgeSiege,
  playScenes,
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
    expect(scenes).toHaveLength(15);
    expect(attackersOf("alliance", "all")).toHaveLength(6);
    expect(attackersOf("public", "all")).toHaveLength(5);
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

describe("a scene that does not begin", () => {
  const scenes = scenesOf(["alliance"], ["none", "strangers", "validator"]);
  const play = async ({ name }: (typeof scenes)[number]) => {
    if (name === "strangers") throw new Error("node2 did not start: <port taken>");
    return sightOf({ name });
  };

  it("is recorded as failed with its reason, and the others go on", async () => {
    const results = await playScenes(scenes, play, () => false);
    expect(results.map(({ name, isMatch }) => [name, isMatch])).toEqual([
      ["none", true],
      ["strangers", false],
      ["validator", true],
    ]);
    expect(siegeVerdict(results)).toBe(
      "1 of 3 scenes did not hold. alliance, strangers: it did not take place: node2 did not start: <port taken>.",
    );
    const page = siegeReport(results, "quorate lab siege");
    expect(page).toContain("did not start: &lt;port taken&gt;");
    expect(page).not.toMatch(/NaN|Infinity/);
  });

  it("ends the run after an interrupt", async () => {
    await expect(playScenes(scenes, play, () => true)).rejects.toThrow("node2 did not start");
  });
});

describe("the questions of a siege", () => {
  it("are the dear ones: heads or blocks, the pool, transactions and comparisons, all well formed", () => {
    const genesisHash = asHash(new Uint8Array(32).fill(7));
    const kinds = (validators: readonly Address[]) =>
      new Set(
        dearQuestions({ genesisHash, validators }).map((bytes) => {
          const read = isBranchQuestion(bytes) ? decodeBranchQuestion(bytes) : decodeQuestion(bytes);
          return read.ok ? read.value.kind : read.fault.code;
        }),
      );
    expect(kinds([])).toEqual(new Set(["heads", "pool", "transactions", "compare"]));
    expect(kinds([asAddress(new Uint8Array(32))])).toEqual(
      new Set(["blocks", "pool", "transactions", "compare"]),
    );
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
