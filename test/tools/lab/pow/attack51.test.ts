/**
 * Goal: races over the real headers, tree and fork choice come out as theory says, and a node that chooses wrongly is
 * found out. Method: small tables judged by the exact test, mutated fork choices, the naive simulation where
 * difficulty moves. Seeds are fixed: a run that passes passes always.
 */
import { describe, expect, it } from "vitest";
import type { ForkChoice } from "../../../../src/chain/forks/block-tree.ts";
import {
  type AttackOptions,
  addTallies,
  type Cell,
  type CellResult,
  judgeCell,
  judgeOf,
  runTrials,
} from "../../../../src/tools/lab/pow/attack51.ts";
import {
  ATTACKER,
  LabBranch,
  LabChain,
  RETARGETS,
  TRUNK_BLOCKS,
} from "../../../../src/tools/lab/pow/lab-chain.ts";
import { CHOICES, type ChoiceOf, type RaceEvent, runRace } from "../../../../src/tools/lab/pow/race.ts";
import { Random } from "../../../../src/tools/sim/random.ts";

const OPTIONS: AttackOptions = {
  trials: 120,
  seed: 5,
  giveUp: 10,
  premined: 0,
  release: "heavier",
  tie: "first-seen",
  retarget: "none",
  stamps: "now",
};
const fixed = new LabChain("none");

function measure(options: AttackOptions, cell: Cell, choiceOf?: ChoiceOf): CellResult {
  const chain = options.retarget === "none" ? fixed : new LabChain(options.retarget);
  return judgeCell(options, cell, runTrials(chain, options, cell, [0, options.trials], choiceOf), 6);
}

describe("a table of double spends", () => {
  it("matches the strict formula with its give-up", () => {
    const cells = [
      { share: 0.1, confirmations: 1 },
      { share: 0.3, confirmations: 2 },
      { share: 0.4, confirmations: 0 },
      { share: 0.45, confirmations: 3 },
      { share: 0.5, confirmations: 2 },
      { share: 0.6, confirmations: 4 },
    ];
    for (const cell of cells) {
      expect(measure(OPTIONS, cell)).toMatchObject({ judge: "strict", isMatch: true, capped: 0 });
    }
  });

  it("matches Rosenfeld's with one block in advance, or when a tie counts", () => {
    const cell = { share: 0.3, confirmations: 2 };
    const inAdvance = { ...OPTIONS, premined: 1 };
    const tieCounts = { ...OPTIONS, release: "tie", tie: "last-seen" } as const;
    for (const options of [inAdvance, tieCounts]) {
      const result = measure(options, cell);
      expect(result).toMatchObject({ judge: "Rosenfeld", isMatch: true });
      expect(judgeCell(OPTIONS, cell, result, 6).isMatch).toBe(false);
    }
  });

  it("matches the exact sum with a coin at ties and several blocks in advance", () => {
    const options = { ...OPTIONS, premined: 2, release: "tie", tie: "random" } as const;
    expect(measure(options, { share: 0.3, confirmations: 5 })).toMatchObject({
      judge: "exact",
      isMatch: true,
    });
  });

  it("stays strict when a tie is released to nodes that keep what they saw first", () => {
    const options = { ...OPTIONS, trials: 300, release: "tie" } as const;
    expect(measure(options, { share: 0.4, confirmations: 2 })).toMatchObject({
      judge: "strict",
      isMatch: true,
    });
  });

  it("does not depend on how the races are cut into pieces", () => {
    const cell = { share: 0.35, confirmations: 2 };
    const whole = runTrials(fixed, OPTIONS, cell, [0, 40]);
    const pieces = [
      [30, 40],
      [0, 13],
      [13, 30],
    ] as const;
    expect(addTallies(pieces.map((range) => runTrials(new LabChain("none"), OPTIONS, cell, range)))).toEqual(
      whole,
    );
  });

  it("counts what the attacker spent and lost", () => {
    const result = measure({ ...OPTIONS, trials: 50 }, { share: 0.3, confirmations: 6 });
    expect(result.attackerWork).toBe(2 * result.attackerBlocks);
    expect(result.lostBlocks).toBeLessThanOrEqual(result.attackerBlocks);
    expect(result.lostPerTrial).toBe(result.lostBlocks / 50);
    const never = measure({ ...OPTIONS, trials: 50, giveUp: 1 }, { share: 0.01, confirmations: 8 });
    expect(never).toMatchObject({ wins: 0, lostPerWin: undefined, deepestReorg: 0 });
  });
});

describe("the table of double spends finds out", () => {
  const cell = { share: 0.4, confirmations: 2 };

  it("a node that tosses a coin at ties", () => {
    // A short wait of a weak attacker: there a tie is worth most.
    const options = { ...OPTIONS, trials: 300, release: "tie" } as const;
    const weak = { share: 0.2, confirmations: 1 };
    expect(measure(options, weak)).toMatchObject({ judge: "strict", isMatch: true });
    expect(measure(options, weak, CHOICES.random).isMatch).toBe(false);
  });

  const mostBlocks: ForkChoice = (candidate, head) =>
    candidate.head.summary.height > head.head.summary.height;

  it("a node that takes most blocks for most work, when difficulty moves", () => {
    const options: AttackOptions = { ...OPTIONS, trials: 250, retarget: "asert", stamps: "earliest" };
    const few = { share: 0.25, confirmations: 2 };
    expect(measure(options, few)).toMatchObject({ judge: "simulation", isMatch: true });
    expect(measure(options, few, () => mostBlocks).isMatch).toBe(false);
  });

  it("no difference where all blocks weigh the same", () => {
    expect(measure({ ...OPTIONS, trials: 100 }, cell, () => mostBlocks).isMatch).toBe(true);
  });
});

describe("a race where difficulty moves", () => {
  it("agrees with the naive simulation under both retargets and every stamp policy", () => {
    for (const retarget of ["asert", "bitcoin"] as const) {
      for (const stamps of ["now", "schedule", "earliest"] as const) {
        const options: AttackOptions = { ...OPTIONS, trials: 20, retarget, stamps };
        const result = measure(options, { share: 0.35, confirmations: 2 });
        expect(result, `${retarget} ${stamps}`).toMatchObject({ judge: "simulation", isMatch: true });
      }
    }
    expect(judgeOf({ ...OPTIONS, retarget: "bitcoin" })).toBe("simulation");
  });
});

describe("one race of double spends", () => {
  it("tells its events: blocks of both, then release and reorganisation, or giving up", () => {
    const race = { ...OPTIONS, share: 0.45, confirmations: 2 };
    for (let trial = 0; trial < 20; trial++) {
      const events: RaceEvent[] = [];
      const outcome = runRace(fixed, race, new Random(trial), undefined, (event) => events.push(event));
      const { kind, honestWork, attackerWork } = events.at(-1)!;
      expect(kind).toBe(outcome.won ? "reorganised" : "gave-up");
      expect(attackerWork > honestWork).toBe(outcome.won);
      const released = events.filter((event) => event.kind === "released");
      expect(released).toHaveLength(outcome.won ? outcome.attackerBlocks : 0);
      expect(events.filter((event) => event.kind === "honest")).toHaveLength(outcome.honestBlocks);
    }
  });

  it("starts from a trunk that obeys the rules of its chain", () => {
    for (const retarget of RETARGETS) {
      const { trunk, rules } = new LabChain(retarget);
      expect(trunk).toHaveLength(TRUNK_BLOCKS);
      for (let i = 1; i < trunk.length; i++) {
        const wrong = rules.checkHead(trunk[i - 1]!, trunk[i]!, new LabBranch(trunk.slice(0, i)));
        expect(wrong).toBeUndefined();
      }
    }
  });

  it("marks blocks by their miner, so that two of one height differ", () => {
    const branch = new LabBranch(fixed.trunk);
    const { hash, header } = branch.tip;
    const [a, b] = [0, ATTACKER].map((miner) => fixed.mine(branch, hash, header.time + 600, miner));
    expect(a!.hash).not.toEqual(b!.hash);
  });
});
