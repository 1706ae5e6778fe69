/**
 * The benchmarks of `quorate bench all`: the words of each and what of its JSON is a figure. Sizes are moderate, so that a round
 * takes minutes; whoever wants more calls a benchmark by itself. Which of them run is suite-plan.ts's matter.
 */
import type { SuitePlace, SuiteSample } from "../../tools/bench/suite.ts";

/** What a benchmark printed with --json, as far as it is looked at. */
export interface Printed {
  readonly value?: number;
  readonly unit?: string;
  readonly limit?: number;
  readonly cached?: number;
  readonly plain?: number;
  readonly transactionsPerBlock?: number;
  readonly runs?: readonly { readonly latencyMs: { readonly p50: number } }[];
  readonly batches?: readonly { readonly size: number; readonly value: number; readonly limit?: number }[];
  readonly lengths?: readonly { readonly blocks: number; readonly value: number; readonly ratio: number }[];
  readonly withChain?: number;
  /** Bytes of a process. */
  readonly memory?: Readonly<Record<"bare" | "idle" | "idleWithChain" | "afterLoad", number>>;
  readonly sizes?: readonly { readonly accounts: number; readonly value: number; readonly hashes: number }[];
}

export interface SuiteCase {
  /** The name that --only takes, unique in the suite. */
  readonly name: string;
  /** The group that --only takes as well: all cases of one question. */
  readonly group: string;
  /** About how long it takes on two quiet cores. */
  readonly seconds: number;
  /** It runs only when its name or its group is asked for. */
  readonly isAside?: boolean;
  /** The words that follow `quorate bench`. */
  readonly words: readonly string[];
  read(printed: Printed): readonly SuiteSample[];
}

const bySize = { label: "transactions of a block", isWide: true } as const;
/** ms, and lost segments of a hundred. */
const DELAYS = [
  { delay: 10, loss: 0 },
  { delay: 50, loss: 0 },
  { delay: 100, loss: 0 },
  { delay: 50, loss: 1 },
] as const;
/** Transfers of a block, with blocks that are connected, and transfers of cost that are measured. */
const BLOCK_SIZES = [
  { size: 1, blocks: 500, transfers: 300 },
  { size: 10, blocks: 200, transfers: 1_500 },
  { size: 100, blocks: 40, transfers: 4_000 },
  { size: 1_000, blocks: 8, transfers: 8_000 },
  { size: 5_000, blocks: 3, transfers: 12_000 },
] as const;

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
        places: [{ title: "verify by batch", label: "signatures of a batch", x: size, isWide: true }],
      })),
  },
  ...BLOCK_SIZES.map(connectOf),
  // Agreed on are no blocks of 5,000: so many would have to wait.
  ...BLOCK_SIZES.filter(({ size }) => size <= 1_000).map(sizeOf),
  ...DELAYS.flatMap(delayOf),
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
        places: [{ title: "state by accounts", label: "accounts", x: accounts, isWide: true }],
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
        places: [
          {
            title: "admission by batch",
            label: "transactions that come together",
            x: size,
            isWide: true,
          },
        ],
      })),
  },
  {
    name: "allocation",
    group: "allocation",
    seconds: 10,
    words: ["allocation", "--transfers", "8000", "--warm-up", "6000"],
    read: lower("allocation, 4 validators"),
  },
  {
    name: "length",
    group: "length",
    seconds: 70,
    words: ["length", "--lengths", "1000,10000,100000", "--transfers", "1", "--measured", "100"],
    read: ({ lengths = [], unit = "" }) =>
      lengths.map(({ blocks, value, ratio }) => ({
        name: `length, ${blocks} blocks below`,
        unit,
        better: "lower",
        value,
        limit: value / ratio,
        places: [{ title: "length by blocks", label: "blocks below", x: blocks, isWide: true }],
      })),
  },
  {
    name: "start",
    group: "start",
    seconds: 45,
    words: ["start", "--starts", "3", "--blocks", "3000"],
    read: (printed) => [
      ...lower("start, a fresh home")(printed),
      ...withChain(printed),
      ...memories(printed),
    ],
  },
];

function withChain({ withChain: value = Number.NaN, limit }: Printed): readonly SuiteSample[] {
  return [
    { name: "start, 3000 blocks", unit: "ms from spawning to answering", better: "lower", value, limit },
  ];
}

function memories({ memory }: Printed): readonly SuiteSample[] {
  const of = (state: string, bytes = Number.NaN): SuiteSample => {
    const figure = { unit: "MB of a node", better: "lower", value: bytes / 1e6 } as const;
    return { name: `memory, ${state}`, ...figure, limit: memory && memory.bare / 1e6 };
  };
  return [
    of("idle with a fresh home", memory?.idle),
    of("idle with 3000 blocks", memory?.idleWithChain),
    of("a lone validator after a load", memory?.afterLoad),
  ];
}

/** What is measured once for each number of validators. */
export function casesOf(validators: number): readonly SuiteCase[] {
  const [many, few] =
    validators > 7 ? ["3000", "3000"] : validators > 4 ? ["5000", "4000"] : ["8000", "6000"];
  const network = ["-n", `${validators}`];
  const places = (what: string): SuitePlace[] => [
    { title: `${what} by validators`, label: "validators", x: validators },
    ...(validators === 4 ? [byDelay(what, 0)] : []),
  ];
  return [
    {
      name: `cost-${validators}`,
      group: "cost",
      seconds: 8 + validators,
      words: ["cost", ...network, "--transfers", many, "--warm-up", few],
      read: lower(`cost, ${validators} validators`, places("cost").slice(0, 1)),
    },
    {
      name: `latency-${validators}`,
      group: "latency",
      seconds: 8 + 2 * validators,
      words: ["latency", ...network, "--transfers", "100"],
      read: lower(`latency, ${validators} validators`, places("latency")),
    },
    {
      name: `throughput-${validators}`,
      group: "throughput",
      seconds: 26 + 2 * validators,
      words: ["throughput", ...network, "--seconds", "12", "--warm-up", "8"],
      read: higher(`throughput, ${validators} validators`, places("throughput")),
    },
  ];
}

/** Whole blocks of one size, checked and executed. */
function connectOf({ size, blocks }: (typeof BLOCK_SIZES)[number]): SuiteCase {
  const ofSize = size === 1_000 ? "" : `, blocks of ${size}`;
  const places: SuitePlace[] = [{ ...bySize, title: "connect by block size", x: size }];
  const known = ({ cached = Number.NaN }: Printed): SuiteSample => ({
    name: "connect, signatures known",
    unit: "transactions per second",
    better: "higher",
    value: cached,
    limit: undefined,
  });
  return {
    name: `connect-${size}`,
    group: "connect",
    seconds: 6,
    words: ["connect", "--blocks", `${blocks}`, "--transfers", `${size}`],
    read: (printed) => [
      ...higher(`connect, signatures unseen${ofSize}`, places)(printed),
      ...(size === 1_000 ? [known(printed)] : []),
    ],
  };
}

/** Blocks of one size at most, with all that four validators do about them. */
function sizeOf({ size, transfers }: (typeof BLOCK_SIZES)[number]): SuiteCase {
  // A slow machine's nodes refuse more: as much waits as three seconds commit, and 2,500 always.
  const outstanding = size < 1_000 ? 2_000 : 2_400;
  const load = [
    "--transfers",
    `${transfers}`,
    "--warm-up",
    `${transfers}`,
    "--outstanding",
    `${outstanding}`,
  ];
  return {
    name: `size-${size}`,
    group: "size",
    seconds: 12,
    words: ["cost", "--per-block", `${size}`, ...load],
    read: (printed) => {
      const { transactionsPerBlock: x = Number.NaN } = printed;
      const places = [{ ...bySize, title: "cost by block size", x }];
      return lower(`cost, blocks of ${size} at most`, places)(printed);
    },
  };
}

/** Nodes that are so far apart, one of a hundred segments lost or none. */
function delayOf({ delay, loss }: { readonly delay: number; readonly loss: number }): readonly SuiteCase[] {
  const link = ["--delay", `${delay}ms`, "--loss", `${loss}`];
  const words = `${delay} ms apart${loss === 0 ? "" : `, ${loss} % lost`}`;
  const places = (what: string) => (loss === 0 ? [byDelay(what, delay)] : undefined);
  const name = `${delay}ms${loss === 0 ? "" : "-loss"}`;
  return [
    {
      name: `latency-${name}`,
      group: "delay",
      seconds: 10 + Math.round(0.35 * delay),
      words: ["latency", "--transfers", "40", "--warm-up", "20", ...link],
      read: lower(`latency, ${words}`, places("latency")),
    },
    {
      name: `throughput-${name}`,
      group: "delay",
      seconds: 26,
      words: ["throughput", "--seconds", "10", "--warm-up", "6", ...link],
      read: higher(`throughput, ${words}`, places("throughput")),
    },
  ];
}

function byDelay(what: string, x: number): SuitePlace {
  return { title: `${what} by delay`, label: "ms between any two nodes", x };
}

function higher(name: string, places?: readonly SuitePlace[]): SuiteCase["read"] {
  return (printed) => [sample(name, "higher", printed, places)];
}

function lower(name: string, places?: readonly SuitePlace[]): SuiteCase["read"] {
  return (printed) => [sample(name, "lower", printed, places)];
}

function sample(
  name: string,
  better: SuiteSample["better"],
  { value = Number.NaN, unit = "", limit }: Printed,
  places?: readonly SuitePlace[],
): SuiteSample {
  return { name, unit, better, value, limit, ...(places === undefined ? {} : { places }) };
}
