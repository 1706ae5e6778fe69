/**
 * `quorate sim`: the shipped replica, n of them in one process on virtual time, under faults that follow from a seed.
 * The same seed gives the same trace, byte for byte; a run that breaks a rule is shrunk and printed as one command.
 * docs/simulation.md says what the profiles and checkers are.
 *
 * This folder: `quorate sim` and its threads. Not here: the simulator (tools/sim).
 */

import { writeFileSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Command, InvalidArgumentError, Option } from "commander";
import { scheduleReport } from "../../tools/lab/report/schedule-report.ts";
import {
  type Campaign,
  hashOfTraces,
  playOne,
  type ScheduleOutcome,
  scheduleOf,
} from "../../tools/sim/campaign.ts";
import { Recorder } from "../../tools/sim/recorder.ts";
import { runSchedule } from "../../tools/sim/run.ts";
import { PROFILES, type Profile } from "../../tools/sim/schedule.ts";
import { commandOf } from "../../tools/sim/shrink.ts";
import { collect, integer, list } from "../arguments.ts";
import { startBar } from "../bar.ts";
import { leaf } from "../command.ts";
import { CliError, EXIT, Finished } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { checkNamedFolder, unwritable } from "../output-folder.ts";
import { runThread } from "../run-thread.ts";
import { EPOCH_PROFILES, type EpochProfile, simulateEpochs } from "./sim-epochs.ts";
import { modulesFor } from "./sim-modules.ts";
import type { WorkerTask } from "./sim-worker.ts";

interface SimOptions {
  readonly seed: number;
  readonly nodes: readonly [number, number];
  readonly schedules: number;
  readonly byzantine?: number;
  readonly profile?: Profile | EpochProfile;
  readonly only?: readonly string[];
  readonly shrink: boolean;
  readonly jobs: number;
  readonly report?: string;
  readonly module?: readonly string[];
}

const NODES_MAX = 100;

export function addSim(program: Command): void {
  leaf<SimOptions>(
    program,
    "sim",
    "run whole clusters on virtual time under faults that follow from a seed",
    (command) =>
      command
        .requiredOption("--seed <n>", "the first seed", integer(0, Number.MAX_SAFE_INTEGER - 1_000_000_000))
        .option("-n, --nodes <n>", "validators, or a range such as 4-10", nodeRange, [4, 4] as const)
        .option("-k, --schedules <n>", "how many seeds, from the first up", integer(1, 1_000_000_000), 1)
        .option("--byzantine <n>", "Byzantine validators (default: as many as PBFT survives)", integer(0, 99))
        .addOption(
          new Option("--profile <name>", "kinds of faults (default: several in turn)").choices([
            ...PROFILES,
            ...EPOCH_PROFILES,
          ]),
        )
        .option("--only <items>", 'leave out all items but these ("f0,c1"; "none")', items)
        .option(
          "--report <file>",
          "HTML page that shows the first failing schedule, or the first, as pictures",
        )
        .option(
          "--module <file>",
          "source of a module that the chain has and users call; may be repeated",
          collect,
        )
        .option("--no-shrink", "show failures as they are")
        .option(
          "-j, --jobs <n>",
          "schedules that are played at once, each in a thread of its own",
          integer(1, 256),
          1,
        ),
    ({ out, options }) => simulate(out, options),
  );
}

function nodeRange(text: string): readonly [number, number] {
  const [, least, most = least] = /^([0-9]{1,3})(?:-([0-9]{1,3}))?$/.exec(text) ?? [];
  const range = [Number(least), Number(most)] as const;
  if (range[0] >= 1 && range[0] <= range[1] && range[1] <= NODES_MAX) return range;
  throw new InvalidArgumentError(`expected a number from 1 to ${NODES_MAX}, or a range such as 4-10.`);
}

function items(text: string): readonly string[] {
  return text === "none" ? [] : list(text);
}

async function simulate(out: Output, options: SimOptions): Promise<void> {
  const { seed, nodes, schedules, byzantine, profile, only, shrink } = options;
  if (isEpochProfile(profile)) {
    return simulateEpochs(out, { profile, seed, schedules, foreign: foreignTo(options) });
  }
  const campaign: Campaign = {
    ...{ seed, nodes, schedules, byzantine, profile, only, shrink },
    modules: (options.module ?? []).map((file) => resolve(file)),
  };
  const modules = await modulesFor(campaign);
  if (byzantine !== undefined && byzantine > nodes[0]) {
    throw new CliError(EXIT.badInput, "USAGE", `--byzantine ${byzantine} of ${nodes[0]} validators`);
  }
  if (options.report !== undefined) checkNamedFolder("--report", dirname(options.report));
  const bar = startBar(out, schedules, "simulating {bar} {value}/{total}  {eta_formatted} left");
  const started = performance.now();
  const outcomes: ScheduleOutcome[] = [];
  await playAll({ campaign, modules }, Math.min(options.jobs, schedules), (outcome) => {
    outcomes.push(outcome);
    bar?.update(outcomes.length);
  });
  bar?.stop();
  if (options.report !== undefined) await draw(out, campaign, outcomes, options.report);
  report(out, campaign, { outcomes, tookMs: performance.now() - started });
}

/** Plays one schedule again, the same, and leaves its pictures. */
async function draw(
  out: Output,
  campaign: Campaign,
  outcomes: readonly ScheduleOutcome[],
  path: string,
): Promise<void> {
  const failed = outcomes.filter(({ reason }) => reason !== undefined).map(({ seed }) => seed);
  const seed = failed.length === 0 ? campaign.seed : Math.min(...failed);
  const schedule = scheduleOf(campaign, seed - campaign.seed);
  const recorder = new Recorder();
  const { violations, stats } = await runSchedule(schedule, {
    observe: (nowMs) => recorder.observe(nowMs),
    modules: await modulesFor(campaign),
  });
  const page = scheduleReport(
    { schedule, recorder, violations, virtualMs: stats.virtualMs },
    commandOf(schedule, campaign.only),
  );
  try {
    writeFileSync(path, page);
  } catch (cause) {
    throw unwritable("--report", path, cause);
  }
  out.note(`schedule ${seed}: ${path}`);
}

function isEpochProfile(profile: SimOptions["profile"]): profile is EpochProfile {
  return EPOCH_PROFILES.some((known) => known === profile);
}

/** What members and faults are made of in the other profiles. */
function foreignTo({ nodes, byzantine, only, report: page, jobs, module }: SimOptions): string[] {
  const given = {
    "--nodes": nodes[0] !== 4 || nodes[1] !== 4,
    "--byzantine": byzantine !== undefined,
    "--only": only !== undefined,
    "--report": page !== undefined,
    "--jobs": jobs !== 1,
    "--module": module !== undefined,
  };
  return Object.entries(given).flatMap(([name, isGiven]) => (isGiven ? [name] : []));
}

interface Prepared {
  readonly campaign: Campaign;
  readonly modules: Awaited<ReturnType<typeof modulesFor>>;
}

async function playAll(
  { campaign, modules }: Prepared,
  workers: number,
  receive: (outcome: ScheduleOutcome) => void,
): Promise<void> {
  if (workers > 1) {
    await Promise.all(
      Array.from({ length: workers }, (_, worker) => playApart({ campaign, worker, workers }, receive)),
    );
    return;
  }
  for (let index = 0; index < campaign.schedules; index++) {
    receive(await playOne(campaign, index, { modules }));
    // Virtual time takes no turn of the event loop: signals and the progress bar wait for this one.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Plays a schedule in a thread of its own. */
function playApart(task: WorkerTask, receive: (outcome: ScheduleOutcome) => void): Promise<void> {
  const own = fileURLToPath(import.meta.url);
  const path = new URL(`./sim-worker${extname(own)}`, import.meta.url);
  return runThread(path, task, receive);
}

interface Played {
  readonly outcomes: readonly ScheduleOutcome[];
  readonly tookMs: number;
}

function report(out: Output, campaign: Campaign, { outcomes, tookMs }: Played): void {
  const failed = outcomes.filter(({ reason }) => reason !== undefined).sort((a, b) => a.seed - b.seed);
  const seconds = tookMs / 1_000;
  const traceHash = hashOfTraces(outcomes);
  const violations = outcomes.reduce((sum, outcome) => sum + outcome.violations, 0);
  const lostData = outcomes.filter((outcome) => outcome.lostData).length;
  const value = {
    schedules: outcomes.length,
    violations,
    traceHash,
    seconds: Number(seconds.toFixed(3)),
    lostData,
    failures: failed.map(({ seed, reason }) => ({ seed, reason })),
  };
  const [least, most] = campaign.nodes;
  const sizes = least === most ? `${least}` : `${least}-${most}`;
  const heights = outcomes.reduce((sum, { height }) => sum + height, 0);
  const virtual = outcomes.reduce((sum, { virtualMs }) => sum + virtualMs, 0);
  const mark = failed.length === 0 ? out.tick : out.cross;
  const lines = [
    `${mark} ${outcomes.length} schedules  n = ${sizes}  violations ${violations}  heights ${heights}`,
    `  ${(outcomes.length / seconds).toFixed(1)} schedules/s  ${showDuration(tookMs)} for ${showDuration(virtual)} of virtual time`,
    `  trace ${traceHash}`,
    ...(lostData === 0
      ? []
      : [`  in ${lostData} the last copy of a final block was destroyed: no progress asked for`]),
    ...failed.map(({ seed, reason }) => `  ${out.style("red", `seed ${seed}`)}  ${reason}`),
  ];
  out.result(value, lines);
  if (failed.length > 0) throw new Finished(EXIT.failedCheck);
}
