import { describe, expect, it } from "vitest";
import { runEpochs } from "../../../../src/tools/sim/epochs/epoch-run.ts";
import { BRIEF, type EpochScale, SHORT, WHOLE } from "../../../../src/tools/sim/epochs/epoch-scale.ts";

const FROM = Number(process.env.EPOCHS_FROM ?? 1);
/** A brief schedule costs a seventh of a whole one, which has larger sets and longer epochs. */
const WHOLE_COUNT = Number(process.env.EPOCHS_COUNT ?? 1);
const BRIEF_COUNT = Number(process.env.EPOCHS_BRIEF_COUNT ?? 5);
const SHORT_COUNT = Number(process.env.EPOCHS_SHORT_COUNT ?? 1_000);
const BATCH = 250;

async function play(
  scale: EpochScale,
  from: number,
  count: number,
): Promise<{ epochs: number; changes: number }> {
  let epochs = 0;
  let changes = 0;
  for (let seed = from; seed < from + count; seed++) {
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
    const { epochs } = await play(WHOLE, FROM, WHOLE_COUNT);
    expect(epochs).toBeGreaterThan(3 * WHOLE_COUNT);
  }, 300_000);

  it("with four or five members and short epochs", async () => {
    const { epochs, changes } = await play(BRIEF, FROM, BRIEF_COUNT);
    expect(epochs).toBeGreaterThan(2 * BRIEF_COUNT);
    expect(changes).toBeGreaterThan(BRIEF_COUNT / 4);
  }, 300_000);

  for (let first = 0; first < SHORT_COUNT; first += BATCH) {
    const count = Math.min(BATCH, SHORT_COUNT - first);
    const from = FROM + first;
    it(`with four members and blocks that follow fast, seeds from ${from} on`, async () => {
      const { epochs, changes } = await play(SHORT, from, count);
      expect(epochs).toBeGreaterThan(1.5 * count);
      expect(changes).toBeGreaterThan(count / 2);
    }, 300_000);
  }

  it("but a rule is seen to be broken with more Byzantine members than the set survives", async () => {
    const broken = async (seed: number) =>
      (await runEpochs({ seed, scale: BRIEF, tooMany: true })).violations.length > 0;
    let seed = FROM;
    while (!(await broken(seed))) expect(++seed).toBeLessThan(FROM + 20);
  }, 300_000);
});
