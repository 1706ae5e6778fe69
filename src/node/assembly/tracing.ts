/**
 * How a running node's transactions are followed: by log lines where these are asked for, and by traces, with the stages that
 * its time line remembers.
 */
import { showHash } from "../../base/bytes.ts";
import type { Logger } from "../../base/log.ts";
import type { RecentApi } from "../../rpc/recent-api.ts";
import { packageVersion } from "../home/package-version.ts";
import { StartError } from "../home/start-error.ts";
import { startTraces, traceSettings } from "../metrics/traces.ts";
import { followTransactions } from "../metrics/transaction-log.ts";
import type { Replica } from "../replica.ts";
import type { Closers } from "./closers.ts";
import { systemScheduler } from "./system.ts";

export interface TracingParts {
  readonly name: string;
  readonly replica: Pick<Replica, "events">;
  readonly recent: Pick<RecentApi, "stagesOf" | "blockStagesOf"> & { readonly isByRpc: boolean };
  readonly logger: Logger;
  readonly closers: Closers;
}

/** Traces are made only where the environment asks for them. @throws StartError for variables that mean nothing */
export async function traceTransactions(parts: TracingParts): Promise<void> {
  followTransactions(parts.replica.events, parts.logger, () => parts.recent.isByRpc);
  const settings = traceSettings(process.env);
  if (!settings.ok) throw new StartError(settings.fault);
  if (settings.value === undefined) return;
  const { name, replica, recent, logger, closers } = parts;
  const traces = await startTraces(settings.value, { name, version: packageVersion(), logger }).catch(
    (error: Error) => {
      throw new StartError({ code: "missing", detail: error.message }, { cause: error });
    },
  );
  closers.add(() => traces.stop());
  logger.log("info", "node", "tracing transactions", { share: settings.value.share });
  replica.events.heads.subscribe(({ sealed: { block } }) => {
    const blockHash = showHash(block.hash);
    const stages = { included: systemScheduler.now(), ...recent.blockStagesOf(block.hash) };
    for (const { id } of block.transactions)
      traces.included({
        id,
        height: block.summary.height,
        blockHash,
        stages: { ...recent.stagesOf(id), ...stages },
      });
  });
}
