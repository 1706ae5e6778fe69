/**
 * `quorate consensus`: how agreement stands on one validator, or with --watch each of its steps as it happens.
 * Heights are called seq here, as in the paper.
 */
import type { Command } from "commander";
import type { Client, ResultOf } from "../rpc/client.ts";
import { leaf } from "./command.ts";
import { CliError, EXIT } from "./exit.ts";
import { type Output, shorten, table } from "./output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "./rpc.ts";

interface ConsensusOptions extends RpcOptions {
  readonly watch?: boolean;
}

/** An event of the `consensus` subscription. */
export interface ConsensusEvent {
  /** Milliseconds since the Unix epoch. */
  readonly t: number;
  readonly type: string;
  readonly seq: number;
  readonly view?: number;
  readonly digest?: string;
  readonly from?: number;
  readonly detail?: string;
}

export function addConsensus(program: Command): void {
  leaf<ConsensusOptions>(
    program,
    "consensus",
    "show how agreement stands on a validator",
    (command) => command.addOption(rpcOption()).option("--watch", "print every step as it happens"),
    async ({ out, options }) => {
      const client = connect(options);
      const [state, validators] = await ask(
        Promise.all([client.call("consensus_getState"), client.call("consensus_getValidators")]),
      );
      const names = validators.map((validator) => validator.id);
      if (!options.watch) out.result(state, describeState(state, names));
      else await watch(out, client, names, state);
    },
  );
}

function describeState(state: ResultOf<"consensus_getState">, names: readonly string[]): string {
  const { view, primary, seq, phase, mode, quorum, n, f } = state;
  const lines = [
    `view ${view}  primary ${names[primary]}  seq ${seq}  phase ${phase}  ${mode}  quorum ${quorum}/${n} (f=${f})`,
    `stable checkpoint ${state.stableCheckpoint}  executed ${state.lastExecuted}  window (${state.lowWatermark}, ${state.highWatermark}]`,
  ];
  const rows = state.slots.map((slot) => [
    `${slot.seq}`,
    `${slot.view}`,
    slot.phase,
    voters(slot.prepares, names),
    voters(slot.commits, names),
    slot.digest === null ? "-" : shorten(slot.digest),
  ]);
  if (rows.length > 0) lines.push("", table(["seq", "view", "phase", "prepares", "commits", "block"], rows));
  return lines.join("\n");
}

function voters(indices: readonly number[], names: readonly string[]): string {
  return indices.length === 0 ? "-" : indices.map((index) => names[index] ?? `${index}`).join(" ");
}

/** Runs until the connection ends or the process is told to stop. */
async function watch(
  out: Output,
  client: Client,
  names: readonly string[],
  state: ResultOf<"consensus_getState">,
): Promise<void> {
  out.note(describeState(state, names));
  const tallies = new VoteTally(state.quorum, names);
  let stop = (_reason: string | undefined) => {};
  const ended = new Promise<string | undefined>((resolve) => {
    stop = resolve;
  });
  await ask(
    client.subscribe<ConsensusEvent>("consensus", (event) => out.line(event, tallies.describe(event)), {
      onClose: stop,
    }),
  );
  const interrupt = () => stop(undefined);
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  const reason = await ended;
  client.close();
  process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  if (reason !== undefined)
    throw new CliError(EXIT.unreachable, "CONNECTION_CLOSED", `${client.url}: ${reason}`);
}

/** Adds to each vote how many there are: what one event alone does not say. Bound: the newest slots only. */
export class VoteTally {
  readonly #quorum: number;
  readonly #names: readonly string[];
  readonly #votes = new Map<string, Set<number>>();

  constructor(quorum: number, names: readonly string[]) {
    this.#quorum = quorum;
    this.#names = names;
  }

  describe(event: ConsensusEvent): string {
    const { seq, view, type, from, digest, detail } = event;
    const time = new Date(event.t).toISOString().slice(11, 23);
    const parts = [time, `seq ${seq}`];
    if (view !== undefined) parts.push(`view ${view}`);
    parts.push(type.toUpperCase());
    if (from !== undefined) parts.push(this.#names[from] ?? `validator ${from}`);
    if (from !== undefined && (type === "prepare" || type === "commit")) parts.push(this.#count(event, from));
    if (digest !== undefined && type !== "prepare" && type !== "commit") parts.push(shorten(digest));
    if (detail !== undefined) parts.push(detail);
    return parts.join("  ");
  }

  #count({ type, seq, view, digest }: ConsensusEvent, from: number): string {
    const key = `${type}/${view}/${seq}/${digest}`;
    const voters = this.#votes.get(key) ?? new Set();
    this.#votes.set(key, voters.add(from));
    const [oldest] = this.#votes.keys();
    if (this.#votes.size > TALLIES_MAX) this.#votes.delete(oldest!);
    // A quorum of PREPAREs holds the primary's PRE-PREPARE in place of its vote (pbft 1.5).
    const needed = type === "prepare" ? this.#quorum - 1 : this.#quorum;
    return `${voters.size}/${needed}${voters.size >= needed ? " ✔" : ""}`;
  }
}

const TALLIES_MAX = 256;
