/** What may be wrong around a replica, as rpc/symptoms.ts says it. */
import { CLOCK_AHEAD_MS_MAX } from "../../base/limits.ts";
import type { Symptoms } from "../../rpc/symptoms.ts";
import type { ReplicaApiOptions, ReplicaApiPorts } from "./node-api.ts";

export function symptomsOf(
  { replica, network, scheduler }: Pick<ReplicaApiPorts, "replica" | "network" | "scheduler">,
  {
    expectsPeers = false,
    paused,
    signer,
    emptyBlocksMs,
  }: Pick<ReplicaApiOptions, "expectsPeers" | "paused" | "signer" | "emptyBlocksMs">,
): Symptoms {
  const { rules } = replica.chain;
  const addedMs = replica.pool.oldestExecutable()?.addedMs;
  return {
    oldestMs: addedMs === undefined ? undefined : Math.max(0, scheduler.now() - addedMs),
    expectsPeers,
    emptyBlocksMs,
    paused: paused?.(),
    signer: signer?.(),
    missedTransition: replica.watches.transitions.missed(),
    lowestOffered: replica.lowestOffered(),
    troubles: network.troubles?.() ?? [],
    early: [...(replica.messageCounts()?.early ?? [])].map(([validator, early]) => ({ validator, ...early })),
    clockLimitMs: rules.kind === "final" ? CLOCK_AHEAD_MS_MAX : 1_000 * rules.schedule.futureLimit,
  };
}
