/**
 * The threads of a node beside its main one: those that mine, where blocks are mined, and the one that arbitrates
 * signatures. All start with their first work. They compute; what their results are worth is decided above.
 */
import type { Logger } from "../base/log.ts";
import type { Genesis } from "../chain/genesis.ts";
import type { MinerOptions } from "./miner.ts";
import type { ReplicaPorts } from "./replicaports.ts";
import { ThreadedArbiter } from "./threadedarbiter.ts";
import { ThreadedMiner } from "./threadedminer.ts";

export interface Threads {
  /** Undefined where blocks are not mined. */
  readonly miner: ThreadedMiner | undefined;
  readonly arbiter: ThreadedArbiter;
  /** What the replica gets of them. */
  readonly ports: Pick<ReplicaPorts, "miner" | "arbiter">;
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
  const arbiter = new ThreadedArbiter(trouble("chain"));
  const isMined = validators.length === 0;
  const miner = isMined ? new ThreadedMiner({ threads, hashLimit }, trouble("miner")) : undefined;
  return {
    miner,
    arbiter,
    ports: miner === undefined ? { arbiter } : { arbiter, miner },
    async close() {
      await Promise.all([arbiter.close(), miner?.close()]);
    },
  };
}
