/**
 * `quorate bench overload`: what a network does when it is asked for more than it can do. One run is a fresh network and
 * five phases of load: as much as it takes (closed loop), half of that, a multiple of it that does not care whether the nodes
 * keep up, at first while pools fill and then on, and half again, until all is as before.
 */
import { must } from "../../base/assert.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { readRpcToken } from "../../node/home/rpc-token.ts";
import type { Audit } from "../../tools/bench/audit.ts";
import { busySeconds } from "../../tools/bench/machine-load.ts";
import { type NodeFigures, nodeFigures } from "../../tools/bench/node-figures.ts";
import type { PhaseFigures } from "../../tools/bench/open-load.ts";
import type { PhaseOrder } from "../../tools/bench/overload-messages.ts";
import { type OverloadProgress, RemoteOverload } from "../../tools/bench/overload-remote.ts";
import { CliError, EXIT, Finished } from "../exit.ts";
import type { Output } from "../output.ts";
import { BenchNetwork } from "./bench-network.ts";
import { BenchRun } from "./bench-run.ts";
import { describeOverload, overloadResult } from "./overload-report.ts";

export interface OverloadOptions {
  readonly validators: number;
  readonly accounts: number;
  /** The nodes' setting verification.thread. */
  readonly verificationThread: string;
  readonly factor: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly recovery: number;
  readonly batch: number;
  readonly outstanding: number;
  /** What the network can do, transfers a second. Measured when it is left out. */
  readonly rate?: number;
  readonly in?: string;
  readonly keep?: boolean;
}

/** One phase with what the nodes used in it. */
export interface OverloadPhase extends PhaseFigures {
  readonly nodes: readonly LoadedNode[];
  /** Cores that the generator used. */
  readonly cpu: number;
  /** Cores that other processes than the nodes and the generator used. */
  readonly foreignCpu: number;
}

export interface LoadedNode extends NodeFigures {
  /** Transactions in its pool when the phase ended. */
  readonly pooled: number;
}

export interface OverloadRun {
  readonly peak: OverloadPhase;
  readonly normal: OverloadPhase;
  /** The overload's first part, in which pools fill. */
  readonly filling: OverloadPhase;
  readonly overload: OverloadPhase;
  readonly recovery: OverloadPhase;
  /** Seconds after the overload from which on all was as before it. Undefined when it was not within the time for it. */
  readonly recoveredAfter: number | undefined;
  readonly audit: Audit;
}

/** The share of what the network can do that is its usual load. */
const NORMAL_SHARE = 0.5;
/** Transfers that are signed ahead for each that is expected. */
const SIGNED_AHEAD = 1.2;
/** What pools hold of an overload beyond what becomes final in it. */
const POOLED = 25_000;
/** Transfers a second for which a first phase signs ahead: what it takes beyond is signed on the way. */
const FIRST_RATE = 4_000;

export async function runOverload(out: Output, options: OverloadOptions): Promise<void> {
  if (options.accounts < options.validators)
    throw new CliError(
      EXIT.badInput,
      "BAD_INPUT",
      `--accounts ${options.accounts}: at least one for each of the ${options.validators} nodes`,
    );
  const bench = new BenchRun(out);
  const run = await bench.complete(() => measureOverload(bench, options));
  out.result(overloadResult(options, run), describeOverload(out, options, run));
  if (!run.audit.ok || run.recoveredAfter === undefined) throw new Finished(EXIT.failedCheck);
}

async function measureOverload(bench: BenchRun, options: OverloadOptions): Promise<OverloadRun> {
  const { validators, accounts, batch, verificationThread } = options;
  const network = await BenchNetwork.make({
    ...{ validators, accounts, blockTimeMs: 0, verificationThread },
    in: options.in,
    keep: options.keep === true,
  });
  if (options.keep) bench.stage(`the nodes are in ${network.dir}`);
  bench.add({ close: () => network.stop(), kill: () => network.kill() });
  const stage = { title: "" };
  const load = new RemoteOverload((progress) => bench.show(describeProgress(stage.title, progress)));
  bench.add({ close: () => load.kill(), kill: () => load.kill() });
  bench.stage(`starting ${validators} nodes`);
  await network.start();
  const first = must(network.nodes[0], "a network has nodes");
  const prepared = load.prepare({
    rpcUrls: network.nodes.map((node) => node.rpcUrl),
    token: must(readRpcToken(first.dir), "a node that runs has a token in its home"),
    seeds: network.plan.accounts.map((account) => account.seed),
    chainId: network.plan.genesis.chainId,
    genesisHash: computeGenesisHash(network.plan.genesis),
    batch,
  });
  const work = prepared.then(() => loadInPhases({ bench, network, load, stage }, options));
  return Promise.race([work, network.failed, load.failed]);
}

interface OverloadParties {
  readonly bench: BenchRun;
  readonly network: BenchNetwork;
  readonly load: RemoteOverload;
  /** What the line of progress begins with. */
  readonly stage: { title: string };
}

async function loadInPhases(parties: OverloadParties, options: OverloadOptions): Promise<OverloadRun> {
  const { bench, network, load } = parties;
  const { factor, seconds, warmUp, outstanding } = options;
  const closed = { rate: undefined, outstandingMax: outstanding, normalMs: undefined };
  await begin(parties, "warm-up", { ...closed, presigned: FIRST_RATE * warmUp });
  await bench.pause(1_000 * warmUp);
  const peak = await phaseOf(parties, "as much as it takes", seconds, {
    ...closed,
    presigned: FIRST_RATE * seconds,
  });
  const sustained = options.rate ?? peak.committed / peak.seconds;
  const at = (share: number, kept: number, normalMs?: number): PhaseOrder => ({
    rate: share * sustained,
    outstandingMax: 0,
    presigned: Math.ceil(SIGNED_AHEAD * sustained * kept * seconds),
    normalMs,
  });
  const normal = await phaseOf(parties, "half of it", seconds, at(NORMAL_SHARE, NORMAL_SHARE));
  const order = at(factor, 2);
  const times = `${factor} times as much`;
  const filling = await phaseOf(parties, `${times}, at first`, seconds, {
    ...order,
    presigned: order.presigned + POOLED,
  });
  const overload = await phaseOf(parties, times, seconds, { ...order, presigned: 0 });
  const normalMs = normal.latencyMs.p99;
  const recovered = load.normal();
  recovered.catch(() => undefined); // awaited with the phase
  let recoveredAfter: number | undefined;
  const ended = await phaseOf(
    parties,
    "half again",
    options.recovery,
    at(NORMAL_SHARE, 0, normalMs),
    async () => {
      recoveredAfter = await recovered;
    },
  );
  bench.stage("waiting for what is outstanding, then checking the ledger");
  const { left, total } = await load.end();
  const ledger = await network.audit(total);
  const lost = left === 0 ? [] : [`${left} transfers did not become final`];
  const audit = { ...ledger, ok: ledger.ok && left === 0, faults: [...lost, ...ledger.faults] };
  return { peak, normal, filling, overload, recovery: ended, recoveredAfter, audit };
}

async function begin(
  { bench, load, stage }: OverloadParties,
  title: string,
  order: PhaseOrder,
): Promise<void> {
  const count = order.presigned.toLocaleString("en-US");
  if (order.presigned > 0) bench.stage(`${title}: signing ${count} transfers`);
  stage.title = title;
  await load.begin(order);
}

/** @param until ends the phase before its time */
async function phaseOf(
  parties: OverloadParties,
  title: string,
  seconds: number,
  order: PhaseOrder,
  until?: () => Promise<void>,
): Promise<OverloadPhase> {
  const { bench, network, load } = parties;
  await begin(parties, title, order);
  bench.stage(`${title}: ${until === undefined ? "" : "at most "}${seconds} s`);
  const before = await network.scrape();
  const started = performance.now();
  const busyBefore = busySeconds();
  await Promise.race([bench.pause(1_000 * seconds), ...(until === undefined ? [] : [until()])]);
  const { figures, cpu } = await load.look();
  const passed = (performance.now() - started) / 1_000;
  const busy = (busySeconds() - busyBefore) / passed;
  const after = await network.scrape();
  const nodes = network.nodes.map(({ name }, i) => {
    const [from, to] = [before[i], after[i]].map((page) => must(page, "every node was scraped"));
    const [first, last] = [must(from, "looked at"), must(to, "looked at")];
    return { ...nodeFigures(name, first, last, passed), pooled: last.sum("mempool_txs") };
  });
  const own = nodes.reduce((sum, node) => sum + node.cpu, cpu);
  return { ...figures, nodes, cpu, foreignCpu: Math.max(0, busy - own) };
}

function describeProgress(title: string, { offered, committed, outstanding }: OverloadProgress): string {
  const count = (value: number) => value.toLocaleString("en-US");
  return `${title}: ${count(offered)} offered, ${count(committed)} final, ${count(outstanding)} outstanding`;
}
