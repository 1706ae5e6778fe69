/** `quorate lab attack51`: double spends for a table of shares and confirmations (src/tools/lab/pow/attack51.ts). */
import { type Command, Option } from "commander";
import { must } from "../../base/assert.ts";
import { type AttackJob, attackJobs, type ReplicaJob, replicaJobs } from "../../tools/lab/jobs.ts";
import {
  type AttackOptions,
  type AttackTally,
  addTallies,
  type Cell,
  type CellResult,
  cellsOf,
  isCertain,
  judgeCell,
} from "../../tools/lab/pow/attack51.ts";
import { RETARGETS, type Retarget } from "../../tools/lab/pow/lab-chain.ts";
import { type Race, RELEASES, STAMPS, TIES } from "../../tools/lab/pow/race.ts";
import { sampleRace } from "../../tools/lab/pow/sample-race.ts";
import { predictedMark, predictedWords } from "../../tools/lab/report/page.ts";
import { attackReport, percent } from "../../tools/lab/report/report.ts";
import { duration, integer, withDefault } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput, EXIT, Finished } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { RenamedOption } from "../renamed.ts";
import { table } from "../table.ts";
import { addLabOptions, integers, type LabOptions, listOption, shares } from "./lab-arguments.ts";
import { writeLabFiles } from "./lab-files.ts";
import { runLive } from "./lab-live.ts";
import { runJobs } from "./lab-pool.ts";

interface Options extends LabOptions {
  readonly hashrate: readonly number[];
  readonly confirmations: readonly number[];
  readonly trials: number;
  readonly giveUp: number;
  readonly premined: number;
  readonly release: Race["release"];
  readonly tie: Race["tie"];
  readonly retarget: Retarget;
  readonly stamps: Race["stamps"];
  /** Races for each cell on whole replicas. */
  readonly replicas?: number;
  readonly live?: boolean;
  readonly lead: number;
  readonly deadline: number;
  readonly in?: string;
  readonly keep?: boolean;
}

export function addAttack51(lab: Command): void {
  leaf<Options>(
    lab,
    "attack51",
    "spend twice against a merchant who waits for confirmations",
    (command) =>
      addLabOptions(command)
        .addOption(
          listOption(
            "--hashrate <shares>",
            "the attacker's parts of the hash power",
            shares,
            [0.1, 0.2, 0.3, 0.4, 0.45],
          ),
        )
        .addOption(
          listOption(
            "-z, --confirmations <list>",
            "blocks the merchant waits for",
            integers(200),
            [0, 1, 2, 3, 4, 5, 6, 8],
          ),
        )
        .addOption(new RenamedOption("-n <n>", "--trials"))
        .option("--trials <n>", "races for each cell", integer(1, 10_000_000), 2_000)
        .option("--give-up <n>", "deficit at which the attacker gives up, in blocks", integer(1, 200), 20)
        .option("--premined <n>", "blocks mined before the payment is sent", integer(0, 100), 0)
        .addOption(
          new Option("--release <when>", "release the branch at").choices(RELEASES).default("heavier"),
        )
        .addOption(
          new Option("--tie <rule>", "what honest nodes do at a tie").choices(TIES).default("first-seen"),
        )
        .addOption(new Option("--retarget <rule>", "how difficulty moves").choices(RETARGETS).default("none"))
        .addOption(
          new Option("--stamps <policy>", "times in the attacker's blocks").choices(STAMPS).default("now"),
        )
        .option(
          "--replicas <trials>",
          "besides, so many races for each cell on whole replicas, with ledger and mempool",
          integer(1, 1_000_000),
        )
        .option("--live", "one race on real processes that really mine: one share, one -z")
        .option("--lead <n>", "with --live: blocks ahead at the release", integer(1, 100), 1)
        .addOption(
          withDefault("--deadline <duration>", "with --live: how long the race may take at most", duration, [
            600_000,
            "10m",
          ]),
        )
        .option("--in <dir>", "with --live: where the temporary folder is made")
        .option("--keep", "with --live: leave that folder, with the nodes' logs"),
    ({ out, options }) => (options.live === true ? attackLive(out, options) : attack(out, options)),
  );
}

function attackLive(out: Output, options: Options): Promise<void> {
  const { hashrate, confirmations, premined, release, tie, retarget, stamps, replicas } = options;
  const [share] = hashrate;
  const [z] = confirmations;
  if (share === undefined || z === undefined || hashrate.length > 1 || confirmations.length > 1) {
    throw badInput("--live is one race: give one share and one depth, such as --hashrate 0.6 -z 2");
  }
  const isPlain = premined === 0 && release === "heavier" && tie === "first-seen";
  if (!isPlain || retarget !== "none" || stamps !== "now" || replicas !== undefined) {
    throw badInput(
      "--live plays the node's own rules: it takes no --premined, --release, --tie, --retarget, --stamps, --replicas",
    );
  }
  const { giveUp, lead, seed, deadline: deadlineMs, out: dir, in: parent, keep = false } = options;
  return runLive(out, {
    share,
    confirmations: z,
    giveUp,
    lead,
    seed,
    deadlineMs,
    out: dir,
    in: parent,
    keep,
  });
}

async function attack(out: Output, options: Options): Promise<void> {
  const { trials, seed, giveUp, premined, release, tie, retarget, stamps, replicas: replicaTrials } = options;
  const attackOptions: AttackOptions = { trials, seed, giveUp, premined, release, tie, retarget, stamps };
  if (replicaTrials !== undefined && (retarget !== "none" || stamps !== "now")) {
    throw badInput("--replicas: races of whole replicas have fixed difficulty and stamp by the clock");
  }
  const cells = cellsOf(options.hashrate, options.confirmations);
  const tables = replicaTrials === undefined ? 1 : 2;
  const lite = await measure(out, attackJobs(attackOptions, cells), options.jobs, tables * cells.length);
  const whole =
    replicaTrials === undefined ? undefined : await measureReplicas(out, attackOptions, cells, options);
  const isMatch = [...lite.results, ...(whole?.results ?? [])].every((result) => result.isMatch);
  const timing = { ...lite.timing, ...(whole === undefined ? {} : { replicas: whole.timing }) };
  const found = {
    experiment: "attack51",
    options: attackOptions,
    isMatch,
    cells: lite.results,
    ...(whole === undefined ? {} : { replicas: { trials: replicaTrials, cells: whole.results } }),
  };
  const sample = sampleRace(attackOptions, lite.results);
  const report = writeLabFiles(options.out, {
    results: found,
    rows:
      whole === undefined
        ? lite.results.map(flatten)
        : [...rowsOf("headers", lite.results), ...rowsOf("replicas", whole.results)],
    report: attackReport(attackOptions, lite.results, sample, commandOf(options), whole?.results),
    timing,
  });
  const lines = [
    ...describe(lite, ""),
    ...(whole === undefined ? [] : ["", ...describe(whole, " on whole replicas")]),
    `  ${report}`,
  ];
  out.result({ ...found, timing, report }, lines);
  if (!isMatch) throw new Finished(EXIT.failedCheck);
}

interface Measured {
  readonly results: readonly CellResult[];
  readonly timing: {
    readonly seconds: number;
    readonly trialsPerSecond: number;
    readonly threads: number;
  };
}

function measureReplicas(
  out: Output,
  options: AttackOptions,
  cells: readonly Cell[],
  { replicas: trials = 0, jobs }: Options,
): Promise<Measured> {
  return measure(out, replicaJobs({ ...options, trials }, cells), jobs, 2 * cells.length);
}

/** @param cellsOfAll counts the cells of all tables of this run: the more, the rarer a deviation must be to count. */
async function measure(
  out: Output,
  jobs: readonly (AttackJob | ReplicaJob)[],
  threads: number,
  cellsOfAll: number,
): Promise<Measured> {
  const started = performance.now();
  const tallies = (await runJobs(
    out,
    jobs,
    threads,
    "racing {bar} {percentage} %  {eta_formatted} left",
  )) as AttackTally[];
  const tookMs = performance.now() - started;
  const first = new Map(jobs.map((job) => [job.cellIndex, job]));
  const results = [...first.values()].map(({ options, cell, cellIndex }) => {
    const own = tallies.filter((_, i) => jobs[i]?.cellIndex === cellIndex);
    return judgeCell(options, cell, addTallies(own), cellsOfAll);
  });
  const races = results.reduce((sum, { trials }) => sum + trials, 0);
  const trialsPerSecond = Math.round((1_000 * races) / tookMs);
  return { results, timing: { seconds: Number((tookMs / 1_000).toFixed(3)), trialsPerSecond, threads } };
}

function describe({ results, timing }: Measured, where: string): string[] {
  const agreed = results.filter((result) => result.isMatch).length;
  const mark = predictedWords(agreed === results.length);
  const races = results.reduce((sum, { trials }) => sum + trials, 0);
  return [
    ...tableOf(results),
    `${mark}: ${agreed} of ${results.length} cells agree${where} (${must(results[0], "a table has cells").judge})`,
    `  ${races} races${where} in ${showDuration(1_000 * timing.seconds)}, ${timing.trialsPerSecond} a second`,
  ];
}

/** @param played says what played the races: headers alone, or whole replicas. */
function rowsOf(played: string, results: readonly CellResult[]) {
  return results.map((result) => ({ played, ...flatten(result) }));
}

function flatten({ interval, ...rest }: CellResult) {
  return { ...rest, intervalLow: interval.low, intervalHigh: interval.high };
}

function tableOf(results: readonly CellResult[]): readonly string[] {
  const head = [
    "share",
    "z",
    "won",
    "95 %",
    "must be",
    "p",
    "",
    "nakamoto",
    "rosenfeld",
    "blocks",
    "lost/win",
  ];
  const rows = results.map((cell) => [
    String(cell.share),
    String(cell.confirmations),
    percent(cell.rate),
    isCertain(cell) ? "certain" : `${percent(cell.interval.low)} .. ${percent(cell.interval.high)}`,
    percent(cell.expected),
    cell.pValue.toPrecision(2),
    predictedMark(cell.isMatch),
    percent(cell.nakamoto),
    percent(cell.rosenfeld),
    (cell.attackerBlocks / cell.trials).toFixed(1),
    cell.lostPerWin?.toFixed(1) ?? "-",
  ]);
  return table(head, rows);
}

/** What gives the same results again. */
function commandOf(options: Options): string {
  const { hashrate, confirmations, trials, seed, giveUp, premined, release, tie, retarget, stamps } = options;
  const replicas = options.replicas === undefined ? "" : ` --replicas ${options.replicas}`;
  return [
    `quorate lab attack51 --hashrate ${hashrate.join(",")} --confirmations ${confirmations.join(",")}`,
    `--trials ${trials} --seed ${seed} --give-up ${giveUp} --premined ${premined}`,
    `--release ${release} --tie ${tie} --retarget ${retarget} --stamps ${stamps}${replicas}`,
  ].join(" ");
}
