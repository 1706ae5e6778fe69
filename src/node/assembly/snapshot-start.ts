/**
 * How a home without blocks begins with a snapshot of its peers, before the node itself is opened: a network that only
 * asks, the fetch, the import. Begun again after a kill it goes on where it was.
 */

import { rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hex0x, showHash } from "../../base/bytes.ts";
import type { Logger } from "../../base/log.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import type { SnapshotContext } from "../../chain/snapshot/snapshot-check.ts";
import { transitionId } from "../../chain/types/transition.ts";
import type { P2pHandlers } from "../../p2p/network-ports.ts";
import { makeFolder } from "../../storage/durable-file.ts";
import type { HomePaths } from "../home/home.ts";
import { StartError } from "../home/start-error.ts";
import type { NodeOptions } from "../node.ts";
import { type FetchSettings, fetchSnapshot, OFFERS_WAIT_MS } from "../snapshot/fetch-snapshot.ts";
import { FetchStore } from "../snapshot/fetch-store.ts";
import { snapshotContext } from "../snapshot/snapshot-context.ts";
import { chainIn, importFile } from "../snapshot/snapshot-file.ts";
import { openNetwork } from "./own-network.ts";
import { TipAge } from "./peer-search.ts";
import { systemScheduler } from "./system.ts";

/** How long peers are waited for where a snapshot is only preferred, ms. */
const PREFERRED_WAIT_MS = 10_000;

/** Whether a home without blocks would begin with a snapshot. */
export function mayBeginWithSnapshot({ home, config, fromSnapshot = false }: NodeOptions): boolean {
  const isFetched = new FetchStore(home.paths.snapshotFetch).isWhole;
  return isFetched || fromSnapshot || config.snapshots.joinAbove > 0;
}

/**
 * Does nothing for a home that has blocks, or that is not told to begin with a snapshot.
 * @throws StartError `no-snapshot` and others, when it was ordered and cannot be; Error when a disk fails.
 */
export async function beginWithSnapshot(options: NodeOptions, logger: Logger): Promise<void> {
  const { home, config, fromSnapshot = false } = options;
  const { genesis, paths } = home;
  if (!mayBeginWithSnapshot(options)) return;
  const store = new FetchStore(paths.snapshotFetch);
  const joinAbove = BigInt(config.snapshots.joinAbove);
  const { depth } = config.snapshots;
  const accepted = (options.transitions ?? []).map((one) => hex0x(transitionId(one)));
  const context = snapshotContext(genesis, { depth, now: () => systemScheduler.now(), accepted });
  const found = await chainIn({ genesis, genesisHash: computeGenesisHash(genesis) }, paths);
  if (found !== undefined) {
    if (fromSnapshot) logger.log("info", "snapshot", "none is needed: the home has blocks", {});
    return store.clear();
  }
  if (!store.isWhole) {
    const settings: FetchSettings = fromSnapshot
      ? { above: 0n, waitMs: OFFERS_WAIT_MS }
      : { above: joinAbove, waitMs: PREFERRED_WAIT_MS };
    if (!(await fetchFrom(options, { logger, store, settings, context }))) return;
  }
  await importFetched(context, { paths, store, logger });
}

interface FetchParts {
  readonly logger: Logger;
  readonly store: FetchStore;
  readonly settings: FetchSettings;
  readonly context: SnapshotContext;
}

/** @returns whether there is a whole file now */
async function fetchFrom(options: NodeOptions, parts: FetchParts): Promise<boolean> {
  const { logger, store, settings, context } = parts;
  const tip = new TipAge(() => systemScheduler.now());
  // Without the validator's key: nobody is to think that the seat is taken while it cannot vote.
  const network = openNetwork(options, { signer: undefined, logger, tip, headHeight: () => 0n });
  await network.start(ASKING);
  try {
    const startMs = performance.now();
    const fetched = await fetchSnapshot(settings, {
      context,
      store,
      scheduler: systemScheduler,
      log: logger,
      signal: options.signal,
      peers: () => network.peers().map(({ peerId }) => peerId),
      request: (peerId, question) => network.request(peerId, question),
      reportFault: (peerId, detail) => network.reportFault(peerId, detail),
    });
    if (fetched.ok) {
      const { height, givers, liars, resumed } = fetched.value;
      const tookMs = Math.round(performance.now() - startMs);
      const chunks = [...givers.values()].reduce((sum, count) => sum + count, resumed);
      const fields = {
        height,
        chunks,
        resumed,
        givers: givers.size,
        liars: [...liars.keys()].join(" "),
        tookMs,
      };
      logger.log("info", "snapshot", "fetched whole", fields);
      return true;
    }
    const { code, detail } = fetched.fault;
    if (options.fromSnapshot !== true && code !== "stopped") {
      logger.log("info", "snapshot", "begins with the blocks", { why: detail });
      return false;
    }
    const remedy = "start without --snapshot to fetch the blocks, or see snapshots.interval of the peers";
    throw new StartError({ code, detail: code === "stopped" ? detail : `--snapshot: ${detail}; ${remedy}` });
  } finally {
    await network.stop();
  }
}

const ASKING: P2pHandlers = {
  mailReceived: () => undefined,
  mailAnnounced: () => ({ isAwaited: false, pause: undefined }),
  rumorReceived: () => Promise.resolve("ignore"),
  requestReceived: () => Promise.reject(new Error("no answers before there is a chain")),
  peerConnected: () => undefined,
  peerDisconnected: () => undefined,
};

interface ImportParts {
  readonly paths: HomePaths;
  readonly store: FetchStore;
  readonly logger: Logger;
}

async function importFetched(context: SnapshotContext, { paths, store, logger }: ImportParts): Promise<void> {
  const startMs = performance.now();
  const read = await importFile(context, { paths, file: store.whole }, () => undefined);
  if (!read.ok) {
    // Each part was checked: the disk has changed something, or it is another chain's.
    store.clear();
    const detail = `${store.whole}: ${read.fault.detail}. It is deleted: start again to fetch it anew`;
    throw new StartError({ code: read.fault.code, detail });
  }
  const { height, headHash, accounts, assumed } = read.value;
  const kept = join(paths.snapshots, `${height}.snapshot`);
  makeFolder(dirname(kept));
  await rename(store.whole, kept);
  store.clear();
  const tookMs = Math.round(performance.now() - startMs);
  const rests = assumed === undefined ? {} : { depth: assumed.depth, work: assumed.work, assumed: true };
  logger.log("info", "snapshot", "begun with", {
    height,
    head: showHash(headHash),
    accounts,
    tookMs,
    ...rests,
  });
}
