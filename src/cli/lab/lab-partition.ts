/** `quorate lab partition`: a network that splits and heals (src/tools/lab/pbft/partition.ts). */
import { type Command, InvalidArgumentError } from "commander";
import { runPartition } from "../../tools/lab/pbft/partition.ts";
import { TURNS } from "../../tools/lab/pbft/pbft-cluster.ts";
import { predictedWords } from "../../tools/lab/report/page.ts";
import {
  PARTITION_HEAD,
  partitionCells,
  partitionReport,
  partitionVerdict,
} from "../../tools/lab/report/pbft-report.ts";
import { list, withDefault } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput, EXIT, Finished } from "../exit.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { writeLabFiles } from "./lab-files.ts";
import { addNodes, type PbftLabOptions, virtualTime } from "./lab-pbft.ts";
import { runSteps } from "./lab-steps.ts";

interface Options extends PbftLabOptions {
  readonly groups?: readonly (readonly number[])[];
  readonly time: number;
}

export function addPartition(lab: Command): void {
  leaf<Options>(
    lab,
    "partition",
    "split the network between validators, and heal it",
    (command) =>
      addNodes(command)
        .option("--groups <groups>", "who hears whom, such as 0,1/2,3 (default: two halves)", groups)
        .addOption(
          withDefault("--time <duration>", "virtual time until the network heals", virtualTime, [
            5_000,
            "5s",
          ]),
        ),
    ({ out, options }) => part(out, options),
  );
}

/** Reads "0,1/2,3" as lists of validators. */
function groups(text: string): readonly (readonly number[])[] {
  const parts = text
    .split("/")
    .map((part) => list(part).map((id) => (/^[0-9]{1,2}$/.test(id) ? Number(id) : -1)));
  const all = parts.flat();
  const isWhole = parts.length > 1 && parts.every((part) => part.length > 0) && all.every((id) => id >= 0);
  if (isWhole && new Set(all).size === all.length) return parts;
  throw new InvalidArgumentError("expected groups of validators, each once, such as 0,1/2,3.");
}

async function part(out: Output, { nodes, seed, time, out: dir, groups: named }: Options): Promise<void> {
  const ids = Array.from({ length: nodes }, (_, id) => id);
  const half = Math.ceil(nodes / 2);
  const sides = named ?? [ids.slice(0, half), ids.slice(half)];
  const all = sides.flat();
  const wrong = all.find((id) => id >= nodes) ?? ids.find((id) => !all.includes(id));
  if (wrong !== undefined)
    throw badInput(`--groups: name each of the validators 0 to ${nodes - 1} once (${wrong})`);
  const asked = { nodes, seed, groups: sides, splitMs: time };
  const { result: run, tookMs } = await runSteps(out, [TURNS, "voting"], (step) => runPartition(asked, step));
  const { result } = run;
  const found = { experiment: "partition", ...result };
  const shown = sides.map((side) => side.join(",")).join("/");
  const report = writeLabFiles(dir, {
    results: found,
    rows: result.sides.map(({ validators, ...rest }) => ({ validators: validators.join(" "), ...rest })),
    report: partitionReport(
      run,
      `quorate lab partition --nodes ${nodes} --groups ${shown} --time ${time}ms --seed ${seed}`,
    ),
    timing: { seconds: Number((tookMs / 1_000).toFixed(3)) },
  });
  const lines = [
    ...table(PARTITION_HEAD, partitionCells(run)),
    `${predictedWords(result.isMatch)}: ${partitionVerdict(run)}`,
    `  ${report}`,
  ];
  out.result({ ...found, report }, lines);
  if (!result.isMatch) throw new Finished(EXIT.failedCheck);
}
