/**
 * `quorate status --watch`: follows a node that catches up, with a bar on a terminal, until it is level with what its
 * peers say. It reads node_status and nothing else; what peers say is a hint.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../../sdk/client.ts";
import { startBar } from "../bar.ts";
import type { Output } from "../output.ts";
import { ask } from "../rpc.ts";

const LOOK_MS = 500;
/** A node that has just started knows no peer's height yet. */
const LOOKS_LEVEL = 4;

const PHASES = {
  blocks: "blocks",
  heads: "blocks, fetching headers",
  bodies: "blocks, fetching bodies",
} as const;

export async function watchSync(out: Output, client: Client): Promise<void> {
  const first = await ask(client.call("node_status"));
  const target = first.syncing === false ? first.height : Number(first.syncing.target);
  const bar = startBar(
    out,
    Math.max(2, target),
    "catching up {bar} {value}/{total} {phase} | {rate} blocks/s | {eta_formatted}",
  );
  const started = performance.now();
  try {
    for (let level = 0; level < LOOKS_LEVEL; ) {
      const status = await ask(client.call("node_status"));
      level = status.syncing === false ? level + 1 : 0;
      const phase = status.syncing === false ? "blocks" : PHASES[status.syncing.phase ?? "blocks"];
      if (status.syncing !== false) bar?.setTotal(Number(status.syncing.target));
      const seconds = Math.max(0.001, (performance.now() - started) / 1_000);
      bar?.update(status.height, { rate: Math.round((status.height - first.height) / seconds), phase });
      await pause(LOOK_MS);
    }
  } finally {
    bar?.stop();
  }
}
