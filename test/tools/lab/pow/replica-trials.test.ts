/**
 * Goal: races of whole replicas come out as theory says, and as the honest ledger says. Method: small cells on virtual
 * time judged by the exact test, and a mutated fork choice that it finds out. Seeds are fixed.
 */
import { describe, expect, it } from "vitest";
import {
  type AttackOptions,
  type Cell,
  type CellResult,
  judgeCell,
} from "../../../../src/tools/lab/pow/attack51.ts";
import { CHOICES, type ChoiceOf } from "../../../../src/tools/lab/pow/race.ts";
import { RaceFixture } from "../../../../src/tools/lab/pow/race-fixture.ts";
import { runReplicaRace, runReplicaTrials } from "../../../../src/tools/lab/pow/replica-trials.ts";
import { Random } from "../../../../src/tools/sim/random.ts";

const OPTIONS: AttackOptions = {
  trials: 40,
  seed: 3,
  giveUp: 4,
  premined: 0,
  release: "heavier",
  tie: "first-seen",
  retarget: "none",
  stamps: "now",
};
const fixture = new RaceFixture();

async function measure(options: AttackOptions, cell: Cell, choiceOf?: ChoiceOf): Promise<CellResult> {
  const tally = await runReplicaTrials(fixture, options, cell, [0, options.trials], choiceOf);
  return judgeCell(options, cell, tally, 2);
}

describe("races of whole replicas", () => {
  it.each([
    { share: 0.3, confirmations: 1 },
    { share: 0.45, confirmations: 2 },
  ])(
    "match the strict formula with its give-up: $share, $confirmations",
    async (cell) => {
      expect(await measure(OPTIONS, cell)).toMatchObject({ judge: "strict", isMatch: true, capped: 0 });
    },
    60_000,
  );

  it("match Rosenfeld's formula with one block in advance, and not the strict one", async () => {
    const options: AttackOptions = { ...OPTIONS, premined: 1 };
    const cell = { share: 0.3, confirmations: 1 };
    const result = await measure(options, cell);
    expect(result).toMatchObject({ judge: "Rosenfeld", isMatch: true });
    expect(judgeCell(OPTIONS, cell, result, 2).isMatch).toBe(false);
  });

  it("are found out when they change over at a tie", async () => {
    const options: AttackOptions = { ...OPTIONS, release: "tie", trials: 45 };
    const result = await measure(options, { share: 0.2, confirmations: 1 }, CHOICES["last-seen"]);
    expect(result).toMatchObject({ judge: "strict", isMatch: false });
  });

  it("give the same races however they are cut into pieces", async () => {
    const cell = { share: 0.4, confirmations: 1 };
    const whole = await runReplicaTrials(fixture, OPTIONS, cell, [5, 9]);
    expect(await runReplicaTrials(new RaceFixture(), OPTIONS, cell, [5, 9])).toEqual(whole);
    expect(whole.trials).toBe(4);
  });

  it("undo exactly the blocks that a won race says", async () => {
    const race = { ...OPTIONS, share: 0.9, confirmations: 3 };
    const outcome = await runReplicaRace(
      fixture,
      race,
      new Random("majority"),
      CHOICES["first-seen"](new Random(1)),
    );
    expect(outcome).toMatchObject({ won: true, capped: false });
    expect(outcome.attackerBlocks).toBeGreaterThan(outcome.honestBlocks);
    expect(outcome.honestBlocks).toBeGreaterThanOrEqual(3);
  });
});
