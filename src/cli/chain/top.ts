/**
 * `quorate top`: the overview and the votes of the last heights on one screen of the terminal, drawn anew each second
 * until Ctrl-C; where nothing can be drawn (a pipe, --json) once. The terminal's form of the explorer's first two pages.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import { EMPTY_BOOK, type HeightVotes, PHASES, readEvents } from "../../explorer/model/vote-matrix.ts";
import { type Client, RpcError } from "../../sdk/client.ts";
import { leaf } from "../command.ts";
import { type Output, showCount } from "../output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";
import { table } from "../table.ts";
import { Drawing, isTerminalOf } from "../terminal.ts";

const LOOK_MS = 1_000;
/** Heights of which the votes are shown. */
const HEIGHTS_SHOWN = 4;
/** Votes asked for: of the last heights of a large set. */
const VOTES_ASKED = 1_000;

export function addTop(program: Command): void {
  leaf<RpcOptions>(
    program,
    "top",
    "show how the chain does and who votes, each second",
    (command) => command.addOption(rpcOption()),
    ({ out, options }) => showTop(out, connect(options)),
  );
}

async function showTop(out: Output, client: Client): Promise<void> {
  if (!isTerminalOf("stdout") || out.json || out.quiet) {
    const seen = await ask(look(client));
    return out.result(seen, describeTop(seen));
  }
  const drawing = new Drawing("stdout");
  for (;;) {
    // A node that is gone is asked again: what it said last stands meanwhile.
    const lines = await look(client).then(describeTop, (error: unknown) => [`${error} (trying again)`]);
    drawing.draw(lines);
    await pause(LOOK_MS);
  }
}

async function look(client: Client) {
  const [info, status, explain, pool, validators, events] = await Promise.all([
    client.call("node_info"),
    client.call("node_status"),
    client.call("consensus_explain"),
    client.call("mempool_status"),
    client.call("consensus_getValidators"),
    client.call("consensus_getEvents", { votes: VOTES_ASKED }).catch(none),
  ]);
  return { info, status, explain, pool, validators, events };
}

/** A node of an earlier version does not know the method. */
function none(error: unknown): [] {
  if (error instanceof RpcError) return [];
  throw error;
}

type Seen = Awaited<ReturnType<typeof look>>;

function describeTop({ info, status, explain, pool, validators, events }: Seen): readonly string[] {
  const { consensus } = status;
  const view =
    consensus?.type === "pbft" ? `  view ${consensus.view}  quorum ${consensus.quorum}/${consensus.n}` : "";
  const online = validators.filter((validator) => validator.online).length;
  const who = validators.length === 0 ? "" : `  validators ${online}/${validators.length} in reach`;
  return [
    `${info.name}  ${explain.state}: ${explain.summary}`,
    `height ${showCount(status.height)}  final ${showCount(status.finalizedHeight)}  pool ${showCount(pool.transactions)}  peers ${status.peers}${who}${view}`,
    ...describeVotes(readEvents(EMPTY_BOOK, events).heights, validators),
  ];
}

function describeVotes(heights: readonly HeightVotes[], validators: Seen["validators"]): readonly string[] {
  const shown = heights.slice(0, HEIGHTS_SHOWN);
  if (shown.length === 0) return [];
  const cell = (height: HeightVotes, index: number) =>
    PHASES.map((phase) => height.cells[phase].get(index)?.toFixed(0) ?? "·").join(" ");
  const rows = validators.map(({ id, index }) => [id, ...shown.map((height) => cell(height, index))]);
  return [
    "",
    "milliseconds until PRE-PREPARE, PREPARE and COMMIT",
    ...table(["validator", ...shown.map(({ seq }) => `height ${seq}`)], rows),
  ];
}
