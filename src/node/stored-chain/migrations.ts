/**
 * How the database of one format becomes one of the next: a list of steps, each from one number to the one behind it.
 * A step may be broken off anywhere and is then run again from its beginning, so it must do no harm when it finds a
 * part of its work done. The marker moves in a batch of its own, behind the step.
 */
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { DATABASE_VERSION, VERSION_KEY } from "../../storage/database-keys.ts";
import type { Kv } from "../../storage/kv.ts";
import { moveToHeights } from "./migrate-to-heights.ts";

/** Tells how much of a step is done, in a unit of the step's own. */
export type StepProgress = (done: number, total: number) => void;

export interface Migration {
  /** The format that it begins with; the next number is the one that it leaves. */
  readonly from: number;
  /** What the next format has that this one lacks, for people. */
  readonly why: string;
  /** It writes nearly everything anew, and the copy keeps the old: as much room is needed as the database has. */
  readonly rewrites?: true;
  readonly run: (kv: Kv, progress: StepProgress) => Promise<void>;
}

/**
 * 3 to 4: see migrate-to-heights.ts.
 * 2 to 3: nothing is stored in another way. From 3 on the state may hold a version of the rules, and a chain that began
 * from an assumed snapshot says so: a program that knows neither would go on where it has to stop.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    from: 2,
    why: "the version of the rules, and histories that are assumed until they are checked",
    run: () => Promise.resolve(),
  },
  {
    from: 3,
    why: "what is large of a block lies in the order of heights, so that the disk writes less",
    rewrites: true,
    run: moveToHeights,
  },
];

/** The format of a database, or undefined for one in which nothing was stored yet. */
export function formatOf(kv: Pick<Kv, "get">): number | undefined {
  const version = kv.get(VERSION_KEY);
  return version === undefined ? undefined : new Reader(version).u16();
}

/** The steps from a format to this program's, or undefined where one is missing. */
export function stepsFrom(
  format: number,
  migrations: readonly Migration[] = MIGRATIONS,
  to: number = DATABASE_VERSION,
): readonly Migration[] | undefined {
  const steps: Migration[] = [];
  for (let at = format; at < to; at++) {
    const step = migrations.find(({ from }) => from === at);
    if (step === undefined) return undefined;
    steps.push(step);
  }
  return format > to ? undefined : steps;
}

/** Runs the steps in their order. @throws Error when the disk fails: what is done stays done */
export async function runMigrations(
  kv: Kv,
  steps: readonly Migration[],
  progress: StepProgress,
): Promise<void> {
  for (const { from, run } of steps) {
    await run(kv, progress);
    const value = new Writer(2).u16(from + 1).finish();
    await kv.write([{ kind: "put", key: VERSION_KEY, value }], { sync: true });
  }
}
