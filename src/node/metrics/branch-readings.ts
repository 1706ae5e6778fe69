/**
 * The metrics of a chain whose blocks are mined and can be abandoned; elsewhere there are none of them. Read when the
 * page is asked for, except for the depths of reorganisations. The names are those of docs/metrics.md.
 */
import { difficultyOf } from "../../chain/types/target.ts";
import type { NodeApi } from "../../rpc/api.ts";
import type { Replica } from "../replica.ts";
import type { Metrics, Reading } from "./metrics.ts";

export interface BranchReadingSources {
  readonly replica: Pick<Replica, "chain">;
  readonly api: Pick<NodeApi, "chainMode" | "mining">;
  /** Hashes that this node tried since it started. Undefined where it cannot mine. */
  readonly hashesTotal: (() => number) | undefined;
}

export function branchReadings({ replica: { chain }, api, hashesTotal }: BranchReadingSources): Reading[] {
  const { mode } = chain;
  const shown = api.chainMode();
  if (mode.kind === "final" || shown.kind === "final") return [];
  const { branches } = shown;
  return [
    gauge("pow_difficulty", "How many times harder the head is than Bitcoin's easiest target", () =>
      difficultyOf(chain.head.header.bits),
    ),
    gauge("pow_total_work", "Expected hashes from block 0 up to the head", () =>
      Number(branches.workOf(chain.head.hash) ?? 0n),
    ),
    gauge("pow_fork_tips", "Ends of known branches, the head among them", () => branches.tips().length),
    counter("pow_reorgs_total", "Changes of branch since the database began", () =>
      Number(mode.branches.reorgCount),
    ),
    ...minerReadings(api, hashesTotal),
  ];
}

function minerReadings(
  api: BranchReadingSources["api"],
  hashesTotal: BranchReadingSources["hashesTotal"],
): Reading[] {
  if (hashesTotal === undefined) return [];
  return [
    gauge("pow_hashrate", "Hashes a second of this node now", () => api.mining()?.status().hashrate ?? 0),
    counter("pow_hashes_total", "Hashes of this node since it started", hashesTotal),
    {
      name: "pow_blocks_mined_total",
      help: "Blocks that this node mined since it started: on the chain, or abandoned",
      // A block that was abandoned may come back: no counter of Prometheus's may fall.
      kind: "gauge",
      label: "result",
      read: () => {
        const { blocksMined, stale } = api.mining()?.status() ?? { blocksMined: 0, stale: 0 };
        return new Map([
          ["canonical", blocksMined - stale],
          ["stale", stale],
        ]);
      },
    },
  ];
}

/** Feeds the depths of reorganisations. */
export function observeReorgs(metrics: Metrics, { events }: Pick<Replica, "events">): void {
  events.reorgs.subscribe(({ abandoned }) => metrics.reorgDepth?.observe(abandoned.length));
}

function gauge(name: string, help: string, read: () => number): Reading {
  return { name, help, kind: "gauge", read };
}

function counter(name: string, help: string, read: () => number): Reading {
  return { name, help, kind: "counter", read };
}
