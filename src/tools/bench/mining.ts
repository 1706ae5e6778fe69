/**
 * How fast the miner hashes headers, beside what this machine's own SHA-256 does on bytes in bulk and beside a plain
 * loop of crypto.hash. The three take turns in short slices, so that a neighbour on a shared machine disturbs all
 * alike, and are counted by processor time: what the neighbour took does not count as slowness.
 */
import { hash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { ZERO_HASH } from "../../base/bytes.ts";
import { assembleBlock, BLANK_SUMMARY, type Block, encodeHeader } from "../../chain/types/block.ts";
import { WorkerMiner } from "../../node/mining/miner.ts";
import { median } from "./statistics.ts";

export interface MiningSlices {
  readonly threads: number;
  readonly rounds: number;
  readonly sliceMs: number;
}

/** Medians over all rounds, hashes of a header per second of processor time. */
export interface MiningRun {
  /** The speed of one thread. */
  readonly mining: number;
  /** SHA-256 of 1 MiB at a time, bytes per second / 128: a double hash of a header takes two blocks of 64 bytes. */
  readonly native: number;
  /** crypto.hash twice for every header. */
  readonly plain: number;
  /** mining / native and mining / plain of each round, medians. */
  readonly toNative: number;
  readonly toPlain: number;
  /** Processors that the mining threads got, and how many threads there were. */
  readonly processors: number;
  readonly threads: number;
}

/** The smallest target above 0: no slice ever solves it. */
const HOPELESS_BITS = 0x03000001;
const WARM_UP_MS = 500;
const BULK_BYTES = 1024 * 1024;
const BYTES_PER_HEADER = 128;
/** Hashes of the plain loop between two looks at the clock. */
const STRIDE = 500;

interface Slice {
  readonly hashes: number;
  readonly cpuSeconds: number;
  readonly seconds: number;
}

/** @throws what a mining thread that died threw, or AbortError */
export async function measureMining(options: MiningSlices, signal?: AbortSignal): Promise<MiningRun> {
  let failed: Error | undefined;
  const miner = new WorkerMiner(
    { threads: options.threads },
    {
      onSolved: () => undefined,
      onError: (error) => {
        failed ??= error;
      },
    },
  );
  try {
    await mineSlice(miner, WARM_UP_MS, signal);
    const rounds: Round[] = [];
    while (rounds.length < options.rounds) {
      rounds.push(await measureRound(miner, options.sliceMs, signal));
      if (failed !== undefined) throw failed;
    }
    return summarizeRounds(rounds, options.threads);
  } finally {
    await miner.close();
  }
}

interface Round {
  readonly mining: Slice;
  readonly native: Slice;
  readonly plain: Slice;
}

async function measureRound(
  miner: WorkerMiner,
  sliceMs: number,
  signal: AbortSignal | undefined,
): Promise<Round> {
  const bulk = new Uint8Array(BULK_BYTES);
  const header = encodeHeader(hopelessBlock().header);
  const native = spin(sliceMs, () => {
    hash("sha256", bulk, "buffer");
    return BULK_BYTES / BYTES_PER_HEADER;
  });
  const plain = spin(sliceMs, () => {
    for (let i = 0; i < STRIDE; i++) hash("sha256", hash("sha256", header, "buffer"), "buffer");
    return STRIDE;
  });
  return { mining: await mineSlice(miner, sliceMs, signal), native, plain };
}

/** The process sleeps meanwhile: all its processor time is the threads'. */
async function mineSlice(
  miner: WorkerMiner,
  sliceMs: number,
  signal: AbortSignal | undefined,
): Promise<Slice> {
  miner.mine(hopelessBlock());
  // Threads have to start or wake up first.
  const before = miner.hashesTotal;
  while (miner.hashesTotal === before) await pause(1, undefined, signal && { signal });
  const stop = startSlice();
  const counted = miner.hashesTotal;
  await pause(sliceMs, undefined, signal && { signal });
  const slice = stop(miner.hashesTotal - counted);
  miner.stop();
  return slice;
}

function spin(sliceMs: number, step: () => number): Slice {
  const stop = startSlice();
  const started = performance.now();
  let hashes = 0;
  while (performance.now() - started < sliceMs) hashes += step();
  return stop(hashes);
}

function startSlice(): (hashes: number) => Slice {
  const cpu = process.cpuUsage();
  const started = performance.now();
  return (hashes) => {
    const { user, system } = process.cpuUsage(cpu);
    return {
      hashes,
      cpuSeconds: (user + system) / 1_000_000,
      seconds: (performance.now() - started) / 1_000,
    };
  };
}

function summarizeRounds(rounds: readonly Round[], threads: number): MiningRun {
  const speed = ({ hashes, cpuSeconds }: Slice) => hashes / cpuSeconds;
  const of = (figure: (round: Round) => number) => median(rounds.map(figure));
  return {
    mining: of(({ mining }) => speed(mining)),
    native: of(({ native }) => speed(native)),
    plain: of(({ plain }) => speed(plain)),
    toNative: of(({ mining, native }) => speed(mining) / speed(native)),
    toPlain: of(({ mining, plain }) => speed(mining) / speed(plain)),
    processors: of(({ mining }) => mining.cpuSeconds / mining.seconds),
    threads,
  };
}

function hopelessBlock(): Block {
  const summary = { ...BLANK_SUMMARY, height: 1n };
  const fields = { version: 1, previousHash: ZERO_HASH, time: 0, bits: HOPELESS_BITS, nonce: 0 };
  return assembleBlock(fields, summary, []);
}
