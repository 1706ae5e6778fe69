/**
 * The cases by which depth of the pipeline and pacing of blocks are chosen: what a network commits at most, and how long a transfer
 * takes when half as much is offered, beside each other in one round.
 */
import type { SuitePlace } from "../../tools/bench/suite.ts";
import type { Printed, SuiteCase } from "./suite-cases.ts";

const DEPTHS = [1, 2, 4, 8];
const DELAYS_MS = [0, 50];
/** Least time between two blocks, ms. That of 0 is measured as the depth of 1. */
const PACES_MS = [20, 50, 100];
/** Transfers a second, about half of what two cores commit: so that latency is no queue. */
const RATE = 1_000;

interface Subject {
  readonly name: string;
  /** What stands behind the name of a figure: "pipeline 2, 50 ms apart". */
  readonly title: string;
  readonly words: readonly string[];
  readonly places: readonly Omit<SuitePlace, "title">[];
  /** The chart: "pipeline, 50 ms apart". */
  readonly chart: string;
}

export const PIPELINE_CASES: readonly SuiteCase[] = [
  ...DELAYS_MS.flatMap((delay) => DEPTHS.map((depth) => depthOf(depth, delay))),
  ...PACES_MS.map(paceOf),
].flatMap(casesOfSubject);

/** The same depths by processor time in one process, which other work on the machine changes less. */
export const DEPTH_COST_CASES: readonly SuiteCase[] = DEPTHS.map((depth) => ({
  name: `cost-depth-${depth}`,
  group: "pipeline",
  seconds: 10,
  isAside: true,
  words: ["cost", "--pipeline-depth", `${depth}`, "--transfers", "8000", "--warm-up", "6000"],
  read: ({ value = Number.NaN, unit = "", limit }) => {
    const places = [{ title: "cost by pipeline", label: "heights in agreement at once", x: depth }];
    return [{ name: `cost, pipeline ${depth}`, unit, better: "lower", value, limit, places }];
  },
}));

function depthOf(depth: number, delay: number): Subject {
  const apart = delay === 0 ? "" : `, ${delay} ms apart`;
  return {
    name: `depth-${depth}${delay === 0 ? "" : `-${delay}ms`}`,
    title: `pipeline ${depth}${apart}`,
    words: ["--pipeline-depth", `${depth}`, "--delay", `${delay}ms`],
    chart: `pipeline${apart}`,
    places: [{ label: "heights in agreement at once", x: depth }],
  };
}

function paceOf(pace: number): Subject {
  return {
    name: `pace-${pace}ms`,
    title: `blocks ${pace} ms apart at least`,
    words: ["--block-time", `${pace}ms`],
    chart: "block pacing",
    places: [{ label: "least ms between two blocks", x: pace }],
  };
}

function casesOfSubject({ name, title, words, places, chart }: Subject): readonly SuiteCase[] {
  const run = ["throughput", "--seconds", "6", "--warm-up", "5", ...words];
  const charted = (what: string) => places.map((place) => ({ ...place, title: `${what} by ${chart}` }));
  const p50 = ({ runs = [] }: Printed) => runs[0]?.latencyMs.p50 ?? Number.NaN;
  const common = { group: "pipeline", seconds: 20, isAside: true };
  return [
    {
      ...common,
      name,
      words: run,
      read: ({ value = Number.NaN, unit = "", limit }) => [
        { name: `throughput, ${title}`, unit, better: "higher", value, limit, places: charted("throughput") },
      ],
    },
    {
      ...common,
      name: `${name}-half`,
      words: [...run, "--rate", `${RATE}`],
      read: (printed) => [
        {
          name: `latency at ${RATE} a second, ${title}`,
          unit: "ms from sending to final, p50",
          better: "lower",
          value: p50(printed),
          limit: undefined,
          places: charted("latency"),
        },
      ],
    },
  ];
}
