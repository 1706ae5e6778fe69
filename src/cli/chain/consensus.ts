/**
 * `quorate consensus`: how agreement stands on one validator, or with --watch each of its steps as it happens.
 * Heights are called seq here, as in the paper.
 */
import type { Command } from "commander";
import type { Client, ResultOf } from "../../sdk/client.ts";
import { leaf } from "../command.ts";
import { type Output, shorten, showCount, showHashes, showRate } from "../output.ts";
import { ask, connect, type RpcOptions, rpcOption } from "../rpc.ts";
import { table } from "../table.ts";
import { type WatchedChain, watch } from "./consensus-watch.ts";

interface ConsensusOptions extends RpcOptions {
  readonly watch?: boolean;
}

export function addConsensus(program: Command): void {
  leaf<ConsensusOptions>(
    program,
    "consensus",
    "show how agreement stands on a validator",
    (command) => command.addOption(rpcOption()).option("--watch", "print every step as it happens"),
    async ({ out, options }) => {
      if (options.watch === true) return watch(out, options, (client) => introduce(out, client));
      const { state, names } = await ask(lookAt(connect(options)));
      out.result(state, describeState(state, names));
    },
  );
}

async function lookAt(client: Client) {
  const answers = [client.call("consensus_getState"), client.call("consensus_getValidators")] as const;
  const [state, validators] = await Promise.all(answers);
  return { state, names: validators.map((validator) => validator.id) };
}

/** Says where a node stands, before it is watched. */
async function introduce(out: Output, client: Client): Promise<WatchedChain> {
  const { state, names } = await lookAt(client);
  out.note(describeState(state, names));
  return { quorum: "quorum" in state ? state.quorum : undefined, names };
}

function describeState(state: ResultOf<"consensus_getState">, names: readonly string[]): readonly string[] {
  if (!("quorum" in state)) return describeWork(state);
  const { view, primary, seq, phase, mode, quorum, n, f } = state;
  const lines = [
    `view ${view}  primary ${names[primary]}  seq ${seq}  phase ${phase}  ${mode}  quorum ${quorum}/${n} (f=${f})`,
    `stable checkpoint ${state.stableCheckpoint}  executed ${state.lastExecuted}  window (${state.lowWatermark}, ${state.highWatermark}]`,
  ];
  if (state.haltReason !== null) lines.push(`halted: ${state.haltReason}`);
  if (state.recovery !== null) {
    const { kind, seq } = state.recovery;
    lines.push(
      `recovering: its database is younger than its journal; no vote until ${kind} ${seq} is fetched`,
    );
  }
  if (state.timer.armed) {
    lines.push(
      `next view change in ${state.timer.dueInMs} ms of ${state.timer.timeoutMs}  attempt ${state.attempt}`,
    );
  }
  for (const { view: asked, from } of state.viewChanges) {
    lines.push(`view ${asked} asked for by ${voters(from, names)}  ${from.length}/${n} (need ${quorum})`);
  }
  const rows = state.slots.map((slot) => [
    `${slot.seq}`,
    `${slot.view}`,
    slot.phase,
    voters(slot.prepares, names),
    voters(slot.commits, names),
    slot.digest === null ? "-" : shorten(slot.digest),
  ]);
  if (rows.length > 0) {
    lines.push("", ...table(["seq", "view", "phase", "prepares", "commits", "block"], rows));
  }
  return lines;
}

type WorkState = Exclude<ResultOf<"consensus_getState">, { readonly quorum: number }>;

function describeWork(state: WorkState): readonly string[] {
  const { height, tip, bits, difficulty, totalWork, retargetRule, nextRetargetHeight } = state;
  const next = nextRetargetHeight === null ? "" : `, next at height ${nextRetargetHeight}`;
  const rate = state.estimatedHashrate === null ? "unknown" : `about ${showRate(state.estimatedHashrate)}`;
  return [
    `height ${height}  tip ${tip}`,
    `work ${showHashes(difficulty)} a block (bits ${bits}), ${showCount(Number(totalWork))} in all  branches ${state.tips}`,
    `aims at a block every ${state.spacing} s by rule ${retargetRule}${next}  all miners ${rate}`,
    `a block is called final with ${state.finalityDepth} blocks on top`,
  ];
}

function voters(indices: readonly number[], names: readonly string[]): string {
  return indices.length === 0 ? "-" : indices.map((index) => names[index] ?? `${index}`).join(" ");
}
