/** `quorate lab attack51`: double spends for a table of shares and confirmations (src/lab/attack51.ts). */
import { type Command, Option } from "commander";
import {
  type AttackOptions,
  addTallies,
  type Cell,
  type CellResult,
  cellsOf,
  judgeCell,
  type Tally,
} from "../lab/attack51.ts";
import { RETARGETS, type Retarget } from "../lab/chain.ts";
import { attackJobs } from "../lab/jobs.ts";
import { type Race, RELEASES, STAMPS, TIES } from "../lab/race.ts";
import { attackReport, percent } from "../lab/report.ts";
import { sampleRace } from "../lab/sample.ts";
import { integer } from "./arguments.ts";
import { leaf } from "./command.ts";
import { EXIT, Finished } from "./exit.ts";
import { addLabOptions, integers, type LabOptions, shares } from "./labarguments.ts";
import { writeLabFiles } from "./labfiles.ts";
import { runJobs } from "./labpool.ts";
import { type Output, showDuration, table } from "./output.ts";

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
}

export function addAttack51(lab: Command): void {
  leaf<Options>(
    lab,
    "attack51",
    "spend twice against a merchant who waits for confirmations",
    (command) =>
      addLabOptions(command)
        .option(
          "--hashrate <shares>",
          "the attacker's parts of the hash power",
          shares,
          [0.1, 0.2, 0.3, 0.4, 0.45],
        )
        .option(
          "-z, --confirmations <list>",
          "blocks the merchant waits for",
          integers(200),
          [0, 1, 2, 3, 4, 5, 6, 8],
        )
        .option("-n, --trials <n>", "races for each cell", integer(1, 10_000_000), 2_000)
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
        ),
    ({ out, options }) => attack(out, options),
  );
}

async function attack(out: Output, options: Options): Promise<void> {
  const { trials, seed, giveUp, premined, release, tie, retarget, stamps } = options;
  const attackOptions: AttackOptions = { trials, seed, giveUp, premined, release, tie, retarget, stamps };
  const cells = cellsOf(options.hashrate, options.confirmations);
  const started = performance.now();
  const results = await measure(out, attackOptions, cells, options.jobs);
  const tookMs = performance.now() - started;
  const isMatch = results.every((result) => result.isMatch);
  const timing = {
    seconds: Number((tookMs / 1_000).toFixed(3)),
    trialsPerSecond: Math.round((1_000 * trials * cells.length) / tookMs),
    threads: options.jobs,
  };
  const found = { experiment: "attack51", options: attackOptions, isMatch, cells: results };
  const report = writeLabFiles(options.out, {
    results: found,
    rows: results.map(flatten),
    report: attackReport(attackOptions, results, sampleRace(attackOptions, results), commandOf(options)),
    timing,
  });
  const mark = isMatch ? out.tick : out.cross;
  const lines = [
    tableOf(out, results),
    `${mark} ${results.filter((result) => result.isMatch).length} of ${cells.length} cells agree (${results[0]!.judge})`,
    `  ${trials * cells.length} races in ${showDuration(tookMs)}, ${timing.trialsPerSecond} a second`,
    `  ${report}`,
  ];
  out.result({ ...found, timing, report }, lines.join("\n"));
  if (!isMatch) throw new Finished(EXIT.failedCheck);
}

async function measure(
  out: Output,
  options: AttackOptions,
  cells: readonly Cell[],
  threads: number,
): Promise<CellResult[]> {
  const jobs = attackJobs(options, cells);
  const tallies = (await runJobs(
    out,
    jobs,
    threads,
    "racing {bar} {percentage} %  {eta_formatted} left",
  )) as Tally[];
  return cells.map((cell, index) => {
    const own = tallies.filter((_, i) => jobs[i]!.cellIndex === index);
    return judgeCell(options, cell, addTallies(own), cells.length);
  });
}

function flatten({ interval, ...rest }: CellResult) {
  return { ...rest, intervalLow: interval.low, intervalHigh: interval.high };
}

function tableOf(out: Output, results: readonly CellResult[]): string {
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
    `${percent(cell.interval.low)} .. ${percent(cell.interval.high)}`,
    percent(cell.expected),
    cell.pValue.toPrecision(2),
    cell.isMatch ? out.tick : out.cross,
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
  return [
    `quorate lab attack51 --hashrate ${hashrate.join(",")} --confirmations ${confirmations.join(",")}`,
    `--trials ${trials} --seed ${seed} --give-up ${giveUp} --premined ${premined}`,
    `--release ${release} --tie ${tie} --retarget ${retarget} --stamps ${stamps}`,
  ].join(" ");
}
