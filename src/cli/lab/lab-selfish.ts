/** `quorate lab selfish`: a pool that keeps its blocks back, for a table of shares and gammas (src/tools/lab/pow/selfish.ts). */
import type { Command } from "commander";
import { selfishJobs } from "../../tools/lab/jobs.ts";
import { judgeSelfish, type SelfishResult, type SelfishTally } from "../../tools/lab/pow/selfish.ts";
import { predictedWords } from "../../tools/lab/report/page.ts";
import { selfishCells, selfishReport } from "../../tools/lab/report/report.ts";
import { integer } from "../arguments.ts";
import { leaf } from "../command.ts";
import { EXIT, Finished } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { RenamedOption } from "../renamed.ts";
import { table } from "../table.ts";
import { addLabOptions, gammas, type LabOptions, listOption, minorities } from "./lab-arguments.ts";
import { writeLabFiles } from "./lab-files.ts";
import { runJobs } from "./lab-pool.ts";

interface Options extends LabOptions {
  readonly hashrate: readonly number[];
  readonly gamma: readonly number[];
  readonly blocks: number;
}

export function addSelfish(lab: Command): void {
  leaf<Options>(
    lab,
    "selfish",
    "mine selfishly: keep blocks back, publish them to undo those of others",
    (command) =>
      addLabOptions(command)
        .addOption(
          listOption(
            "--hashrate <shares>",
            "the pool's parts of the hash power",
            minorities,
            [0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45],
          ),
        )
        .addOption(
          listOption(
            "--gamma <list>",
            "parts of the others that mine on the pool's branch at a tie",
            gammas,
            [0, 0.5, 1],
          ),
        )
        .addOption(new RenamedOption("-n <n>", "--blocks"))
        .option("--blocks <n>", "blocks found in each cell", integer(1_000, 100_000_000), 100_000),
    ({ out, options }) => mineSelfishly(out, options),
  );
}

async function mineSelfishly(out: Output, options: Options): Promise<void> {
  const { seed, blocks, hashrate, gamma } = options;
  const cells = gamma.flatMap((each) => hashrate.map((share) => ({ share, gamma: each })));
  const jobs = selfishJobs(cells, seed, blocks);
  const started = performance.now();
  const format = "mining {bar} {percentage} %  {eta_formatted} left";
  const tallies = (await runJobs(out, jobs, options.jobs, format)) as SelfishTally[];
  const tookMs = performance.now() - started;
  const results = cells.map((cell, index) =>
    judgeSelfish(cell, sum(tallies.filter((_, i) => jobs[i]?.cellIndex === index))),
  );
  const isMatch = results.every((result) => result.isMatch);
  const timing = {
    seconds: Number((tookMs / 1_000).toFixed(3)),
    blocksPerSecond: Math.round((1_000 * blocks * cells.length) / tookMs),
    threads: options.jobs,
  };
  const command = `quorate lab selfish --hashrate ${hashrate.join(",")} --gamma ${gamma.join(",")} --blocks ${blocks} --seed ${seed}`;
  const found = { experiment: "selfish", options: { seed, blocks }, isMatch, cells: results };
  const rows = results.map((result) => ({ ...result }));
  const report = writeLabFiles(options.out, {
    results: found,
    rows,
    report: selfishReport(results, command),
    timing,
  });
  const lines = [
    ...tableOf(results),
    `${predictedWords(isMatch)}: ${results.filter((result) => result.isMatch).length} of ${cells.length} cells agree with Eyal and Sirer`,
    `  ${blocks * cells.length} blocks in ${showDuration(tookMs)}, ${timing.blocksPerSecond} a second`,
    `  ${report}`,
  ];
  out.result({ ...found, timing, report }, lines);
  if (!isMatch) throw new Finished(EXIT.failedCheck);
}

function sum(tallies: readonly SelfishTally[]): SelfishTally {
  return tallies.reduce(
    (all, each) => ({
      pool: all.pool + each.pool,
      honest: all.honest + each.honest,
      found: all.found + each.found,
    }),
    { pool: 0, honest: 0, found: 0 },
  );
}

function tableOf(results: readonly SelfishResult[]): readonly string[] {
  const head = ["share", "gamma", "revenue", "formula", "difference", "", "threshold", "pays"];
  const rows = results.map((result) => [String(result.share), String(result.gamma), ...selfishCells(result)]);
  return table(head, rows);
}
