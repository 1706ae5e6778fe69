/**
 * The Byzantine validators: with one more than f of them the checkers report a fork within seconds of virtual time,
 * so the instrument bites; with f of them nothing may be reported, whatever they do.
 */
import { describe, expect, it } from "vitest";
import { adversaries } from "../../../../src/tools/sim/adversary.ts";
import { generateSchedule } from "../../../../src/tools/sim/generate.ts";
import { runSchedule } from "../../../../src/tools/sim/run.ts";
import {
  ADVERSARY_NAMES,
  type AdversaryName,
  type AdversarySpec,
  type Schedule,
} from "../../../../src/tools/sim/schedule.ts";
import { ADDED_NAMES } from "../added-names.ts";
import { transferring, watched } from "../watched.ts";

const ALWAYS = { atMs: 0, untilMs: Number.MAX_SAFE_INTEGER };

/** The first `count` validators, the last one is the victim. */
function equivocators(count: number, nodes: number): AdversarySpec[] {
  const victims = Array.from({ length: Math.floor((nodes - count) / 2) }, (_, i) => nodes - 1 - i);
  return Array.from({ length: count }, (_, validator): AdversarySpec => {
    return { id: `a${validator}`, validator, ...ALWAYS, kind: "equivocate", victims };
  });
}

/** Everything that a kind of adversary may want to know. */
const WISHES = {
  victims: [3],
  delayMs: 150,
  account: 0,
  everyMs: 40,
  perSecond: 100,
  offsetMs: 30_000,
  probability: 0.3,
};

function corrupted(seed: number, nodes: number, count: number, kind: AdversaryName): Schedule {
  const schedule = generateSchedule({ seed, nodes, byzantine: count, profile: "byzantine" });
  const specs = Array.from({ length: count }, (_, validator) => {
    return { id: `a${validator}`, validator, ...ALWAYS, ...WISHES, kind } as AdversarySpec;
  });
  return { ...schedule, disks: [], adversaries: specs };
}

describe("one validator more than the protocol survives", () => {
  for (const [nodes, count] of [
    [4, 2],
    [7, 3],
    [10, 4],
  ] as const) {
    it(`forks ${nodes} validators by ${count} who equivocate, and the checkers say so`, async () => {
      const colluders = adversaries();
      const options = {
        validators: nodes,
        adversaries: equivocators(count, nodes),
        misbehave: colluders.misbehave,
      };
      const run = watched((truth) => truth, options, [colluders.observer]);
      await transferring(run, 2);
      const found = new Set(run.checkers.violations.map(({ checker }) => checker));
      expect(found).toContain("agreement");
      expect(found).toContain("lock");
    });
  }

  it("is seen in a generated schedule, before a replica has fallen for it", async () => {
    const { violations } = await runSchedule({
      ...corrupted(1, 4, 2, "equivocate"),
      faults: [],
      crashes: [],
    });
    expect(violations[0]?.checker).toBe("lock");
  });
});

describe("as many validators as the protocol survives", () => {
  for (const kind of [...ADVERSARY_NAMES, ...ADDED_NAMES]) {
    // One schedule of each: the brief ones of byzantine.ts, which cost a quarter of it, have many more of most kinds.
    it(`do no harm when they are of the kind ${kind}`, async () => {
      const { violations } = await runSchedule(corrupted(1, 4, 1, kind));
      expect(violations).toEqual([]);
    });
  }

  it("act by the seed alone", async () => {
    const schedule = corrupted(5, 4, 1, "collude");
    const first = await runSchedule(schedule);
    const second = await runSchedule(schedule);
    expect(second.traceHash).toBe(first.traceHash);
  });
});
