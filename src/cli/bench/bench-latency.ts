/**
 * `quorate bench latency`: single transfers on an idle network, each sent when the last one is final, with the waits
 * that no commit can avoid measured in turn: a durable append and a round trip on loopback.
 */

import { must } from "../../base/assert.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { DiskProbe, TcpProbe } from "../../tools/bench/bare-costs.ts";
import type { RpcLine } from "../../tools/bench/rpc-line.ts";
import { Transfers } from "../../tools/bench/transfers.ts";
import { CliError, EXIT } from "../exit.ts";
import type { Output } from "../output.ts";
import { BenchNetwork } from "./bench-network.ts";
import { describeLatency, latencyResult } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

export interface LatencyOptions {
  readonly validators: number;
  readonly blockTime: number;
  readonly verificationThread: string;
  /** Milliseconds. */
  readonly delay: number;
  /** A share from 0 to 1. */
  readonly loss: number;
  readonly pipelineDepth: number;
  readonly runs: number;
  readonly in?: string;
  readonly keep?: boolean;
  readonly transfers: number;
  readonly warmUp: number;
}

export interface LatencyRun {
  /** The latencies of every node in order: ms of the transfers sent through it. */
  readonly byNode: readonly (readonly number[])[];
  /**
   * Mean ms of each wait of the transfers sent through the primary, by the time line that it keeps
   * (tx_getTimeline).
   */
  readonly waits: readonly StageWait[];
  /** The node that proposed the blocks. */
  readonly primary: number;
  readonly fsyncMs: readonly number[];
  readonly roundTripMs: readonly number[];
}

/** How long transactions took from one stage to the next. */
export interface StageWait {
  readonly name: string;
  readonly ms: number;
}

const ACCOUNTS = 16;
/** Transfers between two looks at disk and network. */
const STRIDE = 20;
const FSYNCS = 10;
const ROUND_TRIPS = 100;
/** Milliseconds between two transfers, so that the other nodes have finished the last block too. */
const PAUSE_MS = 20;

export async function runLatency(out: Output, options: LatencyOptions): Promise<void> {
  const bench = new BenchRun(out);
  const runs = await bench.complete(async () => {
    const done: LatencyRun[] = [];
    for (let i = 0; i < options.runs; i++) {
      const title = options.runs === 1 ? "" : `run ${i + 1} of ${options.runs}: `;
      done.push(await measure(bench, options, title));
    }
    return done;
  });
  out.result(latencyResult(options, runs), describeLatency(out, options, runs));
}

async function measure(bench: BenchRun, options: LatencyOptions, title: string): Promise<LatencyRun> {
  bench.stage(`${title}starting ${options.validators} nodes`);
  const network = await BenchNetwork.make({
    validators: options.validators,
    accounts: Math.max(ACCOUNTS, options.validators),
    blockTimeMs: options.blockTime,
    pipelineDepth: options.pipelineDepth,
    link: { delayMs: options.delay, loss: options.loss },
    verificationThread: options.verificationThread,
    in: options.in,
    keep: options.keep === true,
  });
  if (options.keep) bench.stage(`the nodes are in ${network.dir}`);
  bench.add({ close: () => network.stop(), kill: () => network.kill() });
  await network.start();
  const tcp = await TcpProbe.open();
  bench.add({ close: () => tcp.close(), kill: () => tcp.close() });
  const disk = new DiskProbe(network.dir);
  bench.add({ close: async () => disk.close(), kill: async () => undefined });
  bench.stage(`${title}timing ${options.transfers} transfers`);
  const run = await Promise.race([
    timeTransfers(bench, options, { network, tcp, disk, title }),
    network.failed,
  ]);
  await bench.close();
  return run;
}

interface Parties {
  readonly network: BenchNetwork;
  readonly tcp: TcpProbe;
  readonly disk: DiskProbe;
  readonly title: string;
}

async function timeTransfers(
  bench: BenchRun,
  options: LatencyOptions,
  { network, tcp, disk, title }: Parties,
): Promise<LatencyRun> {
  const { nodes, lines, plan } = network;
  const chain = { chainId: plan.genesis.chainId, genesisHash: computeGenesisHash(plan.genesis) };
  const transfers = new Transfers(
    plan.accounts.map((account) => account.seed),
    nodes.length,
    chain,
  );
  const byNode: number[][] = nodes.map(() => []);
  const fsyncMs: number[] = [];
  const roundTripMs: number[] = [];
  const sent: { readonly node: number; readonly id: string; readonly ms: number }[] = [];
  for (let i = -options.warmUp; i < options.transfers; i++) {
    const node = (i + options.warmUp) % nodes.length;
    const line = must(lines[node], "every node has a line");
    const transfer = must(transfers.take(node, 1)[0], "one transfer was asked for");
    const { ms, id } = await timeTransfer(line, transfer.bytes);
    if (i >= 0) {
      must(byNode[node], "every node has a list").push(ms);
      sent.push({ node, id, ms });
    }
    if (i % STRIDE === 0) {
      fsyncMs.push(...disk.measure(FSYNCS));
      roundTripMs.push(...(await tcp.measure(ROUND_TRIPS)));
      bench.show(`${title}${i < 0 ? "warm-up" : `${i} of ${options.transfers} transfers`}`);
    }
    await bench.pause(PAUSE_MS);
  }
  const { consensus } = await must(lines[0], "a network has nodes").read<{
    consensus: { primary: number };
  }>("node_status");
  const { primary } = consensus;
  const own = sent.filter(({ node }) => node === primary);
  const waits = await meanWaits(must(lines[primary], "the primary has a line"), own);
  return { byNode, waits, primary, fsyncMs, roundTripMs };
}

/** The stages of a time line, each with the wait that it ends. */
const STAGES = [
  ["pooled", "check and pool"],
  ["proposed", "build, journal and propose"],
  ["prepared", "PREPAREs of a quorum"],
  ["committed", "COMMITs of a quorum"],
  ["included", "execute and write"],
] as const;
type Timeline = Readonly<Partial<Record<"received" | (typeof STAGES)[number][0], number | null>>>;

/** Stages are stamped in whole milliseconds: the mean over many is exact to a tenth. What is left is the way to the client. */
async function meanWaits(
  line: RpcLine,
  sent: readonly { readonly id: string; readonly ms: number }[],
): Promise<StageWait[]> {
  const sums = new Map<string, number>(STAGES.map(([, name]) => [name, 0]));
  let [count, rest] = [0, 0];
  for (const { id, ms } of sent) {
    const seen = await line.read<Timeline | null>("tx_getTimeline", { hash: id });
    if (seen?.received == null || STAGES.some(([stage]) => seen[stage] == null)) continue;
    let before = seen.received;
    for (const [stage, name] of STAGES) {
      const at = must(seen[stage] ?? undefined, "every stage was seen");
      sums.set(name, (sums.get(name) ?? 0) + at - before);
      before = at;
    }
    rest += ms - (before - seen.received);
    count++;
  }
  if (count === 0) return [];
  const waits = [...sums].map(([name, sum]) => ({ name, ms: sum / count }));
  return [...waits, { name: "request, answer and the wait for its turn", ms: rest / count }];
}

async function timeTransfer(line: RpcLine, bytes: Uint8Array): Promise<{ ms: number; id: string }> {
  const params = { tx: `0x${Buffer.from(bytes).toString("hex")}`, wait: "final" };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tx_send", params });
  const started = performance.now();
  const text = await line.post(body);
  const ms = performance.now() - started;
  const { error, result } = JSON.parse(text) as {
    error?: { message: string };
    result?: { txHash: string };
  };
  if (error === undefined) return { ms, id: result?.txHash ?? "" };
  throw new CliError(
    EXIT.refused,
    "REFUSED",
    `${line.url}: a transfer did not become final: ${error.message}`,
  );
}
