/**
 * `quorate consensus --watch`: each step of agreement as it happens on one node, with the count that a single event
 * does not say, and a line whenever the chain begins or ceases to move. With several nodes to ask it goes on at the
 * next one when a connection ends, so that it outlives the primary that somebody kills.
 */
import { must } from "../../base/assert.ts";
import { type Client, RpcError } from "../../sdk/client.ts";
import { withoutCredentials } from "../../sdk/client-url.ts";
import { CliError, EXIT } from "../exit.ts";
import { type Output, shorten } from "../output.ts";
import { connect, type RpcOptions, refusalError } from "../rpc.ts";
import { describeVerdict } from "./explain.ts";

/** An event of the `consensus` subscription. */
export interface ConsensusEvent {
  /** Milliseconds since the Unix epoch. */
  readonly t: number;
  readonly type: string;
  readonly seq?: number;
  readonly view?: number;
  readonly digest?: string;
  readonly from?: number;
  readonly detail?: string;
  readonly reason?: string;
  /** What a NEW-VIEW carries over lies above minSeq and up to maxSeq. */
  readonly minSeq?: number;
  readonly maxSeq?: number;
}

const EXPLAIN_MS = 1_000;
/** Rounds over all nodes without an answer before the watch ends. */
const ROUNDS_MAX = 3;
const ROUND_MS = 1_000;

/** Runs until the process is told to stop or no node answers any more. */
export async function watch(
  out: Output,
  { rpc }: RpcOptions,
  describe: (client: Client) => Promise<WatchedChain>,
): Promise<void> {
  const stop = interruption();
  let failures = 0;
  let rounds = 1; // a first answer, or none
  for (let turn = 0; !stop.requested && failures < rounds * rpc.length; turn++) {
    const url = must(rpc[turn % rpc.length], "at least one URL is given");
    const client = connect({ rpc: [url] }, { reconnectMs: 0 });
    try {
      const chain = await describe(client);
      [failures, rounds] = [0, ROUNDS_MAX];
      const reason = await watchOne(out, client, chain, stop);
      if (reason !== undefined) out.note(`${withoutCredentials(url)}: ${reason}`);
    } catch (error) {
      if (error instanceof RpcError) throw refusalError(error);
      failures++;
      out.note(`${withoutCredentials(url)}: ${error instanceof Error ? error.message : String(error)}`);
      if (failures % rpc.length === 0 && failures < rounds * rpc.length) await stop.within(ROUND_MS);
    } finally {
      client.close();
    }
  }
  stop.end();
  if (stop.requested) return;
  const asked = rpc.map(withoutCredentials).join(", ");
  const message = `no node answers at ${asked}. Say where one runs: --rpc URL, several to go on at the next`;
  throw new CliError(EXIT.unreachable, "UNREACHABLE", message);
}

/** What a tally must know of the chain. */
export interface WatchedChain {
  /** How many votes decide, or undefined where nobody votes: blocks and reorganisations are watched then. */
  readonly quorum: number | undefined;
  readonly names: readonly string[];
}

/** Watches until the connection ends, which is the reason returned, or the watch is stopped. */
async function watchOne(
  out: Output,
  client: Client,
  { quorum, names }: WatchedChain,
  stop: Interruption,
): Promise<string | undefined> {
  let closed: string | undefined;
  let wake = () => {};
  const onClose = (reason: string) => {
    closed = reason;
    wake();
  };
  if (quorum === undefined) await watchBranches(out, client, onClose);
  else {
    const tallies = new WatchedVotes(quorum, names);
    const printEvent = (event: ConsensusEvent) => out.line(event, tallies.describe(event));
    await client.subscribe<ConsensusEvent>("consensus", printEvent, { onClose });
  }
  let state: string | undefined;
  while (closed === undefined && !stop.requested) {
    const { details: _, ...verdict } = await client.call("consensus_explain");
    if (verdict.state !== state && (state !== undefined || !verdict.ok)) {
      const t = Date.now();
      out.line({ t, type: "explanation", ...verdict }, `${clock(t)}  ${describeVerdict(out, verdict)}`);
    }
    state = verdict.state;
    const closing = new Promise<void>((resolve) => {
      wake = resolve;
    });
    if (closed === undefined) await Promise.race([stop.within(EXPLAIN_MS), closing]);
  }
  return closed;
}

/** A mined chain: each new head, and each change of branch before the heads that it brings. */
async function watchBranches(out: Output, client: Client, onClose: (reason: string) => void): Promise<void> {
  await client.subscribe<ReorgEvent>(
    "reorgs",
    (event) => {
      const { depth, newHead, dropped, finalizedReversed } = event;
      const final = finalizedReversed ? "  A FINAL BLOCK WAS LEFT" : "";
      const text = `REORG  ${depth} ${depth === 1 ? "block" : "blocks"} left for …${newHead.blockHash.slice(-12)}  transactions not in it ${dropped}${final}`;
      out.line({ type: "reorg", ...event }, `${clock(Date.now())}  ${out.style("yellow", text)}`);
    },
    { onClose },
  );
  await client.subscribe<HeadEvent>("newHeads", (event) => {
    const { height, hash, txCount } = event;
    const text = `height ${height}  ${hash}  ${txCount} txs`;
    out.line({ type: "head", ...event }, `${clock(Date.now())}  ${text}`);
  });
}

interface ReorgEvent {
  readonly depth: number;
  readonly newHead: { readonly blockHash: string };
  readonly dropped: number;
  readonly finalizedReversed: boolean;
}

interface HeadEvent {
  readonly height: number;
  readonly hash: string;
  readonly txCount: number;
}

interface Interruption {
  readonly requested: boolean;
  /** Resolves after `ms`, or earlier when the watch is to stop. */
  within(ms: number): Promise<void>;
  end(): void;
}

function interruption(): Interruption {
  let requested = false;
  let wake = () => {};
  const interrupt = () => {
    requested = true;
    wake();
  };
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  return {
    get requested() {
      return requested;
    },
    within: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, requested ? 0 : ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
    end: () => void process.off("SIGINT", interrupt).off("SIGTERM", interrupt),
  };
}

/** Adds to each vote how many there are: what one event alone does not say. Bound: the newest slots only. */
export class WatchedVotes {
  readonly #quorum: number;
  readonly #names: readonly string[];
  readonly #votes = new Map<string, Set<number>>();

  constructor(quorum: number, names: readonly string[]) {
    this.#quorum = quorum;
    this.#names = names;
  }

  describe(event: ConsensusEvent): string {
    const { type, t } = event;
    const parts =
      type === "view-change"
        ? this.#viewChange(event)
        : type === "new-view"
          ? this.#newView(event)
          : this.#step(event);
    return [clock(t), ...parts].join("  ");
  }

  /** node1, node2  VIEW-CHANGE → 1  [██░░] 2/4 (need 3) */
  #viewChange(event: ConsensusEvent): string[] {
    const { view, from, reason } = event;
    const asking = [...this.#count(event, from)].sort((a, b) => a - b);
    const n = this.#names.length;
    const bar = `[${"█".repeat(asking.length)}${"░".repeat(Math.max(0, n - asking.length))}]`;
    const count = `${asking.length}/${n} (need ${this.#quorum})${asking.length >= this.#quorum ? " ✔" : ""}`;
    const parts = [asking.map((index) => this.#name(index)).join(", "), `VIEW-CHANGE → ${view}`];
    return [...parts, n > BAR_MAX ? count : `${bar} ${count}`, ...(reason === undefined ? [] : [reason])];
  }

  #newView({ view, from, minSeq, maxSeq }: ConsensusEvent): string[] {
    const first = must(minSeq, "a NEW-VIEW says what it carries over") + 1;
    const last = must(maxSeq, "a NEW-VIEW says what it carries over");
    const carried = first > last ? "" : first === last ? `${first}` : `${first}..${last}`;
    return [`NEW-VIEW ${view} from ${this.#name(from)}`, `O = {${carried}}`, `checkpoint ${minSeq}`];
  }

  #step(event: ConsensusEvent): string[] {
    const { seq, view, type, from, digest, detail } = event;
    const parts = seq === undefined ? [] : [`seq ${seq}`];
    if (view !== undefined) parts.push(`view ${view}`);
    parts.push(type.toUpperCase());
    if (from !== undefined) parts.push(this.#name(from));
    const isVote = type === "prepare" || type === "commit";
    if (from !== undefined && isVote) parts.push(this.#progress(event, from));
    if (digest !== undefined && !isVote) parts.push(shorten(digest));
    if (detail !== undefined) parts.push(detail);
    return parts;
  }

  #progress(event: ConsensusEvent, from: number): string {
    const voters = this.#count(event, from);
    // A quorum of PREPAREs holds the primary's PRE-PREPARE in place of its vote (pbft 1.5).
    const needed = event.type === "prepare" ? this.#quorum - 1 : this.#quorum;
    return `${voters.size}/${needed}${voters.size >= needed ? " ✔" : ""}`;
  }

  #count({ type, seq, view, digest }: ConsensusEvent, from: number | undefined): ReadonlySet<number> {
    const key = `${type}/${view}/${seq}/${digest}`;
    const voters = this.#votes.get(key) ?? new Set();
    if (from !== undefined) voters.add(from);
    this.#votes.set(key, voters);
    const [oldest] = this.#votes.keys();
    if (oldest !== undefined && this.#votes.size > TALLIES_MAX) this.#votes.delete(oldest);
    return voters;
  }

  #name(index: number | undefined): string {
    return index === undefined ? "?" : (this.#names[index] ?? `validator ${index}`);
  }
}

const TALLIES_MAX = 256;
/** Validators up to which a bar of them is drawn. */
const BAR_MAX = 16;

/** The time of day in UTC, such as 12:00:09.001. */
function clock(t: number): string {
  return new Date(t).toISOString().slice(11, 23);
}
