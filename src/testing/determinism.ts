/**
 * Whether a module comes to the same state wherever and whenever it runs: the same calls are made on a fresh chain
 * again and again, each time with something else about the world changed that a module must not look at. Modules given
 * as sources are built first, which refuses most of it by name; this finds the rest, in modules given as they are too.
 */
import type { FinalTransaction } from "./virtual-devnet.ts";

/** What of a chain the calls are made on. */
export interface DeterminismNet {
  final(id: string): Promise<FinalTransaction>;
  stateRoot(): string;
  stop(): Promise<void>;
}

export interface DeterminismPorts<N extends DeterminismNet> {
  make(): Promise<N>;
}

/** What a call came to, as every node must have it. */
interface Outcome extends Pick<FinalTransaction, "status" | "fault" | "height"> {
  readonly stateRoot: string;
}

/** Two runs of the same calls came to different states; the message names the call and what had been changed. */
export class DeterminismError extends Error {
  override readonly name = "DeterminismError";
}

/** Changes one thing, and returns what puts it back. */
type Shift = () => () => void;

/** The moment at which runs begin. Between two runs in the same world nothing may pass. */
const NOON_MS = Date.UTC(2026, 0, 1, 12);
/** A moment in another year, month, hour and millisecond. */
const LATER_MS = Date.UTC(2027, 6, 17, 5, 43, 21, 987);

/** What differs from node to node. The first world changes nothing. */
const WORLDS: readonly (readonly [name: string, shift: Shift])[] = [
  ["chance, or on what the module did before", () => () => undefined],
  ["the clock", () => clockAt(LATER_MS)],
  ["the time zone", () => replaced(process.env, "TZ", "Pacific/Chatham")],
  ["the locale", shiftLocale],
];

/** One call: submits it, and gives its id. */
export type Submit<N> = (net: N) => string;

/**
 * @param calls are made one after the other, each in a block of its own
 * @throws DeterminismError naming the first call that differs; Error when a call is not final
 */
export async function compareRuns<N extends DeterminismNet>(
  { make }: DeterminismPorts<N>,
  calls: readonly Submit<N>[],
): Promise<void> {
  const resetClock = clockAt(NOON_MS);
  try {
    const first = await play(make, calls);
    for (const [name, shift] of WORLDS) {
      const restore = shift();
      try {
        compare(name, first, await play(make, calls));
      } finally {
        restore();
      }
    }
  } finally {
    resetClock();
  }
}

async function play<N extends DeterminismNet>(
  make: () => Promise<N>,
  calls: readonly Submit<N>[],
): Promise<readonly Outcome[]> {
  const net = await make();
  try {
    const outcomes: Outcome[] = [];
    for (const submit of calls) {
      const { status, fault, height } = await net.final(submit(net));
      const stateRoot = net.stateRoot();
      outcomes.push({ status, height, stateRoot, ...(fault === undefined ? {} : { fault }) });
    }
    return outcomes;
  } finally {
    await net.stop();
  }
}

function compare(changed: string, first: readonly Outcome[], again: readonly Outcome[]): void {
  for (const [i, one] of first.entries()) {
    const other = again[i];
    if (other === undefined || show(one) === show(other)) continue;
    throw new DeterminismError(
      `call ${i + 1} of ${first.length} depends on ${changed}: first ${show(one)}, then ${show(other)}`,
    );
  }
}

function show({ status, fault, height, stateRoot }: Outcome): string {
  return `${fault ?? status} in block ${height} with state ${stateRoot}`;
}

/** A clock that stands. */
function clockAt(ms: number): () => void {
  const Original = Date;
  class Standing extends Original {
    constructor(...given: [] | [value: number | string | Date]) {
      super(...((given.length === 0 ? [ms] : given) as [number]));
    }
    static override now = (): number => ms;
  }
  return all([
    replaced(globalThis, "Date", Standing as DateConstructor),
    replaced(performance, "now", () => ms / 1_000),
  ]);
}

/** Letters as Turkish has them, digits as Arabic has them, and an order of texts from the end. */
function shiftLocale(): () => void {
  const { toLocaleUpperCase, toLocaleLowerCase } = String.prototype;
  return all([
    replaced(String.prototype, "localeCompare", function localeCompare(this: string, other: string) {
      return this < other ? 1 : this > other ? -1 : 0;
    }),
    replaced(String.prototype, "toLocaleUpperCase", function upper(this: string) {
      return toLocaleUpperCase.call(this, "tr");
    }),
    replaced(String.prototype, "toLocaleLowerCase", function lower(this: string) {
      return toLocaleLowerCase.call(this, "tr");
    }),
    replaced(Number.prototype, "toLocaleString", function shown(this: number) {
      return new Intl.NumberFormat("ar-EG").format(this.valueOf());
    }),
  ]);
}

function replaced<T extends object, K extends keyof T>(owner: T, name: K, value: T[K]): () => void {
  const had = Object.hasOwn(owner, name);
  const before = owner[name];
  owner[name] = value;
  return () => {
    if (had) owner[name] = before;
    else delete owner[name];
  };
}

function all(restores: readonly (() => void)[]): () => void {
  return () => {
    for (const restore of restores) restore();
  };
}
