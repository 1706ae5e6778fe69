/** `quorate lab equivocate`: validators that contradict themselves (src/tools/lab/pbft/equivocate.ts). */
import { dirname } from "node:path";
import { type Command, Option } from "commander";
import { shellWord } from "../../base/shell-word.ts";
import { type EquivocateRun, runEquivocate, WAYS } from "../../tools/lab/pbft/equivocate.ts";
import { cheatsThatFork, faultsSurvived, TURNS } from "../../tools/lab/pbft/pbft-cluster.ts";
import { predictedWords } from "../../tools/lab/report/page.ts";
import { equivocateReport, equivocateVerdict, finders, names } from "../../tools/lab/report/pbft-report.ts";
import { integer, withDefault } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput, EXIT, Finished } from "../exit.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { writeLabExtras, writeLabFiles } from "./lab-files.ts";
import { addNodes, checkByzantine, type PbftLabOptions, virtualTime } from "./lab-pbft.ts";
import { runSteps } from "./lab-steps.ts";

interface Options extends PbftLabOptions {
  readonly byzantine?: number;
  readonly beyond?: boolean;
  readonly way: (typeof WAYS)[number];
  readonly time: number;
}

export function addEquivocate(lab: Command): void {
  leaf<Options>(
    lab,
    "equivocate",
    "let validators contradict themselves: the chain holds, or forks beyond f",
    (command) =>
      addNodes(command)
        .option("-b, --byzantine <n>", "how many (default: f, as many as are survived)", integer(0, 16))
        .option("--beyond", "as many as fork the chain: what two quorums have in common")
        .addOption(
          new Option("--way <way>", "two stories of one primary, or one key on two replicas")
            .choices(WAYS)
            .default("equivocate"),
        )
        .addOption(
          withDefault("--time <duration>", "virtual time in which users pay", virtualTime, [5_000, "5s"]),
        ),
    ({ out, options }) => equivocate(out, options),
  );
}

async function equivocate(out: Output, options: Options): Promise<void> {
  const { nodes, seed, way, time } = options;
  const byzantine = countOf(options);
  const asked = { nodes, byzantine, way, seed, payMs: time };
  const { result: run, tookMs } = await runSteps(out, [TURNS, "voting"], (step) =>
    runEquivocate(asked, step),
  );
  const { result } = run;
  const found = { experiment: "equivocate", ...result };
  const { convictions, fork, stops, ...numbers } = result;
  const command = `quorate lab equivocate --nodes ${nodes} --byzantine ${byzantine} --way ${way} --time ${time}ms --seed ${seed}`;
  const report = writeLabFiles(options.out, {
    results: found,
    rows: [
      {
        ...numbers,
        convicted: convictions.map(({ validator }) => validator).join(" "),
        forkHeight: fork?.height,
        signedBoth: fork?.signedBoth.join(" "),
        stopped: stops.map(({ node }) => node).join(" "),
      },
    ],
    report: equivocateReport(run, command),
    timing: { seconds: Number((tookMs / 1_000).toFixed(3)) },
  });
  writeLabExtras(dirname(report), proofsOf(run));
  const mark = predictedWords(result.isMatch);
  out.result({ ...found, report }, [
    ...forkLines(run),
    ...convictionLines(run, options.out),
    `${mark}: ${equivocateVerdict(run)}`,
    `  ${report}`,
  ]);
  if (!result.isMatch) throw new Finished(EXIT.failedCheck);
}

function countOf({ byzantine, beyond, nodes }: Options): number {
  if (byzantine !== undefined && beyond === true) throw badInput("--byzantine or --beyond, not both");
  if (beyond === true) return cheatsThatFork(nodes);
  return checkByzantine("--byzantine", byzantine ?? faultsSurvived(nodes), nodes);
}

function proofsOf({ result: { convictions }, genesis }: EquivocateRun): Record<string, string> {
  const evidence = convictions.map(({ evidence: bytes }, i) => [
    `evidence-${i}.json`,
    `${JSON.stringify({ evidence: bytes })}\n`,
  ]);
  return { "genesis.json": genesis, ...Object.fromEntries(evidence) };
}

function forkLines({ result: { fork, stops } }: EquivocateRun): string[] {
  if (fork === undefined) return [];
  const rows = fork.certificates.map(({ height, view, hash, signers, holders, fault }) => [
    `${height}`,
    `${view}`,
    hash,
    names(signers),
    names(holders),
    fault ?? "valid",
  ]);
  return [
    ...table(
      ["height", "view", "commit certificate of block", "signed by", "final at", "by the rules"],
      rows,
    ),
    `both signed by ${names(fork.signedBoth)}`,
    ...stops.map(({ node, atMs, reason }) => `node${node} stopped after ${atMs} ms: ${reason}`),
    "",
  ];
}

function convictionLines({ result: { convictions } }: EquivocateRun, dir: string): string[] {
  if (convictions.length === 0) return [];
  const rows = convictions.map((each) => [
    each.name,
    each.phase,
    String(each.view),
    String(each.height),
    each.digests.map((digest) => `${digest.slice(0, 12)}…`).join(" and "),
    finders(each),
  ]);
  return [
    ...table(["culprit", "phase", "view", "height", "signed for both", "found by"], rows),
    `verify with: quorate evidence --file ${shellWord(dir)}/evidence-0.json --genesis ${shellWord(dir)}/genesis.json`,
    "",
  ];
}
