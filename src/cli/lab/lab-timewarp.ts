/** `quorate lab timewarp`: a majority bends the times of blocks, with the guard off and on (src/tools/lab/pow/timewarp.ts). */
import { type Command, InvalidArgumentError } from "commander";
import { must } from "../../base/assert.ts";
import { runTimewarp, type Timewarp, type WarpResult, type WarpRun } from "../../tools/lab/pow/timewarp.ts";
import { predictedWords } from "../../tools/lab/report/page.ts";
import { percent } from "../../tools/lab/report/report.ts";
import { timewarpReport } from "../../tools/lab/report/timewarp-report.ts";
import { integer } from "../arguments.ts";
import { leaf } from "../command.ts";
import { EXIT, Finished } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { RenamedOption } from "../renamed.ts";
import { table } from "../table.ts";
import { addSeedAndOut, type LabOptions, shares } from "./lab-arguments.ts";
import { writeLabFiles } from "./lab-files.ts";
import { runSteps } from "./lab-steps.ts";

type Options = LabOptions & Omit<Timewarp, "share"> & { readonly hashrate: number };

export function addTimewarp(lab: Command): void {
  leaf<Options>(
    lab,
    "timewarp",
    "bend the times of blocks to lower the difficulty, with the guard off and on",
    (command) =>
      addSeedAndOut(command)
        .option("--hashrate <share>", "the attacker's part of the hash power, a majority", majority, 0.6)
        .option("--interval <n>", "blocks of a period", integer(20, 20_160), 2_016)
        .addOption(new RenamedOption("-n <n>", "--periods"))
        .option("--periods <n>", "periods to mine", integer(2, 100), 12),
    ({ out, options }) => warp(out, options),
  );
}

function majority(text: string): number {
  const [share, ...others] = shares(text);
  if (share !== undefined && share > 0.5 && others.length === 0) return share;
  throw new InvalidArgumentError("expected one share above 0.5 and below 1, such as 0.6.");
}

async function warp(
  out: Output,
  { hashrate: share, interval, periods, seed, out: dir }: Options,
): Promise<void> {
  const options: Timewarp = { seed, share, interval, periods };
  const { result, tookMs } = await runSteps(out, [2 * periods, "mining"], (step) =>
    runTimewarp(options, step),
  );
  const { off, on, isMatch } = result;
  const found = { experiment: "timewarp", options, isMatch, off, on };
  const timing = { seconds: Number((tookMs / 1_000).toFixed(3)) };
  const rows = [off, on].flatMap(({ guard, periods }) => periods.map((period) => ({ guard, ...period })));
  const command = `quorate lab timewarp --hashrate ${share} --interval ${interval} --periods ${periods} --seed ${seed}`;
  const report = writeLabFiles(dir, {
    results: found,
    rows,
    report: timewarpReport(options, result, command),
    timing,
  });
  const lines = [
    ...tableOf(result),
    verdictOf(off),
    verdictOf(on),
    `  ${2 * periods * interval} blocks in ${showDuration(tookMs)}`,
    `  ${report}`,
  ];
  out.result({ ...found, timing, report }, lines);
  if (!isMatch) throw new Finished(EXIT.failedCheck);
}

function tableOf({ off, on }: WarpResult): readonly string[] {
  const head = [
    "period",
    "off: difficulty",
    "claimed days",
    "blocks/day",
    "on: difficulty",
    "claimed days",
    "blocks/day",
  ];
  const cells = ({ periods }: WarpRun, index: number) => {
    const { difficulty, claimedDays, blocksPerDay } = must(periods[index], "both runs have the same periods");
    return [percent(difficulty), claimedDays.toFixed(1), blocksPerDay.toFixed(0)];
  };
  return table(
    head,
    off.periods.map(({ index }) => [String(index), ...cells(off, index), ...cells(on, index)]),
  );
}

function verdictOf({ guard, finalDifficulty, expected, isMatch, workPerHash }: WarpRun): string {
  return `${predictedWords(isMatch)}: guard ${guard ? "on: " : "off:"} difficulty ${percent(finalDifficulty)}, expected ${percent(expected)}; work for each hash ${workPerHash.toFixed(3)}`;
}
