import { describe, expect, it } from "vitest";
import { runEpochs } from "../../../src/tools/sim/epochs/epoch-run.ts";

const FROM = Number(process.env.EPOCHS_FROM ?? 1);
const COUNT = Number(process.env.EPOCHS_COUNT ?? 3);

describe("schedules in which members change", () => {
  it("break no rule, whoever joins, leaves, rotates its key, crashes at the barrier or sleeps through epochs", async () => {
    let epochs = 0;
    let changes = 0;
    for (let seed = FROM; seed < FROM + COUNT; seed++) {
      const result = await runEpochs({ seed });
      if (process.env.EPOCHS_LOG)
        console.log(seed, result.epochs, result.changes, result.height, result.violations);
      expect({ seed, violations: result.violations }).toEqual({ seed, violations: [] });
      epochs += result.epochs;
      changes += result.changes;
    }
    expect(epochs).toBeGreaterThan(3 * COUNT);
    expect(changes).toBeGreaterThan(0);
  }, 120_000);
});
