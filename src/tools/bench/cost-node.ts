/**
 * One validator of a network in one process: the replica of `quorate start` with its JSON-RPC and its metrics, its database
 * and its journal on disk, on queues in place of libp2p. Whoever measures gives it requests as texts.
 */
import { join } from "node:path";
import { must } from "../../base/assert.ts";
import { SILENT } from "../../base/log.ts";
import { createSigner } from "../../crypto/keys.ts";
import { ReplicaApi } from "../../node/api/node-api.ts";
import { systemScheduler } from "../../node/assembly/system.ts";
import type { NetworkPlan } from "../../node/home/network-plan.ts";
import { Metrics } from "../../node/metrics/metrics.ts";
import { nodeReadings, observeReplica } from "../../node/metrics/readings.ts";
import { rpcObserver } from "../../node/metrics/rpc-observer.ts";
import type { Network } from "../../node/ports.ts";
import { Replica } from "../../node/replica.ts";
import { Meter } from "../../p2p/transport/meter.ts";
import { WaitSlots, Waits } from "../../rpc/answers/waits.ts";
import { Dispatcher } from "../../rpc/jsonrpc/jsonrpc.ts";
import { METHOD_TABLE } from "../../rpc/methods/method-table.ts";
import { openJournalFile } from "../../storage/journal-file.ts";
import { openLevel } from "../../storage/level.ts";

/** Patient: on a busy machine a block may take a while, and a new view would be measured instead. */
const SETTINGS = {
  statusIntervalMs: 1_000,
  blockTimeMs: 0,
  emptyBlocksMs: undefined,
  requestTimeoutMs: 20_000,
  timeoutMaxMs: 60_000,
  resendIntervalMs: 5_000,
  fairnessTimeoutMs: 60_000,
};

export class CostNode {
  readonly replica: Replica;
  readonly #dispatcher: Dispatcher;
  readonly #close: () => Promise<void>;

  private constructor(replica: Replica, dispatcher: Dispatcher, close: () => Promise<void>) {
    this.replica = replica;
    this.#dispatcher = dispatcher;
    this.#close = close;
  }

  /** Opens validator `self` in `folder` and starts it. @param fatal it cannot go on */
  static async open(
    plan: NetworkPlan,
    self: number,
    folder: string,
    network: Network,
    fatal: (error: unknown) => void,
  ): Promise<CostNode> {
    const journal = await openJournalFile(join(folder, `journal-${self}`));
    await journal.log.replace([]);
    const kv = await openLevel(join(folder, `database-${self}`));
    const replica = await Replica.open(
      {
        genesis: plan.genesis,
        signer: createSigner(must(plan.validators[self], "every node is a planned validator").seed),
        settings: SETTINGS,
        syncIntervalMs: 0,
        pool: { transactionsMax: 50_000, bytesMax: 64 * 1024 * 1024 },
      },
      { kv, journal, network, scheduler: systemScheduler, log: SILENT, jitter: () => 0.5, fatal },
    );
    const dispatcher = serve(replica, network, fatal);
    await replica.start();
    return new CostNode(replica, dispatcher, async () => {
      await replica.stop();
      await journal.log.close();
      await kv.close();
    });
  }

  /** The answer to one JSON-RPC message, of a client whose computing is not limited. */
  answer(text: string): Promise<string | undefined> {
    const caller = { client: "bench", isGone: () => false };
    const connection = { slots: new WaitSlots(), isLocal: true, subscriptions: undefined, caller };
    return this.#dispatcher.answer(text, connection);
  }

  close(): Promise<void> {
    return this.#close();
  }
}

function serve(replica: Replica, network: Network, broken: (error: unknown) => void): Dispatcher {
  const scheduler = systemScheduler;
  const info = {
    name: "bench",
    version: "",
    mode: "validator",
    peerId: network.peerId,
    startedAtMs: 0,
  } as const;
  const api: ReplicaApi = new ReplicaApi(
    { info, genesisJson: {}, address: undefined },
    {
      replica,
      network: { peers: () => network.peers(), addresses: [], blocked: [], block: () => undefined },
      scheduler,
      renderMetrics: async () => "",
    },
  );
  const metered = { ...network, counters: new Meter().counters };
  const sources = {
    replica,
    network: metered,
    api,
    hashesTotal: undefined,
    threaded: () => 0,
    subscriptions: () => 0,
  };
  const metrics = new Metrics(nodeReadings(sources));
  observeReplica(metrics, replica, () => scheduler.now());
  return new Dispatcher({
    api,
    scheduler,
    waits: new Waits({ api, scheduler }),
    methods: METHOD_TABLE,
    observer: rpcObserver(metrics, () => undefined),
    log: SILENT,
    broken,
    busyMs: () => 0,
  });
}
