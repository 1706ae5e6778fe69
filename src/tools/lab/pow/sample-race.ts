/**
 * One race of a table once more, to look at: a won one, from the cell where winning took the most, played again from
 * its seed with every event noted.
 */
import { type AttackOptions, type CellResult, streamOf } from "./attack51.ts";
import { LabChain } from "./lab-chain.ts";
import { CHOICES, type RaceEvent, type RaceOutcome, runRace } from "./race.ts";

export interface Sample {
  readonly share: number;
  readonly confirmations: number;
  readonly trial: number;
  readonly outcome: RaceOutcome;
  readonly events: readonly RaceEvent[];
  readonly chain: LabChain;
}

/** A win behind so few others is found soon. */
const RATE_MIN = 0.01;

/** @returns undefined for a table without races */
export function sampleRace(options: AttackOptions, cells: readonly CellResult[]): Sample | undefined {
  const won = cells.filter(({ rate, share }) => rate >= RATE_MIN && share < 0.5);
  const candidates = won.length > 0 ? won : cells;
  const cell = candidates.reduce<CellResult | undefined>(
    (best, each) => (best === undefined || each.confirmations > best.confirmations ? each : best),
    undefined,
  );
  if (cell === undefined) return undefined;
  const chain = new LabChain(options.retarget);
  for (let trial = 0; trial < options.trials; trial++) {
    const sample = play(chain, options, cell, trial);
    if (sample.outcome.won || cell.wins === 0) return sample;
  }
  return undefined;
}

function play(chain: LabChain, options: AttackOptions, cell: CellResult, trial: number): Sample {
  const { share, confirmations } = cell;
  const events: RaceEvent[] = [];
  const race = { ...options, share, confirmations };
  const random = streamOf(options, cell, trial);
  const outcome = runRace(chain, race, random, CHOICES[options.tie], (event) => events.push(event));
  return { share, confirmations, trial, outcome, events, chain };
}

/** The blocks of one branch, oldest first. */
export function blocksOf({ events }: Sample, side: "honest" | "attacker"): RaceEvent["head"][] {
  return events.filter(({ kind }) => kind === side).map(({ head }) => head);
}
