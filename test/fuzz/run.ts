/**
 * Runs a fuzz target over inputs that follow from a seed: counts what it answers, measures the slowest input and the
 * heap, and reduces an input that fails. An input is too slow if the fastest of three runs takes more than a second, also of
 * processor time where it is repeated: the clock alone says more about what else the machine does.
 */
import { Random } from "../../src/tools/sim/random.ts";
import { Mutator } from "./mutate.ts";
import type { FuzzTarget, OpenTarget } from "./target.ts";

/** Milliseconds that no single input may take. */
export const INPUT_MS_MAX = 1_000;
/** Bytes by which the heap may be larger after a run than after its first inputs. */
export const HEAP_GROWTH_MAX: number = 64 * 1024 * 1024;
/** Inputs before the heap is measured first. */
const WARM_UP = 2_000;
const REDUCTIONS_MAX = 2_000;
const FAILURES_MAX = 3;

export interface FuzzLimits {
  readonly seed: string | number;
  readonly inputs: number;
  /** Ends the run before its inputs do. */
  readonly untilMs?: number;
}

export interface Failure {
  readonly reason: string;
  readonly input: Uint8Array;
  /** The shortest input found that fails in the same way. */
  readonly reduced: Uint8Array;
}

export interface FuzzReport {
  readonly name: string;
  readonly inputs: number;
  /** How often each code was answered. */
  readonly codes: ReadonlyMap<string, number>;
  readonly slowestMs: number;
  /** Undefined where no collection could be asked for. */
  readonly heapGrowth: number | undefined;
  readonly failures: readonly Failure[];
}

export async function fuzz(target: FuzzTarget, limits: FuzzLimits): Promise<FuzzReport> {
  const opened = await target.open();
  const mutator = new Mutator(new Random(`fuzz/${limits.seed}/${target.name}`), {
    ...opened,
    words: opened.words ?? [],
  });
  const codes = new Map<string, number>();
  const failures: Failure[] = [];
  let [inputs, slowestMs] = [0, 0];
  let heapBefore: number | undefined;
  for (const seed of opened.seeds) {
    const code = await answer(opened, seed);
    if ("failed" in code) failures.push({ reason: code.failed, input: seed, reduced: seed });
  }
  while (inputs < limits.inputs && failures.length < FAILURES_MAX) {
    if (inputs === WARM_UP) heapBefore = await heapUsed();
    if (limits.untilMs !== undefined && inputs % 64 === 0 && performance.now() > limits.untilMs) break;
    if (inputs % 1_024 === 1_023) await endOfTurn();
    const input = mutator.next();
    inputs++;
    const startMs = performance.now();
    const answered = answer(opened, input);
    const outcome = answered instanceof Promise ? await answered : answered;
    const tookMs = performance.now() - startMs;
    slowestMs = Math.max(slowestMs, tookMs);
    if ("code" in outcome) codes.set(outcome.code, (codes.get(outcome.code) ?? 0) + 1);
    const reason = "failed" in outcome ? outcome.failed : await slowness(opened, input, tookMs);
    if (reason === undefined) continue;
    const reduced = "failed" in outcome ? await reduce(opened, input, outcome.failed) : input;
    failures.push({ reason, input, reduced });
  }
  const heapAfter = heapBefore === undefined ? undefined : await heapUsed();
  const heapGrowth = heapAfter === undefined ? undefined : heapAfter - (heapBefore ?? 0);
  try {
    await opened.close?.();
  } catch (error) {
    failures.push({
      reason: `at the end: ${text(error)}`,
      input: new Uint8Array(0),
      reduced: new Uint8Array(0),
    });
  }
  return { name: target.name, inputs, codes, slowestMs, heapGrowth, failures };
}

type Outcome = { readonly code: string } | { readonly failed: string };

function answer(target: OpenTarget, input: Uint8Array): Outcome | Promise<Outcome> {
  try {
    const code = target.run(input);
    if (typeof code === "string") return { code };
    return code.then(
      (code) => ({ code: code }),
      (error: unknown) => ({ failed: text(error) }),
    );
  } catch (error) {
    return { failed: text(error) };
  }
}

async function slowness(target: OpenTarget, input: Uint8Array, tookMs: number): Promise<string | undefined> {
  let fastest = tookMs;
  for (let i = 0; i < 2 && fastest > INPUT_MS_MAX; i++) {
    const [startMs, cpu] = [performance.now(), process.cpuUsage()];
    await answer(target, input);
    const { user, system } = process.cpuUsage(cpu);
    fastest = Math.min(fastest, performance.now() - startMs, (user + system) / 1_000);
  }
  return fastest > INPUT_MS_MAX ? `takes ${fastest.toFixed(0)} ms` : undefined;
}

/** Leaves out pieces, the longest first, while the input still fails in the same way. */
async function reduce(target: OpenTarget, input: Uint8Array, reason: string): Promise<Uint8Array> {
  let best = input;
  let tries = 0;
  for (let piece = best.length >> 1; piece > 0 && tries < REDUCTIONS_MAX; piece >>= 1) {
    for (let at = 0; at < best.length && tries < REDUCTIONS_MAX; tries++) {
      const shorter = new Uint8Array(best.length - Math.min(piece, best.length - at));
      shorter.set(best.subarray(0, at));
      shorter.set(best.subarray(at + piece), at);
      const outcome = await answer(target, shorter);
      if ("failed" in outcome && kindOf(outcome.failed) === kindOf(reason)) best = shorter;
      else at += piece;
    }
  }
  return best;
}

/** Failures of one kind have the same error thrown at the same place. */
function kindOf(reason: string): string {
  const [first = "", ...stack] = reason.split("\n");
  return `${first.split(":")[0]} ${stack.find((line) => line.includes("/src/")) ?? ""}`;
}

function text(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** What a WeakRef has given out in a turn of the event loop is kept until its end. */
const endOfTurn = () => new Promise((resolve) => setImmediate(resolve));

async function heapUsed(): Promise<number | undefined> {
  await endOfTurn();
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) return undefined;
  collect();
  return process.memoryUsage().heapUsed;
}
