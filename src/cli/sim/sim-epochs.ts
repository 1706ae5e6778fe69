/**
 * `quorate sim --profile epochs`: chains whose members join, leave and rotate their keys while nodes crash, sleep and
 * lie; `--profile epochs-brief`: the same, small and short; `--profile epochs-short`: shorter still; `--profile transitions`: chains that lose more than f of them for good. The seed decides how many there are, so options about that are refused. docs/simulation.md, "Epochs".
 */
import { type EpochRunOptions, type EpochRunResult, runEpochs } from "../../tools/sim/epochs/epoch-run.ts";
import { EPOCH_SCALES, type EpochScale } from "../../tools/sim/epochs/epoch-scale.ts";
import { runTransition } from "../../tools/sim/epochs/transition-run.ts";
import { startBar } from "../bar.ts";
import { badInput, EXIT, Finished } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";

/** Who plays one schedule of a profile. */
const PLAYERS = {
  epochs: onScale(EPOCH_SCALES.epochs),
  "epochs-brief": onScale(EPOCH_SCALES["epochs-brief"]),
  "epochs-short": onScale(EPOCH_SCALES["epochs-short"]),
  transitions: runTransition,
};

function onScale(scale: EpochScale) {
  return ({ seed }: EpochRunOptions) => runEpochs({ seed, scale });
}

export type EpochProfile = keyof typeof PLAYERS;
export const EPOCH_PROFILES = Object.keys(PLAYERS) as readonly EpochProfile[];

export interface EpochCampaign {
  readonly profile: EpochProfile;
  readonly seed: number;
  readonly schedules: number;
  /** Options of other profiles that were given. */
  readonly foreign: readonly string[];
}

export async function simulateEpochs(
  out: Output,
  { profile, seed, schedules, foreign }: EpochCampaign,
): Promise<void> {
  if (foreign.length > 0) {
    throw badInput(
      `--profile ${profile} takes its members and faults from the seed: leave out ${foreign.join(", ")}`,
    );
  }
  const bar = startBar(out, schedules, "simulating {bar} {value}/{total}  {eta_formatted} left");
  const started = performance.now();
  const results: EpochRunResult[] = [];
  for (let next = seed; next < seed + schedules; next++) {
    results.push(await PLAYERS[profile]({ seed: next }));
    bar?.update(results.length);
    // Virtual time takes no turn of the event loop: signals and the progress bar wait for this one.
    await new Promise((resolve) => setImmediate(resolve));
  }
  bar?.stop();
  report(out, results, performance.now() - started);
}

function report(out: Output, results: readonly EpochRunResult[], tookMs: number): void {
  const sum = (of: (result: EpochRunResult) => number) => results.reduce((all, one) => all + of(one), 0);
  const failed = results.filter(({ violations }) => violations.length > 0);
  const totals = {
    schedules: results.length,
    violations: sum(({ violations }) => violations.length),
    epochs: sum(({ epochs }) => epochs),
    changes: sum(({ changes }) => changes),
    heights: sum(({ height }) => Number(height)),
  };
  const failures = failed.map(({ seed, violations: [first] }) => ({
    seed,
    reason: `${first?.checker}: ${first?.detail}`,
  }));
  const mark = failed.length === 0 ? out.tick : out.cross;
  out.result({ ...totals, seconds: Number((tookMs / 1_000).toFixed(3)), failures }, [
    `${mark} ${totals.schedules} schedules  violations ${totals.violations}  epochs ${totals.epochs}  changes of members ${totals.changes}  heights ${totals.heights}`,
    `  ${((1_000 * results.length) / tookMs).toFixed(1)} schedules/s  ${showDuration(tookMs)} for ${showDuration(sum(({ virtualMs }) => virtualMs))} of virtual time`,
    ...failures.map(({ seed, reason }) => `  ${out.style("red", `seed ${seed}`)}  ${reason}`),
  ]);
  if (failed.length > 0) throw new Finished(EXIT.failedCheck);
}
