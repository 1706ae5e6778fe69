/**
 * The database of a stopped node, shown by the JSON-RPC of a running one: on loopback, with the methods that read, no
 * network and no votes. Nothing of the chain is written. The composition root of `quorate inspect`.
 */
import type { Logger } from "../base/log.ts";
import { METHOD_TABLE } from "../rpc/methods/method-table.ts";
import { RpcServer } from "../rpc/server/server.ts";
import type { Kv } from "../storage/kv.ts";
import { unwritten } from "../storage/unwritten.ts";
import { ReplicaApi } from "./api/node-api.ts";
import { jitter, systemScheduler } from "./assembly/system.ts";
import type { Config } from "./home/config.ts";
import type { Home } from "./home/home.ts";
import { packageVersion } from "./home/package-version.ts";
import type { Network } from "./ports.ts";
import { Replica } from "./replica.ts";

export interface InspectPorts {
  /** The node's database, which is left as it is. */
  readonly kv: Kv;
  readonly log: Logger;
  /** The chain in it contradicts itself. */
  readonly failed: (error: unknown) => void;
}

export interface Inspection {
  readonly url: string;
  readonly height: bigint;
  stop(): Promise<void>;
}

export interface InspectOptions {
  readonly home: Pick<Home, "genesis" | "genesisJson">;
  readonly config: Config;
  /** The address to listen on, which is 127.0.0.1 if left out. */
  readonly host?: string;
  /** The TCP port to listen on. 0 takes a free one. */
  readonly port: number;
  /** Why the node itself does not run; left out where somebody only looks. */
  readonly paused?: () => string;
}

/** @throws UnfitDatabase for a database of another chain; Error when the port is taken */
export async function inspect(
  { home, config, host = "127.0.0.1", port, paused }: InspectOptions,
  { kv, log, failed }: InspectPorts,
): Promise<Inspection> {
  const { maxReorgDepth, minimumWork } = config.chain;
  const pool = { transactionsMax: config.mempool.maxTransactions, bytesMax: config.mempool.maxBytes };
  const replica = await Replica.open(
    {
      genesis: home.genesis,
      signer: undefined,
      settings: { ...config.consensus, emptyBlocksMs: undefined },
      syncIntervalMs: 0,
      pool,
      branches: { maxReorgDepth, minimumChainWork: minimumWork },
    },
    {
      ...{ kv: unwritten(kv), journal: undefined, network: NOBODY },
      ...{ scheduler: systemScheduler, log, jitter, fatal: failed },
    },
  );
  const info = { name: config.name, version: packageVersion(), mode: "full" as const, peerId: NOBODY.peerId };
  const api: ReplicaApi = new ReplicaApi(
    {
      info: { ...info, startedAtMs: systemScheduler.now() },
      genesisJson: JSON.parse(home.genesisJson),
      address: undefined,
      finalityDepth: config.chain.finalityDepth,
      storageMode: config.storage.mode,
      ...(paused === undefined ? {} : { paused }),
    },
    { replica, network: NOBODY, scheduler: systemScheduler, renderMetrics: async () => "", log },
  );
  const methods = new Map([...METHOD_TABLE].filter(([, { kind }]) => kind === "read"));
  const server = new RpcServer(
    { host, port },
    { api, scheduler: systemScheduler, log, methods, broken: failed },
  );
  await server.start();
  const { height } = replica.chain.head.summary;
  return {
    url: server.url,
    height,
    async stop() {
      await server.stop();
      await replica.stop();
    },
  };
}

/** The network of a node that is not on one. */
const NOBODY: Network & ConstructorParameters<typeof ReplicaApi>[1]["network"] = {
  peerId: "",
  addresses: [],
  blocked: [],
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  mail: () => undefined,
  publish: () => undefined,
  request: () => Promise.reject(new Error("this is a look at a stopped node: it has no peers")),
  peers: () => [],
  noteHeight: () => undefined,
  reportFault: () => undefined,
  block: () => undefined,
};
