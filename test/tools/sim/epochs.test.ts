import { describe, expect, it } from "vitest";
import { runEpochs } from "../../../src/tools/sim/epochs/epoch-run.ts";
import { BRIEF, type EpochScale, WHOLE } from "../../../src/tools/sim/epochs/epoch-scale.ts";

const FROM = Number(process.env.EPOCHS_FROM ?? 1);
/** A brief schedule costs a tenth of a whole one, which has larger sets and longer epochs. */
const WHOLE_COUNT = Number(process.env.EPOCHS_COUNT ?? 1);
const BRIEF_COUNT = Number(process.env.EPOCHS_BRIEF_COUNT ?? 250);

async function play(scale: EpochScale, count: number): Promise<{ epochs: number; changes: number }> {
  let epochs = 0;
  let changes = 0;
  for (let seed = FROM; seed < FROM + count; seed++) {
    const result = await runEpochs({ seed, scale });
    if (process.env.EPOCHS_LOG)
      console.log(seed, result.epochs, result.changes, result.height, result.violations);
    expect({ seed, violations: result.violations }).toEqual({ seed, violations: [] });
    epochs += result.epochs;
    changes += result.changes;
  }
  return { epochs, changes };
}

describe("schedules in which members change break no rule, whoever joins, leaves, rotates its key, crashes at the barrier or sleeps through epochs", () => {
  it("with up to seven members and long epochs", async () => {
    const { epochs } = await play(WHOLE, WHOLE_COUNT);
    expect(epochs).toBeGreaterThan(3 * WHOLE_COUNT);
  }, 120_000);

  it("with four or five members and short epochs, by the hundred", async () => {
    const { epochs, changes } = await play(BRIEF, BRIEF_COUNT);
    expect(epochs).toBeGreaterThan(2 * BRIEF_COUNT);
    expect(changes).toBeGreaterThan(BRIEF_COUNT / 2);
  }, 240_000);

  it("and with more Byzantine members than the set survives one is seen to be broken", async () => {
    const broken = async (seed: number) =>
      (await runEpochs({ seed, scale: BRIEF, tooMany: true })).violations.length > 0;
    let seed = FROM;
    while (!(await broken(seed))) expect(++seed).toBeLessThan(FROM + 20);
  }, 120_000);
});
