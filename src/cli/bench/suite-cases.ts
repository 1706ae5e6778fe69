/**
 * The benchmarks of `quorate bench all`: the words of each and what of its JSON is a figure. Sizes are moderate, so that a round
 * takes minutes; whoever wants more calls a benchmark by itself. Which of them run is suite-plan.ts's matter.
 */
import type { SuitePlace, SuiteSample } from "../../tools/bench/suite.ts";

/** What a benchmark printed with --json, as far as it is looked at. */
interface Printed {
  readonly value?: number;
  readonly unit?: string;
  readonly limit?: number;
  readonly cached?: number;
  readonly plain?: number;
  readonly batches?: readonly { readonly size: number; readonly value: number; readonly limit?: number }[];
  readonly sizes?: readonly { readonly accounts: number; readonly value: number; readonly hashes: number }[];
}

export interface SuiteCase {
  /** The name that --only takes, unique in the suite. */
  readonly name: string;
  /** The group that --only takes as well: all cases of one question. */
  readonly group: string;
  /** About how long it takes on two quiet cores. */
  readonly seconds: number;
  /** The words that follow `quorate bench`. */
  readonly words: readonly string[];
  read(printed: Printed): readonly SuiteSample[];
}

export const SUITE_CASES: readonly SuiteCase[] = [
  {
    name: "cost-single",
    group: "cost",
    seconds: 12,
    words: ["cost", "--batch", "1", "--transfers", "6000", "--warm-up", "6000"],
    read: lower("cost, one a request"),
  },
  {
    name: "verify",
    group: "verify",
    seconds: 8,
    words: ["verify", "--rounds", "6"],
    read: ({ batches = [], limit, unit = "" }) =>
      batches.map(({ size, value }) => ({
        name: `verify, batches of ${size}`,
        unit,
        better: "higher",
        value,
        limit,
        place: { title: "verify by batch", label: "signatures of a batch", x: size, isWide: true },
      })),
  },
  {
    name: "connect",
    group: "connect",
    seconds: 6,
    words: ["connect", "--blocks", "8"],
    read: (printed) => [
      ...higher("connect, signatures unseen")(printed),
      {
        name: "connect, signatures known",
        unit: "transactions per second",
        better: "higher",
        value: printed.cached ?? Number.NaN,
        limit: undefined,
      },
    ],
  },
  {
    name: "state",
    group: "state",
    seconds: 25,
    words: ["state", "--rounds", "15"],
    read: ({ sizes = [], unit = "" }) =>
      sizes.map(({ accounts, value, hashes }) => ({
        name: `state, ${accounts} accounts`,
        unit,
        better: "lower",
        value,
        limit: value / hashes,
        place: { title: "state by accounts", label: "accounts", x: accounts, isWide: true },
      })),
  },
  {
    name: "mining",
    group: "mining",
    seconds: 8,
    words: ["mining", "--seconds", "2"],
    read: higher("mining"),
  },
  { name: "sync", group: "sync", seconds: 10, words: ["sync", "--blocks", "3000"], read: higher("sync") },
  {
    name: "admission",
    group: "admission",
    seconds: 30,
    words: ["admission", "--batches", "1,100", "--held", "0,50000", "--rounds", "6"],
    read: ({ batches = [], unit = "" }) =>
      batches.map(({ size, value, limit }) => ({
        name: `admission, batches of ${size}`,
        unit,
        better: "higher",
        value,
        limit,
        place: {
          title: "admission by batch",
          label: "transactions that come together",
          x: size,
          isWide: true,
        },
      })),
  },
  {
    name: "allocation",
    group: "allocation",
    seconds: 10,
    words: ["allocation", "--transfers", "8000", "--warm-up", "6000"],
    read: lower("allocation, 4 validators"),
  },
];

/** What is measured once for each number of validators. */
export function casesOf(validators: number): readonly SuiteCase[] {
  const [many, few] =
    validators > 7 ? ["3000", "3000"] : validators > 4 ? ["5000", "4000"] : ["8000", "6000"];
  const network = ["-n", `${validators}`];
  const place = (title: string): SuitePlace => ({ title, label: "validators", x: validators });
  return [
    {
      name: `cost-${validators}`,
      group: "cost",
      seconds: 8 + validators,
      words: ["cost", ...network, "--transfers", many, "--warm-up", few],
      read: lower(`cost, ${validators} validators`, place("cost by validators")),
    },
    {
      name: `latency-${validators}`,
      group: "latency",
      seconds: 8 + 2 * validators,
      words: ["latency", ...network, "--transfers", "100"],
      read: lower(`latency, ${validators} validators`, place("latency by validators")),
    },
    {
      name: `throughput-${validators}`,
      group: "throughput",
      seconds: 26 + 2 * validators,
      words: ["throughput", ...network, "--seconds", "12", "--warm-up", "8"],
      read: higher(`throughput, ${validators} validators`, place("throughput by validators")),
    },
  ];
}

function higher(name: string, place?: SuitePlace): SuiteCase["read"] {
  return (printed) => [sample(name, "higher", printed, place)];
}

function lower(name: string, place?: SuitePlace): SuiteCase["read"] {
  return (printed) => [sample(name, "lower", printed, place)];
}

function sample(
  name: string,
  better: SuiteSample["better"],
  { value = Number.NaN, unit = "", limit }: Printed,
  place?: SuitePlace,
): SuiteSample {
  return { name, unit, better, value, limit, ...(place === undefined ? {} : { place }) };
}
