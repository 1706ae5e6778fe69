/**
 * The threads of a node beside its main one: those that mine, where blocks are mined, and the one that verifies slowly
 * signatures. All start with their first work. They compute; what their results are worth is decided above.
 */
import type { Logger } from "../../base/log.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { ThreadedVerifier } from "../ingress/threaded-verifier.ts";
import type { MinerOptions } from "../mining/miner.ts";
import { ThreadedMiner } from "../mining/threaded-miner.ts";
import type { ReplicaPorts } from "../replica-ports.ts";

export interface Threads {
  /** Undefined where blocks are not mined. */
  readonly miner: ThreadedMiner | undefined;
  readonly slowVerifier: ThreadedVerifier;
  /** What the replica gets of them. */
  readonly ports: Pick<ReplicaPorts, "miner" | "slowVerifier">;
  close(): Promise<void>;
}

export function openThreads(
  { validators }: Pick<Genesis, "validators">,
  { threads, hashLimit }: MinerOptions,
  logger: Logger,
): Threads {
  const trouble = (component: string) => ({
    onError: (error: Error) => logger.log("error", component, "trouble", { error: error.message }),
  });
  const slowVerifier = new ThreadedVerifier(trouble("chain"));
  const isMined = validators.length === 0;
  const miner = isMined ? new ThreadedMiner({ threads, hashLimit }, trouble("miner")) : undefined;
  return {
    miner,
    slowVerifier,
    ports: miner === undefined ? { slowVerifier } : { slowVerifier, miner },
    async close() {
      await Promise.all([slowVerifier.close(), miner?.close()]);
    },
  };
}
