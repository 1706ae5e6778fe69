/**
 * The benchmarks of `quorate bench all`: the words of each and what of its JSON is a figure. Sizes are such that a round takes
 * some two minutes of a quiet machine; whoever wants more calls a benchmark by itself.
 */
import type { SuiteSample } from "../../tools/bench/suite.ts";

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
  /** The name that --only takes. */
  readonly name: string;
  /** The words that follow `quorate bench`. */
  readonly words: readonly string[];
  read(printed: Printed): readonly SuiteSample[];
}

export const SUITE_CASES: readonly SuiteCase[] = [
  cost("cost", "cost, 4 validators", ["--transfers", "8000", "--warm-up", "6000"]),
  cost("cost-7", "cost, 7 validators", ["-n", "7", "--transfers", "5000", "--warm-up", "4000"]),
  cost("cost-13", "cost, 13 validators", ["-n", "13", "--transfers", "3000", "--warm-up", "3000"]),
  cost("cost-single", "cost, one a request", ["--batch", "1", "--transfers", "6000", "--warm-up", "6000"]),
  {
    name: "verify",
    words: ["verify", "--rounds", "6"],
    read: ({ batches = [], limit, unit = "" }) =>
      batches.map(({ size, value }) => ({
        name: `verify, batches of ${size}`,
        unit,
        better: "higher",
        value,
        limit,
      })),
  },
  {
    name: "connect",
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
    words: ["state", "--rounds", "15"],
    read: ({ sizes = [], unit = "" }) =>
      sizes.map(({ accounts, value, hashes }) => ({
        name: `state, ${accounts} accounts`,
        unit,
        better: "lower",
        value,
        limit: value / hashes,
      })),
  },
  { name: "mining", words: ["mining", "--seconds", "2"], read: higher("mining") },
  { name: "sync", words: ["sync", "--blocks", "3000"], read: higher("sync") },
  { name: "latency", words: ["latency", "--transfers", "100"], read: lower("latency") },
  {
    name: "throughput",
    words: ["throughput", "--seconds", "12", "--warm-up", "8"],
    read: higher("throughput"),
  },
  {
    name: "admission",
    words: ["admission", "--batches", "1,100", "--held", "0,50000", "--rounds", "6"],
    read: ({ batches = [], unit = "" }) =>
      batches.map(({ size, value, limit }) => ({
        name: `admission, batches of ${size}`,
        unit,
        better: "higher",
        value,
        limit,
      })),
  },
];

function cost(name: string, title: string, words: readonly string[]): SuiteCase {
  return { name, words: ["cost", ...words], read: lower(title) };
}

function higher(name: string): SuiteCase["read"] {
  return (printed) => [sample(name, "higher", printed)];
}

function lower(name: string): SuiteCase["read"] {
  return (printed) => [sample(name, "lower", printed)];
}

function sample(
  name: string,
  better: SuiteSample["better"],
  { value = Number.NaN, unit = "", limit }: Printed,
): SuiteSample {
  return { name, unit, better, value, limit };
}
