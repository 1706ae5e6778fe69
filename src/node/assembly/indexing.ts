/** The index of events of a node that keeps one: it hears of branches before heads, and stops before the database does. */
import type { Logger } from "../../base/log.ts";
import { modulesOn } from "../../chain/execution/modules-in-force.ts";
import type { Kv } from "../../storage/kv.ts";
import { EventIndex } from "../event-index/event-index.ts";
import type { Config } from "../home/config.ts";
import type { Replica } from "../replica.ts";
import type { Closers } from "./closers.ts";
import { systemScheduler } from "./system.ts";

export interface IndexingParts {
  readonly kv: Kv;
  readonly replica: Replica;
  readonly log: Logger;
  /** An index that cannot be written: the disk is failing. */
  readonly failure: { report(error: unknown): void };
}

/** Undefined where the configuration does not ask for one. */
export function openEventIndex(
  config: Config,
  parts: IndexingParts,
  closers: Closers,
): EventIndex | undefined {
  if (!config.index.events) return undefined;
  const { replica, failure, ...ports } = parts;
  const { chain, events } = replica;
  const failed = (error: unknown) => failure.report(error);
  // A newer version reads what its older ones wrote.
  const modules = () => modulesOn(chain.genesis, chain.committed).set;
  const index = EventIndex.open({ ...ports, scheduler: systemScheduler, chain, modules, failed });
  events.reorgs.subscribe((change) => index.branchChanged(change));
  events.heads.subscribe((change) => index.advance(change));
  closers.add(() => index.stop());
  index.advance();
  return index;
}
