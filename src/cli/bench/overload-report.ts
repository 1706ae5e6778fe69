/**
 * What `quorate bench overload` prints: each phase beside the others for people, and for machines the names of docs/benchmarks.md.
 * Arithmetic on a finished run only.
 */
import type { RefusalFigures } from "../../tools/bench/open-load.ts";
import { NORMAL_SECONDS } from "../../tools/bench/sending-seconds.ts";
import type { Distribution } from "../../tools/bench/statistics.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import type { OverloadOptions, OverloadPhase, OverloadRun } from "./bench-overload.ts";
import { row, short } from "./bench-report.ts";

/** The number of "ask less". */
const LIMIT_EXCEEDED = -32005;
/** A run was disturbed when other programs used so many cores in a phase. */
const DISTURBED_CORES = 0.2;

const PHASES = [
  ["peak", "as much as it takes"],
  ["normal", "half of it"],
  ["filling", "overload at first"],
  ["overload", "overload"],
  ["recovery", "half again"],
] as const;

const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
const perSecond = (count: number, { seconds }: OverloadPhase): number => count / seconds;
const committedOf = (phase: OverloadPhase): number => perSecond(phase.committed, phase);
const figure = (value: number): number | undefined => (Number.isNaN(value) ? undefined : short(value));
const spanOf = ({ p50, p99, max }: Distribution) => ({
  p50: figure(p50),
  p99: figure(p99),
  max: figure(max),
});

/** What all nodes' refusals in the overload come to. */
function refusalsOf({ refusals, offered }: OverloadPhase) {
  const sum = (of: (refusal: RefusalFigures) => number) =>
    refusals.reduce((total, one) => total + of(one), 0);
  const refused = sum(({ count }) => count);
  return {
    refused,
    share: offered === 0 ? 0 : refused / offered,
    /** Of these, how many named -32005 and a time to wait. */
    told: sum(({ number, retryAfterMs }) => (number === LIMIT_EXCEEDED ? retryAfterMs.count : 0)),
  };
}

export function overloadResult(options: OverloadOptions, run: OverloadRun) {
  const { peak, normal, filling, overload, recovery, recoveredAfter, audit } = run;
  const { refused, told } = refusalsOf(overload);
  return {
    name: "overload",
    value: short(committedOf(overload)),
    unit: "committed transfers per second",
    limit: short(committedOf(peak)),
    ratio: short(committedOf(overload) / committedOf(peak)),
    refused,
    refusedWithTime: told,
    normalLatencyMs: spanOf(normal.latencyMs),
    recoveredAfterSeconds: recoveredAfter ?? null,
    phases: {
      peak: phaseResult(peak),
      normal: phaseResult(normal),
      filling: phaseResult(filling),
      overload: phaseResult(overload),
      recovery: phaseResult(recovery),
    },
    options,
    audit,
  };
}

function phaseResult(phase: OverloadPhase) {
  const { seconds, offered, withheld, accepted, refusals, answerMs, latencyMs, nodes } = phase;
  return {
    seconds: short(seconds),
    committedPerSecond: short(committedOf(phase)),
    offeredPerSecond: short(perSecond(offered, phase)),
    ...{ offered, withheld, accepted },
    refusals: refusals.map(({ code, number, count, retryAfterMs }) => {
      return { code, number, count, retryAfterMs: { count: retryAfterMs.count, ...spanOf(retryAfterMs) } };
    }),
    answerMs: spanOf(answerMs),
    latencyMs: spanOf(latencyMs),
    nodes: nodes.map(({ name, cpu, memory, eventLoopLagP99Ms, pooled, signatureChecks }) => ({
      name,
      cpu: short(cpu),
      memory,
      eventLoopLagP99Ms: short(eventLoopLagP99Ms),
      pooled,
      signatureChecks,
    })),
    generatorCpu: short(phase.cpu),
    foreignCpu: short(phase.foreignCpu),
  };
}

export function describeOverload(out: Output, options: OverloadOptions, run: OverloadRun): readonly string[] {
  const { peak, normal, filling, overload, recoveredAfter, audit } = run;
  const bold = (text: string) => out.style("bold", text);
  const ratio = committedOf(overload) / committedOf(peak);
  const { refused, share, told } = refusalsOf(overload);
  const normalMs = whole(normal.latencyMs.p99);
  const recovered =
    recoveredAfter === undefined
      ? `${out.cross} not within ${options.recovery} s`
      : `${out.tick} from second ${bold(`${recoveredAfter}`)} after it on nothing is refused, and half is final within ${normalMs} ms (p99 before), ${NORMAL_SECONDS} seconds in a row`;
  const { validators, factor } = options;
  return [
    bold(
      `quorate bench overload · ${validators} validators · ${factor} times what they take · node ${process.version}`,
    ),
    row(
      "kept",
      `${bold(whole(committedOf(overload)))} transfers a second of ${whole(committedOf(peak))} that they take: ratio ${bold(ratio.toFixed(2))} (${(committedOf(filling) / committedOf(peak)).toFixed(2)} at first, while pools fill)`,
    ),
    row(
      "refused",
      refused === 0
        ? "nothing"
        : `${whole(refused)} (${(100 * share).toFixed(0)} % of what was offered), ${whole(told)} of them with ${LIMIT_EXCEEDED} and a time to wait`,
    ),
    ...overload.refusals.map(({ code, number, count, retryAfterMs: { p50, max } }) =>
      row(
        "",
        `${whole(count)} ${code} (${number})${Number.isNaN(max) ? "" : `, wait ${whole(p50)} ms (at most ${whole(max)})`}`,
      ),
    ),
    row("recovered", recovered),
    "",
    ...phaseRows(run),
    "",
    ...nodeRows(run),
    "",
    ...disturbances(out, run),
    ...(audit.ok
      ? [
          row(
            "check",
            `${out.tick} ${validators} nodes at height ${audit.height}; every accepted transfer once, balances add up`,
          ),
        ]
      : audit.faults.map((fault) => row("check", `${out.cross} ${fault}`))),
  ];
}

function phaseRows(run: OverloadRun): readonly string[] {
  const ms = (value: number) => (Number.isNaN(value) ? "" : `${whole(value)} ms`);
  const rows = PHASES.map(([key, title]) => {
    const phase = run[key];
    const { refused } = refusalsOf(phase);
    return [
      title,
      whole(perSecond(phase.offered, phase)),
      whole(perSecond(phase.withheld, phase)),
      whole(committedOf(phase)),
      whole(perSecond(refused, phase)),
      ms(phase.answerMs.p99),
      ms(phase.latencyMs.p50),
      ms(phase.latencyMs.p99),
    ];
  });
  return table(
    ["a second", "offered", "withheld", "final", "refused", "answer p99", "latency p50", "p99"],
    rows,
  );
}

/** The worst node of each phase. */
function nodeRows(run: OverloadRun): readonly string[] {
  const rows = PHASES.map(([key, title]) => {
    const { nodes } = run[key];
    const most = (of: (node: OverloadPhase["nodes"][number]) => number) => Math.max(...nodes.map(of));
    return [
      title,
      `${whole(100 * most((node) => node.cpu))} %`,
      `${whole(most((node) => node.memory) / 1e6)} MB`,
      `${whole(most((node) => node.eventLoopLagP99Ms))} ms`,
      whole(most((node) => node.pooled)),
    ];
  });
  return table(["the most of a node", "cpu", "memory", "event loop p99", "pooled at the end"], rows);
}

function disturbances(out: Output, run: OverloadRun): readonly string[] {
  const most = Math.max(...PHASES.map(([key]) => run[key].foreignCpu));
  if (most < DISTURBED_CORES) return [];
  const text = `other processes used up to ${most.toFixed(1)} cores meanwhile, and not alike in all phases`;
  return [row("disturbed", out.style("yellow", text))];
}
