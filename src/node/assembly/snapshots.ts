/** The snapshots of a running node: those that it keeps and shows, and the maker that follows its chain. */
import type { Logger } from "../../base/log.ts";
import type { SnapshotsApi, SnapshotView } from "../../rpc/snapshots-api.ts";
import type { FreezableKv } from "../../storage/kv.ts";
import type { Config } from "../home/config.ts";
import type { Home } from "../home/home.ts";
import type { Replica } from "../replica.ts";
import { KeptSnapshots } from "../snapshot/kept-snapshots.ts";
import { snapshotContext } from "../snapshot/snapshot-context.ts";
import { SnapshotMaker } from "../snapshot/snapshot-maker.ts";
import { isFarBehind } from "./anti-entropy-ports.ts";
import type { Closers } from "./closers.ts";
import { systemScheduler } from "./system.ts";

/** @throws Error when the disk fails. */
export function openKeptSnapshots({ genesis, paths }: Home): Promise<KeptSnapshots> {
  return KeptSnapshots.open(paths.snapshots, genesis.limits);
}

export interface SnapshotParts {
  readonly kept: KeptSnapshots;
  /** The node's database. */
  readonly level: Pick<FreezableKv, "freeze">;
  readonly replica: Replica;
  readonly logger: Logger;
}

/** Makes them from now on, at the interval that the configuration says. */
export function openSnapshots(
  {
    home: { genesis },
    config,
  }: { readonly home: Pick<Home, "genesis">; readonly config: Pick<Config, "snapshots"> },
  { kept, level, replica, logger }: SnapshotParts,
  closers: Pick<Closers, "add">,
): SnapshotsApi {
  const { interval, kept: keptMax, depth } = config.snapshots;
  const { consensus } = genesis;
  const schedule =
    consensus.type === "pbft"
      ? { checkpointInterval: BigInt(consensus.checkpointInterval) }
      : { checkpointInterval: 1n, depth: BigInt(depth) };
  const { chain, events, voting } = replica;
  const maker = new SnapshotMaker(
    { interval: BigInt(interval), keptMax, ...schedule },
    {
      context: snapshotContext(genesis, { depth, now: () => systemScheduler.now() }),
      kept,
      scheduler: systemScheduler,
      log: logger,
      clock: () => performance.now(),
      freeze: () => level.freeze(),
      checkpointAt: (height) => chain.store.checkpointAt(height),
      votes: () => consensus.type === "pbft" && voting.votes,
      isFarBehind: () => isFarBehind(replica.syncProgress()),
    },
  );
  events.heads.subscribe(({ sealed }) => maker.headChanged(sealed.block.summary.height));
  events.engine.subscribe(({ event }) => {
    if (event.type === "checkpoint-stable") maker.checkpointStable(event.height);
  });
  closers.add(() => maker.stop());
  return { snapshot: () => shown(kept, maker) };
}

function shown(kept: KeptSnapshots, maker: SnapshotMaker): SnapshotView | undefined {
  const { newest } = kept;
  if (newest === undefined) return undefined;
  const { height, headHash, stateRoot, accounts, bytes, chunks } = newest;
  const { last } = maker;
  const made =
    last?.height === height
      ? { atMs: last.madeAtMs, tookMs: last.tookMs, longestPauseMs: last.longestPauseMs }
      : undefined;
  return { height, headHash, stateRoot, accounts, bytes, chunks, made };
}
