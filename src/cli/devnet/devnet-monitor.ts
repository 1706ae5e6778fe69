/**
 * What a devnet's nodes say of themselves, asked once a second, and how it is shown: a table that redraws itself on
 * a terminal, a line at each change elsewhere. It reads and prints; it starts and stops nothing.
 */

import { Client } from "../../sdk/client.ts";
import { Scrape } from "../../tools/bench/scrape.ts";
import { type Output, showCount, showDuration, showRate } from "../output.ts";
import { cut, flow } from "../styled-text.ts";
import { table } from "../table.ts";
import { columnsOf, Drawing } from "../terminal.ts";
import type { DevnetReport, NodeMining, NodeReport } from "./devnet-control.ts";
import type { NodeProcess } from "./devnet-nodes.ts";

const ANSWER_MS = 1_500;
const ROWS_MAX = 16;
const INDENT = "  ";
const RANGE_MAX = 100;

/** A node's report: its process's state and, if it runs, its own words. */
export async function reportNode(process: NodeProcess, cutOffFrom: readonly string[]): Promise<NodeReport> {
  const { node, state } = process;
  const { index, name, rpcUrl, p2pPort } = node;
  const base = { index, name, state, pid: process.pid ?? null, rpcUrl, p2pPort, cutOffFrom };
  const silent = {
    height: null,
    view: null,
    primary: null,
    peers: null,
    mempool: null,
    mining: null,
    verdict: null,
  };
  if (state !== "running") return { ...base, ...silent };
  try {
    return { ...base, ...(await askNode(new Client(rpcUrl, { timeoutMs: ANSWER_MS }), rpcUrl)) };
  } catch {
    return { ...base, ...silent };
  }
}

/** Names of the members, in the words of the node that is furthest, or undefined where none answers. */
export async function votersNow(nodes: readonly NodeReport[]): Promise<readonly string[] | undefined> {
  const [furthest] = nodes
    .filter(({ height }) => height !== null)
    .sort((a, b) => Number(b.height) - Number(a.height));
  if (furthest === undefined) return undefined;
  try {
    const client = new Client(furthest.rpcUrl, { timeoutMs: ANSWER_MS });
    return (await client.call("gov_getMembership")).members.map(({ name }) => name);
  } catch {
    return undefined;
  }
}

/** Whether a node is the primary that it names itself. */
export function isPrimary({ name, primary }: NodeReport, { voters }: Pick<DevnetReport, "voters">): boolean {
  return primary !== null && voters[primary] === name;
}

async function askNode(client: Client, url: string) {
  const [status, { details: _, ...verdict }] = await Promise.all([
    client.call("node_status"),
    client.call("consensus_explain"),
  ]);
  const { height, headHash, peers, mempool, consensus } = status;
  const votes = consensus !== null && "view" in consensus ? consensus : undefined;
  const mining = votes === undefined ? await readMining(headHash, url) : null;
  return {
    height,
    peers,
    mempool,
    view: votes?.view ?? null,
    primary: votes?.primary ?? null,
    mining,
    verdict,
  };
}

/** Reads the metrics, where one answer has it all; null on a node that does not mine. */
async function readMining(tip: string, url: string): Promise<NodeMining | null> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
  const page = Scrape.parse(await response.text());
  const difficulty = page.sum("pow_difficulty");
  if (difficulty === 0) return null;
  const blocks = page.byLabel("pow_blocks_mined_total", "result");
  const stale = blocks.get("stale") ?? 0;
  return {
    tip,
    difficulty,
    blockWork: difficulty * DIFFICULTY_ONE_HASHES,
    hashrate: page.sum("pow_hashrate"),
    blocks: (blocks.get("canonical") ?? 0) + stale,
    stale,
    reorgs: page.sum("pow_reorgs_total"),
  };
}

/** A running process whose node takes no part, or cannot. */
const OUT_OF_WORK: ReadonlySet<string> = new Set(["halted", "recovering", "alone"]);

/** A process that runs and is no use, or that ended by itself: what nobody ordered. */
export function troublesOf({ nodes }: DevnetReport): readonly string[] {
  return nodes.flatMap(({ name, state, verdict }) => {
    if (state === "exited") return [`${name} ended by itself: see its log`];
    return verdict !== null && OUT_OF_WORK.has(verdict.state) ? [`${name}: ${verdict.summary}`] : [];
  });
}

/** Expected hashes of difficulty 1. */
const DIFFICULTY_ONE_HASHES = 4_295_032_833;

/** The standing of the whole network in one line, node by node. */
export function describeNetwork(out: Output, report: DevnetReport): string {
  const marks = report.nodes.map((node) =>
    !isWorking(node)
      ? `${node.name} ${out.cross} ${wordFor(node)}`
      : `${node.name} ${out.tick}${node.height}`,
  );
  const [standing, ...rest] = standingOf(out, report);
  return [standing, ...marks, ...rest].join(" | ");
}

/** The same without the nodes, which stand in the table above it. */
export function summarizeNetwork(out: Output, report: DevnetReport, rate?: number): readonly string[] {
  const [standing = "", pool = "", ...rest] = standingOf(out, report);
  const speed = rate === undefined ? [] : [`${rate.toFixed(1)} tx/s`];
  return flow([standing, pool, ...speed, ...rest], columnsOf("stdout") - INDENT.length).map(
    (line) => INDENT + line,
  );
}

/**
 * Where the devnet stands: height and who leads, the pool, the partition, and the alarm if no part of the
 * network has a quorum.
 */
function standingOf(out: Output, report: DevnetReport): string[] {
  const { nodes, partition } = report;
  const answering = nodes.filter((node) => node.height !== null);
  const pool = Math.max(0, ...answering.map((node) => node.mempool ?? 0));
  const lead = report.quorum === null ? describeMining(answering) : describeView(report, answering);
  const parts = [lead, `mempool ${pool}`];
  if (partition !== null) {
    parts.push(out.style("yellow", `PARTITIONED: ${partition.map((group) => group.join(",")).join(" / ")}`));
  }
  const alarm = alarmOf(report);
  return alarm === undefined ? parts : [...parts, out.style("red", alarm)];
}

function describeView({ voters }: DevnetReport, answering: readonly NodeReport[]): string {
  const view = answering.length === 0 ? undefined : Math.max(...answering.map((node) => node.view ?? 0));
  const primary = answering.find((node) => node.view === view)?.primary ?? undefined;
  const name = primary === undefined ? undefined : voters[primary];
  return `height ${highest(answering)}  view ${view ?? "-"}  primary ${name ?? "-"}`;
}

/** All nodes on one tip is the rule; for a moment after each block, and in a partition, there are several. */
function describeMining(answering: readonly NodeReport[]): string {
  const miners = answering.flatMap((node) => node.mining ?? []);
  const tips = new Set(miners.map(({ tip }) => tip)).size;
  const work = Math.max(0, ...miners.map(({ blockWork }) => blockWork));
  const rate = miners.reduce((sum, { hashrate }) => sum + hashrate, 0);
  const due = rate === 0 ? "" : ` (a block in ${showDuration((work / rate) * 1_000)})`;
  const agreed = tips <= 1 ? "all on one tip" : `${tips} tips`;
  return `height ${highest(answering)}  ${agreed}  ${showRate(rate)} for ${showCount(work)} hashes a block${due}`;
}

function highest(answering: readonly NodeReport[]): number | "-" {
  return answering.length === 0 ? "-" : Math.max(...answering.map((node) => node.height ?? 0));
}

/** A node that runs and is late with its answer is no node that is gone: it may be busy, or this machine. */
function alarmOf({ nodes: all, quorum, voters, partition }: DevnetReport): string | undefined {
  if (quorum === null) return undefined;
  const nodes = all.filter(({ name }) => voters.includes(name));
  const together = partition ?? [voters];
  const largest = (some: readonly NodeReport[]) =>
    Math.max(...together.map((group) => some.filter(({ name }) => group.includes(name)).length));
  const late = nodes.filter(isLate);
  const most = largest(nodes.filter((node) => isWorking(node) || isLate(node)));
  if (largest(nodes.filter(isWorking)) >= quorum) return undefined;
  if (most >= quorum) {
    const names = late.map(({ name }) => name).join(", ");
    return `no answer from ${names}: whether ${quorum} of ${voters.length} agree is not known`;
  }
  const where = partition === null ? "online" : "connected in the largest part";
  const bound = late.length === 0 ? "" : "at most ";
  return `NO QUORUM: ${bound}${most} of ${voters.length} ${where}, need ${quorum} — chain is safe but halted`;
}

export function nodeTable(out: Output, report: DevnetReport, columns?: number): readonly string[] {
  const { nodes, partition, quorum } = report;
  const number = (value: number | null) => (value === null ? "-" : `${value}`);
  const rows = nodes.map((node) => [
    node.name,
    isWorking(node) ? out.style("green", "running") : out.style("red", wordFor(node)),
    number(node.height),
    ...(quorum === null
      ? miningCells(node)
      : [node.view === null ? "-" : `${node.view}${isPrimary(node, report) ? " primary" : ""}`]),
    number(node.peers),
    number(node.mempool),
    number(node.pid),
    node.rpcUrl,
    ...(partition === null ? [] : [node.cutOffFrom.join(",")]),
  ]);
  const own = quorum === null ? ["tip", "hash rate", "mined", "reorgs"] : ["view"];
  const head = ["node", "state", "height", ...own, "peers", "mempool", "pid", "rpc"];
  return table(partition === null ? head : [...head, "cut off from"], rows, columns);
}

function miningCells({ mining }: NodeReport): string[] {
  if (mining === null) return ["-", "-", "-", "-"];
  const { tip, hashrate, blocks, stale, reorgs } = mining;
  return [
    shortenTip(tip),
    showRate(hashrate),
    stale === 0 ? `${blocks}` : `${blocks} (${stale} stale)`,
    `${reorgs}`,
  ];
}

/** The end of a hash, because its beginning is zeros. */
function shortenTip(tip: string): string {
  return `…${tip.slice(-8)}`;
}

function isWorking({ state, height, verdict }: NodeReport): boolean {
  return state === "running" && height !== null && !OUT_OF_WORK.has(verdict?.state ?? "");
}

function isLate({ state, height }: NodeReport): boolean {
  return state === "running" && height === null;
}

/** A process that runs may still give no answer: it starts, or it hangs; or it may have stopped voting. */
function wordFor({ state, height, verdict }: NodeReport): string {
  if (state !== "running") return state;
  return height === null ? "no answer" : (verdict?.state ?? state);
}

/** Transactions a second, from the blocks since the last look. */
export class RateMeter {
  #height: number | undefined;
  #at = 0;

  async measure({ nodes }: DevnetReport, nowMs: number): Promise<number> {
    const source = nodes.find((node) => node.height !== null);
    if (source === undefined || source.height === null) return 0;
    const [from, to] = [this.#height, source.height];
    const seconds = (nowMs - this.#at) / 1_000;
    [this.#height, this.#at] = [Math.max(from ?? 0, to), nowMs];
    if (from === undefined || to <= from) return 0;
    try {
      const client = new Client(source.rpcUrl, { timeoutMs: ANSWER_MS });
      const range = { from: Math.max(from + 1, to - RANGE_MAX + 1), to };
      const heads = await client.call("chain_getBlockRange", range);
      return heads.reduce((sum, head) => sum + head.txCount, 0) / seconds;
    } catch {
      return 0;
    }
  }
}

/** Draws over its own last drawing: on a narrow terminal lines are cut, because blocks would fill the screen. */
export class LiveTable {
  readonly #out: Output;
  readonly #drawing = new Drawing("stdout");

  constructor(out: Output) {
    this.#out = out;
  }

  draw(report: DevnetReport, rate: number): void {
    const columns = columnsOf("stdout");
    const rows =
      report.nodes.length <= ROWS_MAX ? nodeTable(this.#out, report, Number.POSITIVE_INFINITY) : [];
    const fitting = rows.map((line) => cut(line, columns));
    this.#drawing.draw([...fitting, ...summarizeNetwork(this.#out, report, rate)]);
  }

  /** Takes the table off the screen before other words are printed. */
  erase(): void {
    this.#drawing.erase();
  }
}
