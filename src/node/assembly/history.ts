/** What checks the history of a mined chain that began with a snapshot: who has the blocks, and where they are executed. */

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Logger } from "../../base/log.ts";
import { readAssumedHistory } from "../../chain/assumed-history.ts";
import { branchesOf } from "../../chain/chain-mode.ts";
import { makeFolder } from "../../storage/durable-file.ts";
import { openLevel } from "../../storage/level.ts";
import type { Config } from "../home/config.ts";
import type { HomePaths } from "../home/home.ts";
import { BlockIngress } from "../ingress/block-ingress.ts";
import type { Network } from "../ports.ts";
import type { Replica } from "../replica.ts";
import { HistoryCheck } from "../stored-chain/history-check.ts";
import { systemScheduler } from "./system.ts";

export interface HistoryParts {
  readonly replica: Pick<Replica, "chain">;
  readonly network: Pick<Network, "peers" | "request" | "reportFault">;
  readonly logger: Logger;
  readonly fatal: (error: unknown) => void;
}

/** Begins the check, or goes on with it, where there is something to check. @returns what ends it */
export async function openHistoryCheck(
  { home: { paths }, config }: { readonly home: { readonly paths: HomePaths }; readonly config: Config },
  { replica: { chain }, network, logger, fatal }: HistoryParts,
): Promise<() => Promise<void> | undefined> {
  const remove = () => rm(paths.dbHistory, { recursive: true, force: true });
  if (readAssumedHistory(chain.store.kv) === undefined) {
    if (existsSync(paths.dbHistory)) await remove();
    return () => undefined;
  }
  const scheduler = systemScheduler;
  const check = new HistoryCheck(config.storage.mode === "archive", {
    chain,
    open: async () => {
      makeFolder(paths.dbHistory);
      return openLevel(paths.dbHistory);
    },
    remove,
    ledgerOf: (side) => new BlockIngress({ chain: side, branches: branchesOf(side), scheduler, fatal }),
    peersFrom: (height) =>
      network
        .peers()
        .filter(({ storage }) => (storage?.lowestBody ?? 1n) <= height)
        .map(({ peerId }) => peerId),
    request: (peerId, question) => network.request(peerId, question),
    reportFault: (peerId, detail) => network.reportFault(peerId, detail),
    scheduler,
    clock: () => performance.now(),
    log: logger,
    fatal,
  });
  check.start();
  return () => check.stop();
}
