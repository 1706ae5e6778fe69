/**
 * The threads of a node beside its main one: those that mine, where blocks are mined, and the one that judges
 * signatures. All start with their first work. They compute; what their results are worth is decided above.
 */
import { availableParallelism } from "node:os";
import type { Logger } from "../../base/log.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import type { Config } from "../home/config.ts";
import { ThreadedVerifier } from "../ingress/threaded-verifier.ts";
import { batchMinOf, isWorthTrying, tryVerifier } from "../ingress/verifier-trial.ts";
import { ThreadedMiner } from "../mining/threaded-miner.ts";
import type { ReplicaPorts } from "../replica-ports.ts";

export interface Threads {
  /** Undefined where blocks are not mined. */
  readonly miner: ThreadedMiner | undefined;
  readonly verifier: ThreadedVerifier;
  /** What the replica gets of them. */
  readonly ports: Pick<ReplicaPorts, "miner" | "verifier">;
  close(): Promise<void>;
}

export function openThreads(
  { validators }: Pick<Genesis, "validators">,
  { mining: { threads, hashLimit }, verification }: Pick<Config, "mining" | "verification">,
  logger: Logger,
): Threads {
  const trouble = (component: string) => ({
    onError: (error: Error) => logger.log("error", component, "trouble", { error: error.message }),
  });
  const verifier = new ThreadedVerifier(trouble("chain"));
  if (isWorthTrying(verification.thread, availableParallelism()))
    void useThread(verifier, verification, logger);
  const isMined = validators.length === 0;
  const miner = isMined ? new ThreadedMiner({ threads, hashLimit }, trouble("miner")) : undefined;
  return {
    miner,
    verifier,
    ports: miner === undefined ? { verifier } : { verifier, miner },
    async close() {
      await Promise.all([verifier.close(), miner?.close()]);
    },
  };
}

/** Never rejects. */
async function useThread(
  verifier: ThreadedVerifier,
  { thread }: Config["verification"],
  logger: Logger,
): Promise<void> {
  const trial = await tryVerifier(verifier);
  if (trial === undefined) return;
  const batchMin = batchMinOf(trial, thread);
  const fields = { hereMs: round(trial.hereMs), thereMs: round(trial.thereMs) };
  if (batchMin === undefined) {
    logger.log("info", "chain", "the main thread judges signatures: another has no core of its own", fields);
    return;
  }
  verifier.judgeAheadFrom(batchMin);
  logger.log("info", "chain", "a thread judges the signatures of batches", { ...fields, batchMin });
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
