/**
 * What benchmarks print: for people a page that puts each figure beside its limit, for machines the fixed names of
 * docs/benchmarks.md. Arithmetic on finished runs only.
 */

import { must } from "../../base/assert.ts";
import { nativeName } from "../../crypto/keys.ts";
import { type NodeFigures, totalSent } from "../../tools/bench/node-figures.ts";
import { median, summarize } from "../../tools/bench/statistics.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import type { LatencyOptions, LatencyRun } from "./bench-latency.ts";
import type { ThroughputOptions, ThroughputRun } from "./bench-throughput.ts";

/** What --json prints of every benchmark. */
export interface BenchResult<Run> {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly limit: number;
  readonly ratio: number;
  readonly options: object;
  /** The library that checks signatures. */
  readonly verifier: string;
  readonly runs: readonly Run[];
}

/** Waits on the way of one commit: durable writes and one-way trips over two, see docs/benchmarks.md. */
const FSYNCS_PER_COMMIT = 4;
const ROUND_TRIPS_PER_COMMIT = 5;
/** Ways from one node to another among them, which are as long as --delay says. */
const DELAYS_PER_COMMIT = 4;

/** A run was disturbed when other programs took this share of the cores; less is noise of the measuring itself. */
const DISTURBED_SHARE = 0.1;
/** Looks at the nodes' memory in a page's line. */
const MOMENTS_SHOWN = 10;
/** Why a first and a last run are there. */
const NO_RUNS = "a report has at least one run";

/** Machine numbers keep four significant digits. */
export const short = (value: number): number => Number(value.toPrecision(4));
const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
const ms = (value: number): string => (value < 10 ? value.toFixed(2) : whole(value));
const middle = <Run>(runs: readonly Run[], figure: (run: Run) => number): number => median(runs.map(figure));

// --- throughput --------------------------------------------------------------------------------------------

const committedPerSecond = ({ load }: ThroughputRun): number => load.committed / load.seconds;
const limitOf = ({ verifications: [before, after], cores, nodes }: ThroughputRun): number =>
  (((before + after) / 2) * cores) / nodes.length;

export function throughputResult(
  options: ThroughputOptions,
  runs: readonly ThroughputRun[],
): BenchResult<ReturnType<typeof throughputRun>> {
  return {
    name: "throughput",
    value: short(middle(runs, committedPerSecond)),
    unit: "committed transfers per second",
    limit: short(middle(runs, limitOf)),
    ratio: short(middle(runs, (run) => committedPerSecond(run) / limitOf(run))),
    options,
    verifier: nativeName,
    runs: runs.map(throughputRun),
  };
}

function throughputRun(run: ThroughputRun) {
  const { load, nodes, verifications, cores, audit } = run;
  const perBlock = Object.entries(totalSent(nodes)).map(([channel, { messages, bytes }]) => [
    channel,
    { messages: short(messages / load.blocks), bytes: short(bytes / load.blocks) },
  ]);
  return {
    committedPerSecond: short(committedPerSecond(run)),
    offeredPerSecond: short(load.sent / load.seconds),
    limit: short(limitOf(run)),
    ratio: short(committedPerSecond(run) / limitOf(run)),
    seconds: short(load.seconds),
    latencyMs: {
      p50: short(load.latencyMs.p50),
      p99: short(load.latencyMs.p99),
      max: short(load.latencyMs.max),
    },
    refused: load.refused,
    blocksPerSecond: short(load.blocks / load.seconds),
    transactionsPerBlock: short(load.committed / load.blocks),
    sentPerBlock: Object.fromEntries(perBlock),
    signatureChecksPerTransaction: short(checksPerTransaction(run)),
    verificationsPerSecondAndCore: verifications.map(short),
    cores,
    nodes: nodes.map((node) => ({
      name: node.name,
      cpu: short(node.cpu),
      memory: node.memory,
      eventLoopLagP99Ms: short(node.eventLoopLagP99Ms),
      databaseWriteMs: short(node.databaseWriteMs),
    })),
    memory: run.moments,
    generatorCpu: short(load.cpu),
    foreignCpu: short(run.foreignCpu),
    signedLate: load.signedLate,
    audit,
  };
}

function checksPerTransaction({ nodes, load }: ThroughputRun): number {
  return nodes.reduce((sum, node) => sum + node.signatureChecks, 0) / load.committed;
}

export function describeThroughput(
  out: Output,
  options: ThroughputOptions,
  runs: readonly ThroughputRun[],
): readonly string[] {
  const { value, limit, ratio } = throughputResult(options, runs);
  const of = (figure: (run: ThroughputRun) => number) => middle(runs, figure);
  const { cores } = must(runs[0], NO_RUNS);
  const mode =
    options.rate === undefined
      ? `${whole(options.outstanding)} outstanding`
      : `${whole(options.rate)} /s wanted`;
  const verified = [0, 1].map((i) => whole(of((run) => run.verifications[i as 0 | 1])));
  const lines = [
    out.style(
      "bold",
      title("throughput", options, `${cores} cores · ${nativeName} · node ${process.version}`),
    ),
    row(
      "committed",
      `${out.style("bold", whole(value))} tx/s of ${whole(limit)} that ${cores} cores can verify for ${options.validators} nodes: ratio ${out.style("bold", ratio.toFixed(2))}`,
    ),
    row(
      "offered",
      `${whole(of(({ load }) => load.sent / load.seconds))} tx/s, ${mode}, ${options.batch} a request, ${options.accounts} accounts`,
    ),
    row(
      "latency",
      `p50 ${ms(of(({ load }) => load.latencyMs.p50))} ms, p99 ${ms(of(({ load }) => load.latencyMs.p99))} ms from sending to final, at the client`,
    ),
    row(
      "blocks",
      `${of(({ load }) => load.blocks / load.seconds).toFixed(1)} a second, ${whole(of(({ load }) => load.committed / load.blocks))} transfers each`,
    ),
    row("sent", `${sentPerBlock(must(runs.at(-1), NO_RUNS))} per block, all nodes`),
    row(
      "signatures",
      `${of(checksPerTransaction).toFixed(2)} checks a transfer, all nodes; one core verifies ${verified[0]} /s before and ${verified[1]} /s after`,
    ),
    "",
    ...nodeRows(runs),
    "",
    ...memories(runs),
    ...spread(runs),
    ...disturbance(out, runs),
    ...refusals(runs),
    ...audits(out, options, runs),
  ];
  return lines;
}

function sentPerBlock({ nodes, load }: ThroughputRun): string {
  const parts = Object.entries(totalSent(nodes)).map(
    ([channel, { messages, bytes }]) =>
      `${channel} ${whole(messages / load.blocks)} (${kilobytes(bytes / load.blocks)})`,
  );
  return parts.length === 0 ? "nothing" : parts.join(", ");
}

function nodeRows(runs: readonly ThroughputRun[]): readonly string[] {
  const rows = must(runs[0], NO_RUNS).nodes.map(({ name }, i) => {
    const of = (figure: (node: NodeFigures) => number) =>
      middle(runs, (run) => figure(must(run.nodes[i], "all runs have the same nodes")));
    return [
      name,
      `${whole(100 * of((node) => node.cpu))} %`,
      `${whole(of((node) => node.memory) / 1e6)} MB`,
      `${ms(of((node) => node.eventLoopLagP99Ms))} ms`,
      `${ms(of((node) => node.databaseWriteMs))} ms`,
    ];
  });
  const generator = ["load", `${whole(100 * middle(runs, (run) => run.load.cpu))} %`, "", "", ""];
  return table(["process", "cpu", "memory", "event loop p99", "database write"], [...rows, generator]);
}

/** Of the last run, ten of its moments at most. */
function memories(runs: readonly ThroughputRun[]): string[] {
  const { moments } = must(runs.at(-1), NO_RUNS);
  if (moments.length === 0) return [];
  const step = Math.ceil(moments.length / MOMENTS_SHOWN);
  const shown = moments.filter((_, i) => (i + 1) % step === 0);
  const parts = shown.map(
    ({ committed, bytes, meanBytes }) =>
      `${whole(meanBytes / 1e6)} (${whole(bytes / 1e6)}) MB after ${whole(committed)}`,
  );
  return [row("memory", `of a node in the mean (of the largest) ${parts.join(", ")} transfers`)];
}

function spread(runs: readonly ThroughputRun[]): string[] {
  if (runs.length === 1) return [];
  return [
    row(
      "runs",
      runs
        .map(
          (run) =>
            `${whole(committedPerSecond(run))} (${(committedPerSecond(run) / limitOf(run)).toFixed(2)})`,
        )
        .join(", "),
    ),
  ];
}

/** A neighbour takes what the limit promised: the ratio then says little. */
function disturbance(out: Output, runs: readonly ThroughputRun[]): string[] {
  const foreign = middle(runs, (run) => run.foreignCpu);
  const { cores } = must(runs[0], NO_RUNS);
  if (foreign < DISTURBED_SHARE * cores) return [];
  const text = `other processes used ${foreign.toFixed(1)} of ${cores} cores meanwhile: these figures are too low`;
  return [row("disturbed", out.style("yellow", text))];
}

function refusals(runs: readonly ThroughputRun[]): string[] {
  const refused = runs.flatMap((run) => Object.entries(run.load.refused));
  if (refused.length === 0) return [];
  return [
    row("refused", `and sent again: ${refused.map(([code, count]) => `${whole(count)} ${code}`).join(", ")}`),
  ];
}

function audits(out: Output, { validators }: ThroughputOptions, runs: readonly ThroughputRun[]): string[] {
  return runs.flatMap(({ audit: { ok, height, headHash, faults } }) => {
    if (!ok) return faults.map((fault) => row("check", `${out.cross} ${fault}`));
    return [
      row(
        "check",
        `${out.tick} ${validators} nodes at height ${height}, head ${headHash.slice(0, 14)}…; every transfer once, balances add up`,
      ),
    ];
  });
}

// --- latency -----------------------------------------------------------------------------------------------

const latencyOf = ({ byNode }: LatencyRun) => summarize(byNode.flat());
const fsyncOf = ({ fsyncMs }: LatencyRun): number => median(fsyncMs);
const roundTripOf = ({ roundTripMs }: LatencyRun): number => median(roundTripMs);
const latencyLimit = ({ delay }: LatencyOptions, run: LatencyRun): number =>
  FSYNCS_PER_COMMIT * fsyncOf(run) + ROUND_TRIPS_PER_COMMIT * roundTripOf(run) + DELAYS_PER_COMMIT * delay;

export function latencyResult(
  options: LatencyOptions,
  runs: readonly LatencyRun[],
): BenchResult<ReturnType<typeof latencyRun>> {
  return {
    name: "latency",
    value: short(middle(runs, (run) => latencyOf(run).p50)),
    unit: "ms from sending to final, p50",
    limit: short(middle(runs, (run) => latencyLimit(options, run))),
    ratio: short(middle(runs, (run) => latencyOf(run).p50 / latencyLimit(options, run))),
    options,
    verifier: nativeName,
    runs: runs.map((run) => latencyRun(options, run)),
  };
}

function latencyRun(options: LatencyOptions, run: LatencyRun) {
  return {
    p50: short(latencyOf(run).p50),
    p99: short(latencyOf(run).p99),
    max: short(latencyOf(run).max),
    limit: short(latencyLimit(options, run)),
    ratio: short(latencyOf(run).p50 / latencyLimit(options, run)),
    fsyncMs: short(fsyncOf(run)),
    roundTripMs: short(roundTripOf(run)),
    waits: run.waits.map(({ name, ms: mean }) => ({ name, ms: short(mean) })),
    primary: run.primary,
    nodes: run.byNode.map((samples) => {
      const { p50, p99 } = summarize(samples);
      return { p50: short(p50), p99: short(p99) };
    }),
  };
}

export function describeLatency(
  out: Output,
  options: LatencyOptions,
  runs: readonly LatencyRun[],
): readonly string[] {
  const { value, limit, ratio } = latencyResult(options, runs);
  const of = (figure: (run: LatencyRun) => number) => middle(runs, figure);
  const last = must(runs.at(-1), NO_RUNS);
  const rows = last.byNode.map((samples, i) => {
    const { p50, p99, count } = summarize(samples);
    const role = i === last.primary ? "primary" : "backup";
    return [`node${i}`, role, `${count}`, `${ms(p50)} ms`, `${ms(p99)} ms`];
  });
  return [
    out.style("bold", title("latency", options, `${nativeName} · node ${process.version}`)),
    row(
      "latency",
      `p50 ${out.style("bold", `${ms(value)} ms`)}, p99 ${ms(of((run) => latencyOf(run).p99))} ms from sending to final: ratio ${out.style("bold", ratio.toFixed(2))} to the limit`,
    ),
    row(
      "limit",
      `${ms(limit)} ms = ${FSYNCS_PER_COMMIT} fsync of ${ms(of(fsyncOf))} ms + ${ROUND_TRIPS_PER_COMMIT} round trips of ${ms(of(roundTripOf))} ms${options.delay === 0 ? "" : ` + ${DELAYS_PER_COMMIT} delays of ${options.delay} ms`}`,
    ),
    ...(runs.length === 1
      ? []
      : [
          row(
            "runs",
            runs
              .map(
                (run) =>
                  `${ms(latencyOf(run).p50)} ms (${(latencyOf(run).p50 / latencyLimit(options, run)).toFixed(2)})`,
              )
              .join(", "),
          ),
        ]),
    "",
    ...table(["sent to", "role", "transfers", "p50", "p99"], rows),
    ...(last.waits.length === 0
      ? []
      : [
          "",
          ...table(
            ["wait, at the primary", "mean"],
            last.waits.map(({ name, ms: mean }) => [name, `${ms(mean)} ms`]),
          ),
        ]),
  ];
}

// --- both --------------------------------------------------------------------------------------------------

function title(
  name: string,
  { validators, runs, delay, loss }: Pick<LatencyOptions, "validators" | "runs" | "delay" | "loss">,
  rest: string,
): string {
  const times = runs === 1 ? "" : ` · median of ${runs} runs`;
  const apart = delay === 0 ? "" : ` ${delay} ms apart`;
  const lossy = loss === 0 ? "" : `${apart === "" ? "" : ","} ${Number((100 * loss).toFixed(4))} % lost`;
  return `quorate bench ${name} · ${validators} validators${apart}${lossy} · ${rest}${times}`;
}

/** A line of a page. */
export function row(label: string, text: string): string {
  return `  ${label.padEnd(11)} ${text}`;
}

function kilobytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}
