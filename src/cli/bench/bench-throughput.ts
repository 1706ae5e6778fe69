/**
 * `quorate bench throughput`: one run is a fresh network, a load from another process, a warm-up, a window that is
 * measured, and an audit of the ledger. Verification speed is measured before and after, when nothing else runs.
 */
import { availableParallelism } from "node:os";
import { must } from "../../base/assert.ts";
import { BENCH_PRESIGNED_MAX, POOL_NONCE_GAP_MAX } from "../../base/limits.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import type { Audit } from "../../tools/bench/audit.ts";
import type { LoadOrder, LoadResult } from "../../tools/bench/load-messages.ts";
import { type LoadProgress, RemoteLoad } from "../../tools/bench/load-remote.ts";
import { busySeconds } from "../../tools/bench/machine-load.ts";
import { type NodeFigures, nodeFigures } from "../../tools/bench/node-figures.ts";
import type { Scrape } from "../../tools/bench/scrape.ts";
import { measureVerifications } from "../../tools/bench/verify-speed.ts";
import { DEVNET_ACCOUNTS_MAX } from "../devnet/devnet-plan.ts";
import { badInput, EXIT, Finished } from "../exit.ts";
import type { Output } from "../output.ts";
import { BenchNetwork } from "./bench-network.ts";
import { describeThroughput, throughputResult } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

export interface ThroughputOptions {
  readonly validators: number;
  readonly blockTime: number;
  readonly verificationThread: string;
  /** Milliseconds. */
  readonly delay: number;
  /** A share from 0 to 1. */
  readonly loss: number;
  readonly runs: number;
  readonly in?: string;
  readonly keep?: boolean;
  readonly accounts: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly batch: number;
  readonly outstanding: number;
  readonly pipelineDepth: number;
  readonly rate?: number;
}

/** The run as it is asked for: accounts that are not said follow from the rest. */
export type ThroughputRequest = Omit<ThroughputOptions, "accounts"> & { readonly accounts?: number };

const ACCOUNTS = 400;
/** What one account holds of the outstanding transfers, while all of them are on one node. */
const OUTSTANDING_PER_ACCOUNT = POOL_NONCE_GAP_MAX / 2;

/** What accounts must hold. */
interface Held {
  readonly validators: number;
  readonly outstanding: number;
  readonly batch: number;
  readonly accounts?: number;
}

/** As many accounts as are asked for, or as hold what is outstanding. */
export function accountsFor({ validators, outstanding, accounts }: Omit<Held, "batch">): number {
  const needed = validators * Math.ceil(outstanding / OUTSTANDING_PER_ACCOUNT);
  return accounts ?? Math.min(DEVNET_ACCOUNTS_MAX, Math.max(ACCOUNTS, needed));
}

/** @throws CliError when the numbers do not go together */
export function settleAccounts<Request extends Held>(
  request: Request,
): Request & { readonly accounts: number } {
  const options = { ...request, accounts: accountsFor(request) };
  checkOptions(options);
  return options;
}

/** A look at the nodes while the load goes on. */
export interface MemoryMoment {
  /** Time since the window began. */
  readonly seconds: number;
  /** Transfers in that time. */
  readonly committed: number;
  /** Resident bytes of the largest node, and of a node in the mean: each is high just before a full collection of garbage. */
  readonly bytes: number;
  readonly meanBytes: number;
}

export interface ThroughputRun {
  readonly load: LoadResult;
  readonly nodes: readonly NodeFigures[];
  /** One each ten seconds, so none where the window is shorter. */
  readonly moments: readonly MemoryMoment[];
  /** One core's checks a second, before and after the load. */
  readonly verifications: readonly [number, number];
  readonly cores: number;
  /** Cores that processes other than the nodes and the generator used meanwhile. */
  readonly foreignCpu: number;
  readonly audit: Audit;
}

/** Slices of 100 ms, before and after each. A short run is not outlasted by them. */
const VERIFY_SLICES_MAX = 10;
const VERIFY_SLICES_PER_SECOND = 3;
/** Between two looks at the nodes' memory. */
const MOMENT_SECONDS = 10;
/** The share of the limit that is signed ahead: more was never seen, and what is missing is signed on the way. */
const PRESIGNED_SHARE = 0.8;

export async function runThroughput(out: Output, request: ThroughputRequest): Promise<void> {
  const options: ThroughputOptions = settleAccounts(request);
  const bench = new BenchRun(out);
  const runs = await bench.complete(async () => {
    const done: ThroughputRun[] = [];
    for (let i = 0; i < options.runs; i++) {
      const title = options.runs === 1 ? "" : `run ${i + 1} of ${options.runs}: `;
      done.push(await measureThroughput(bench, options, title));
    }
    return done;
  });
  out.result(throughputResult(options, runs), describeThroughput(out, options, runs));
  if (runs.some((run) => !run.audit.ok)) throw new Finished(EXIT.failedCheck);
}

function checkOptions({ accounts, validators, outstanding, batch }: Required<Held>): void {
  if (accounts < validators)
    throw badInput(`--accounts ${accounts}: at least one for each of the ${validators} nodes`);
  // Were all outstanding transfers on one node, its accounts must be able to hold them.
  const room = Math.floor(accounts / validators) * OUTSTANDING_PER_ACCOUNT;
  if (outstanding > room)
    throw badInput(
      `--outstanding ${outstanding}: ${accounts} accounts can hold ${room}; give more --accounts`,
    );
  if (outstanding < batch)
    throw badInput(`--outstanding ${outstanding} is less than one request of --batch ${batch}`);
}

/** One run. @param title stands before what is told of it */
export async function measureThroughput(
  bench: BenchRun,
  options: ThroughputOptions,
  title: string,
): Promise<ThroughputRun> {
  const cores = availableParallelism();
  const slices = Math.min(VERIFY_SLICES_MAX, Math.ceil(options.seconds * VERIFY_SLICES_PER_SECOND));
  bench.stage(`${title}verification speed`);
  const before = await measureVerifications(slices, bench.signal);
  const network = await BenchNetwork.make({
    ...options,
    blockTimeMs: options.blockTime,
    link: { delayMs: options.delay, loss: options.loss },
    in: options.in,
    keep: options.keep === true,
  });
  if (options.keep) bench.stage(`the nodes are in ${network.dir}`);
  bench.add({ close: () => network.stop(), kill: () => network.kill() });
  let watch: (progress: LoadProgress) => void = () => undefined;
  const load = new RemoteLoad((progress) => watch(progress));
  bench.add({ close: () => load.kill(), kill: () => load.kill() });

  const order = orderFor(options, network, (before * cores) / options.validators);
  bench.stage(
    `${title}starting ${options.validators} nodes and signing ${order.presigned.toLocaleString("en-US")} transfers`,
  );
  await Promise.all([network.start(), load.prepare(order)]);

  const failed = Promise.race([network.failed, load.failed]);
  failed.catch(() => undefined);
  let committed = 0;
  const show = progressLine(bench, title, options);
  watch = (next) => {
    committed = next.committed;
    show(next);
  };
  const work = loadAndMeasure(bench, options, { network, load, title, committed: () => committed });
  const { figures, nodes, moments, foreignCpu, ledger } = await Promise.race([work, failed]);
  await bench.close();
  bench.stage(`${title}verification speed`);
  const after = await measureVerifications(slices, bench.signal);
  return {
    ...{ load: figures, nodes, moments, verifications: [before, after], cores, foreignCpu },
    audit: ledger,
  };
}

interface Parties {
  readonly network: BenchNetwork;
  readonly load: RemoteLoad;
  readonly title: string;
  /** Transfers that the load has seen become final in this phase. */
  readonly committed: () => number;
}

async function loadAndMeasure(
  bench: BenchRun,
  options: ThroughputOptions,
  { network, load, title, committed }: Parties,
) {
  bench.stage(`${title}load: ${options.warmUp} s of warm-up, ${options.seconds} s measured`);
  load.start();
  await bench.pause(1_000 * options.warmUp);
  const before = await network.scrape();
  const started = performance.now();
  const busyBefore = busySeconds();
  await load.begin();
  const looks: Scrape[][] = [];
  const moments: MemoryMoment[] = [];
  for (let at = MOMENT_SECONDS; at < options.seconds; at += MOMENT_SECONDS) {
    await bench.pause(1_000 * at - (performance.now() - started));
    const pages = await network.scrape();
    looks.push(pages);
    moments.push({ seconds: at, committed: committed(), ...memoryOf(pages) });
  }
  await bench.pause(1_000 * options.seconds - (performance.now() - started));
  const { figures, drained } = await load.end();
  const seconds = (performance.now() - started) / 1_000;
  const busy = (busySeconds() - busyBefore) / seconds;
  const after = await network.scrape();
  bench.stage(`${title}waiting for what is outstanding, then checking the ledger`);
  const { left, total } = await drained;
  const ledger = await network.audit(total);
  const lost = left === 0 ? [] : [`${left} transfers did not become final`];
  const pageOf = (pages: typeof before, i: number) => must(pages[i], "every node was scraped");
  const nodes = network.nodes.map(({ name }, i) =>
    nodeFigures(
      ...([name, pageOf(before, i), pageOf(after, i), seconds] as const),
      looks.map((pages) => pageOf(pages, i)),
    ),
  );
  const own = nodes.reduce((sum, node) => sum + node.cpu, figures.cpu);
  return {
    figures,
    nodes,
    moments,
    foreignCpu: Math.max(0, busy - own),
    ledger: { ...ledger, ok: ledger.ok && left === 0, faults: [...lost, ...ledger.faults] },
  };
}

function memoryOf(pages: readonly Scrape[]): Pick<MemoryMoment, "bytes" | "meanBytes"> {
  const resident = pages.map((page) => page.sum("process_resident_memory_bytes"));
  const all = resident.reduce((sum, bytes) => sum + bytes, 0);
  return { bytes: Math.max(...resident), meanBytes: Math.round(all / resident.length) };
}

function orderFor(options: ThroughputOptions, { nodes, plan }: BenchNetwork, limit: number): LoadOrder {
  const { batch, outstanding, rate, seconds, warmUp } = options;
  const perSecond = rate ?? PRESIGNED_SHARE * limit;
  return {
    nodes: nodes.length,
    rpcUrls: nodes.map((node) => node.rpcUrl),
    seeds: plan.accounts.map((account) => account.seed),
    chainId: plan.genesis.chainId,
    genesisHash: computeGenesisHash(plan.genesis),
    batch,
    outstandingMax: outstanding,
    rate,
    presigned: Math.min(BENCH_PRESIGNED_MAX, Math.ceil(perSecond * (seconds + warmUp)) + outstanding),
  };
}

function progressLine(bench: BenchRun, title: string, { warmUp, seconds }: ThroughputOptions) {
  const started = performance.now();
  return ({ committed, outstanding }: LoadProgress) => {
    const elapsed = (performance.now() - started) / 1_000;
    const isWarm = elapsed > warmUp;
    const inPhase = Math.max(isWarm ? elapsed - warmUp : elapsed, 0.001);
    const phase = isWarm
      ? `measuring ${Math.min(inPhase, seconds).toFixed(0)} of ${seconds} s`
      : `warm-up ${inPhase.toFixed(0)} of ${warmUp} s`;
    const rate = Math.round(committed / inPhase).toLocaleString("en-US");
    bench.show(`${title}${phase}: ${rate} tx/s, ${outstanding} outstanding`);
  };
}
