/**
 * A node: the composition root. It opens a home top-down (lock, log, keys, journal, database), puts a replica on
 * libp2p and serves it by JSON-RPC. stop() is the reverse of start. Everything that can be wrong with a home or a
 * machine is a StartError with one line that says what to do.
 *
 * This folder: a node from its home to its ports: replica.ts without I/O, driver.ts for an engine, ports.ts for what
 * they need; the rooms below are what they are put together from. Not here: rules of the chain (chain, consensus), and
 * commands (cli).
 */
import { takePlace } from "./home/home-stamp.ts";
import "../p2p/transport/polyfill.ts";
import { resolve } from "node:path";
import { showHash } from "../base/bytes.ts";
import type { Logger } from "../base/log.ts";
import type { Transition } from "../chain/types/transition.ts";
import { nativeName } from "../crypto/keys.ts";
import type { P2pNetwork } from "../p2p/network.ts";
import { methodsOf } from "../rpc/methods/method-table.ts";
import type { DevnetOrders } from "../rpc/operator-api.ts";
import { RpcServer } from "../rpc/server/server.ts";
import type { SnapshotsApi } from "../rpc/snapshots-api.ts";
import type { DiskKv } from "../storage/kv.ts";
import { HomeJoining, type JoiningPorts } from "./api/joining-api.ts";
import { ReplicaApi } from "./api/node-api.ts";
import { operatorHome } from "./api/operator-home.ts";
import { Closers } from "./assembly/closers.ts";
import { emptyBlocksOf } from "./assembly/empty-blocks.ts";
import { Failure } from "./assembly/failure.ts";
import { openHistoryCheck } from "./assembly/history.ts";
import { openEventIndex } from "./assembly/indexing.ts";
import { followKey, waitingKeyOf } from "./assembly/key-watch.ts";
import { checkHomePlace, checkMode } from "./assembly/mode-check.ts";
import { expectsPeers, warnWhenAlone } from "./assembly/neighbours.ts";
import { stopAsAsked, stopFatally } from "./assembly/node-stop.ts";
import { claimSigner, type OwnKey, ownClaim, ownKey } from "./assembly/own-key.ts";
import { openNetwork } from "./assembly/own-network.ts";
import { TipAge } from "./assembly/peer-search.ts";
import { openPruner, reorgDepthOf } from "./assembly/pruning.ts";
import { beginWithSnapshot, mayBeginWithSnapshot } from "./assembly/snapshot-start.ts";
import { openKeptSnapshots, openSnapshots } from "./assembly/snapshots.ts";
import { jitter, type LogSink, openLog, systemScheduler } from "./assembly/system.ts";
import { openThreads, type Threads } from "./assembly/threads.ts";
import { timedWrites } from "./assembly/timed-writes.ts";
import { traceTransactions } from "./assembly/tracing.ts";
import { checkRecovery, openOwnVotes, startRemote } from "./assembly/voter-of.ts";
import type { EventIndex } from "./event-index/event-index.ts";
import type { Config, ConfigOrigin } from "./home/config.ts";
import { type Home, removePid, writePid } from "./home/home.ts";
import type { Key, Unlock } from "./home/key-file.ts";
import { takeLock } from "./home/lock.ts";
import { packageVersion } from "./home/package-version.ts";
import type { KnownPeer } from "./home/peers-file.ts";
import { makeRpcToken, publishRpcToken } from "./home/rpc-token.ts";
import { checkImport, StartError, startErrorOf } from "./home/start-error.ts";
import { Metrics } from "./metrics/metrics.ts";
import { nodeReadings, observeReplica } from "./metrics/readings.ts";
import { rpcObserver } from "./metrics/rpc-observer.ts";
import { MinerControl } from "./mining/miner-control.ts";
import { homeModules } from "./modules/module-files.ts";
import { Replica } from "./replica.ts";
import type { TokenPin } from "./signer/token-key.ts";
import { FetchStore } from "./snapshot/fetch-store.ts";
import type { MigrationPorts } from "./stored-chain/migrate-database.ts";
import { openCurrent } from "./stored-chain/open-current.ts";
import { settleReplaced } from "./stored-chain/replace-database.ts";
import { secureVotes } from "./votes/vote-journal-home.ts";

export { type Config, type ConfigSources, loadConfig } from "./home/config.ts";
export { type Home, openHome } from "./home/home.ts";

export interface NodeOptions {
  readonly home: Home;
  readonly config: Config;
  /** Peers to know besides those of peers.json. */
  readonly extraPeers?: readonly KnownPeer[];
  /** Peer ids that the node is cut off from when it starts, for drills on dev chains. */
  readonly blockedPeers?: readonly string[];
  /** This home's validator lives here from now on, although its files were copied from elsewhere (home-stamp.ts). */
  readonly isMoved?: boolean;
  /** The home is on a network file system, and no other host uses it (home/file-system.ts). */
  readonly isNetworkHome?: boolean;
  /** Votes of the key are missing, and the operator knows: it comes back in a later epoch. */
  readonly recoversAmnesia?: boolean;
  /** Breaks of trust that the operator accepts. */
  readonly transitions?: readonly Transition[];
  /** A home without blocks begins with a snapshot of its peers. */
  readonly fromSnapshot?: boolean;
  /** Is shown how an older database is brought to this program's format. */
  readonly migration?: Pick<MigrationPorts, "progress">;
  /** Ends a start that takes long, which then fails with `stopped`. */
  readonly signal?: AbortSignal;
  readonly origins?: readonly ConfigOrigin[];
  /**
   * What a devnet gives a node that it runs: the orders that the node passes on, and the token that all nodes
   * of the devnet take.
   */
  readonly devnet?: { readonly orders: DevnetOrders; readonly token: string | undefined } | undefined;
  /** The PIN of the token that config.toml names. */
  readonly pin?: TokenPin | undefined;
  /** The passwords of keys that have one, for a key that comes while the node runs. */
  readonly unlock?: Unlock;
  /** The seat has another key, which waits in this home: the node is to start again with it. */
  readonly onKeyDue?: (key: Key) => void;
  /** The node had to stop by itself; it has stopped when this is called. */
  readonly onFatal?: (error: unknown) => void;
}

export interface RunningNode {
  readonly rpcUrl: string;
  /** Multiaddrs with the peer id. */
  readonly p2pAddresses: readonly string[];
  readonly genesisHash: string;
  /** Height of the head now. */
  height(): bigint;
  /** Opens the log file anew, which somebody may have moved. */
  reopenLog(): void;
  /** Reads peers.json again; one that is refused is logged, and all stays as it was. */
  reloadPeers(): void;
  /** libp2p threw where nobody caught it: counted and logged. */
  networkFailed(error: Error): void;
  stop(): Promise<void>;
}

/** @throws StartError, or Error when the disk or the network fails. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const closers = new Closers();
  try {
    return await openNode(options, closers);
  } catch (error) {
    await closers.closeAll().catch(() => undefined); // why it did not start says more
    throw startErrorOf(error, options.home.paths);
  }
}

/** This process alone uses the home from here on; its log is open and its pid written. @throws StartError */
function takeHome(options: NodeOptions, closers: Closers): Omit<LogSink, "close"> {
  const { home, config } = options;
  const warnings = checkHomePlace(options);
  const lock = takeLock(home.paths.lock);
  if (!lock.ok) throw new StartError(lock.fault);
  closers.add(() => lock.value.release());
  const { file } = config.log;
  const { close, ...log } = openLog(config.log.levels, file && resolve(home.paths.dir, file));
  closers.add(close);
  for (const warning of warnings) log.logger.log("warn", "node", "the home's file system", { warning });
  writePid(home.paths);
  closers.add(() => removePid(home.paths));
  return log;
}

/** The home and what was ordered fit each other. @returns the validator's key, if it votes. @throws StartError */
async function checkedKey(
  options: NodeOptions,
  ports: { readonly logger: Logger; readonly closers: Closers },
): Promise<OwnKey | undefined> {
  const { home, config } = options;
  if (!new FetchStore(home.paths.snapshotFetch).isWhole) checkImport(home.paths);
  settleReplaced(home.paths);
  checkMode(home, config);
  checkRecovery(options);
  const key = await ownKey(options, ports);
  if (key !== undefined) takePlace(home.paths, ports.logger, options.isMoved);
  return key;
}

/** What the home has, or begins with. */
async function openDatabase(options: NodeOptions, logger: Logger): Promise<DiskKv> {
  const kv = await openCurrent(options.home.paths, { logger, ...options.migration });
  if (!mayBeginWithSnapshot(options)) return kv;
  await kv.close();
  await beginWithSnapshot(options, logger);
  return openCurrent(options.home.paths, { logger });
}

async function openNode(options: NodeOptions, closers: Closers): Promise<RunningNode> {
  const { home, config } = options;
  const { logger, levels, reopen } = takeHome(options, closers);
  const key = await checkedKey(options, { logger, closers });
  const level = await openDatabase(options, logger);
  const timing: { metrics?: Metrics } = {};
  const kv = timedWrites(level, timing);
  closers.add(() => kv.close());
  const journal = await openOwnVotes(options, key, closers);
  const tip = new TipAge(() => systemScheduler.now());
  const headHeight = () => replica.chain.head.summary.height;
  const signer = key && (await claimSigner(key, home, ownClaim(home)));
  const parts = { signer, logger, tip, headHeight, lowestBody: () => replica.chain.store.lowestBody() };
  const network = openNetwork(options, parts);
  const threads = openThreads(home.genesis, config, logger);
  closers.add(() => threads.close());
  const failure = new Failure();
  const fatal = (error: unknown) => failure.report(error);
  const kept = await openKeptSnapshots(home);
  const replica: Replica = await Replica.open(replicaOptions(options, key?.signer), {
    kv,
    snapshots: kept,
    ...{ modules: homeModules(home, config), journal, network },
    ...threads.ports,
    scheduler: systemScheduler,
    log: logger,
    jitter,
    fatal,
  });
  if (journal !== undefined) await secureVotes(home.paths, journal);
  tip.follow(replica);
  const snapshots = openSnapshots(options, { kept, level, replica, logger }, closers);
  const control = minerControl(replica, threads);
  const eventIndex = openEventIndex(config, { kv, replica, log: logger, failure }, closers);
  const adminToken = options.devnet?.token ?? makeRpcToken();
  const joining = openJoining(options, { network, logger, genesisHash: replica.chain.genesisHash });
  const { rpc, metrics, recent } = openRpc(options, {
    remote: key?.remote,
    ...{ adminToken, joining, levels },
    replica,
    network,
    logger,
    threads,
    control,
    snapshots,
    eventIndex,
    broken: fatal,
  });
  timing.metrics = metrics;
  await traceTransactions({ name: config.name, replica, recent, logger, closers });
  logStart(options, replica, logger);
  closers.add(() => replica.stop());
  closers.add(() => control?.close());
  await replica.start();
  startRemote(key, replica, closers);
  followKey(options, replica, { key, logger, closers });
  closers.add(await openHistoryCheck(options, { replica, network, logger, fatal }));
  closers.add(openPruner(options, { replica, logger, level, kept, eventIndex }));
  if (expectsPeers(options)) closers.add(warnWhenAlone(network, logger, systemScheduler));
  failure.check();
  await startRpc(rpc, options, { adminToken, closers, logger });
  failure.actBy((error) => void stopFatally(error, { closers, logger, onFatal: options.onFatal }));
  const stop = () => stopAsAsked(closers, logger, headHeight());
  const networkFailed = (error: Error) => network.noteLibraryError(error);
  const orders = { networkFailed, reloadPeers: () => joining.reload(), reopenLog: reopen, stop };
  const facts = { rpcUrl: rpc.url, p2pAddresses: network.addresses, height: headHeight };
  return { ...orders, ...facts, genesisHash: showHash(replica.chain.genesisHash) };
}

function minerControl(replica: Replica, { miner: machine }: Threads): MinerControl | undefined {
  return machine && new MinerControl({ replica, machine, now: () => systemScheduler.now() });
}

function replicaOptions(options: NodeOptions, signer: OwnKey["signer"] | undefined) {
  const { home, config, recoversAmnesia = false, transitions = [] } = options;
  const { emptyBlocksMs, ...timing } = config.consensus;
  const { maxReorgDepth, minimumWork } = config.chain;
  return {
    branches: { maxReorgDepth: reorgDepthOf(maxReorgDepth, config.storage), minimumChainWork: minimumWork },
    mining: { isOn: config.mode === "miner", rewardTo: config.mining.coinbase },
    genesis: home.genesis,
    signer,
    waitingKey: waitingKeyOf(options),
    recoversAmnesia,
    transitions,
    settings: {
      ...timing,
      emptyBlocksMs: emptyBlocksOf(emptyBlocksMs, home.genesis),
    },
    syncIntervalMs: config.sync.intervalMs,
    pool: {
      transactionsMax: config.mempool.maxTransactions,
      bytesMax: config.mempool.maxBytes,
      feeMin: config.mempool.minFee,
    },
  };
}

function openJoining(
  { home, config, extraPeers = [] }: NodeOptions,
  parts: Pick<JoiningPorts, "network" | "logger" | "genesisHash">,
): HomeJoining {
  return new HomeJoining({ ...parts, home, name: config.name, extraPeers, now: () => systemScheduler.now() });
}

interface RpcParts {
  readonly joining: HomeJoining;
  /** Where the validator's key is elsewhere. */
  readonly remote: OwnKey["remote"];
  /** Called when a handler found the node contradicting itself. */
  readonly broken: (error: unknown) => void;
  readonly adminToken: string;
  readonly replica: Replica;
  readonly network: P2pNetwork;
  readonly logger: Logger;
  readonly levels: LogSink["levels"];
  readonly threads: Threads;
  /** The operator's hand on the threads that mine. */
  readonly control: MinerControl | undefined;
  readonly snapshots: SnapshotsApi;
  readonly eventIndex: EventIndex | undefined;
}

function openRpc(
  { home, config, extraPeers, origins = [], devnet }: NodeOptions,
  {
    adminToken,
    joining,
    remote,
    replica,
    network,
    logger,
    levels,
    broken,
    threads,
    control,
    snapshots,
    eventIndex,
  }: RpcParts,
) {
  let subscriptions = 0;
  const address =
    replica.self === undefined
      ? config.mining.coinbase
      : replica.consensus.validators.members[replica.self]?.account;
  const info = {
    name: config.name,
    version: packageVersion(),
    mode: config.mode,
    peerId: network.peerId,
    startedAtMs: systemScheduler.now(),
  };
  const api: ReplicaApi = new ReplicaApi(
    {
      info,
      genesisJson: JSON.parse(home.genesisJson),
      address,
      finalityDepth: config.chain.finalityDepth,
      storageMode: config.storage.mode,
      ...(remote === undefined ? {} : { signer: () => remote.status }),
      expectsPeers: expectsPeers({ home, config, extraPeers }),
      emptyBlocksMs: emptyBlocksOf(config.consensus.emptyBlocksMs, home.genesis),
    },
    {
      replica,
      network,
      scheduler: systemScheduler,
      renderMetrics: () => metrics.render(),
      log: logger,
      eventIndex,
      joining,
      snapshot: () => snapshots.snapshot(),
      operator: operatorHome({ home, config, origins, orders: devnet?.orders, token: adminToken, levels }),
      ...(control === undefined ? {} : { mining: control }),
    },
  );
  const { miner, verifier } = threads;
  const counts = { hashesTotal: miner && (() => miner.hashesTotal), threaded: () => verifier.judged };
  const sources = { replica, network, api, ...counts, subscriptions: () => subscriptions, remote };
  const metrics = new Metrics(nodeReadings(sources), replica.chain.mode.kind === "forkable");
  observeReplica(metrics, replica, () => systemScheduler.now());
  const observer = rpcObserver(metrics, (open) => {
    subscriptions = open;
  });
  const { host, port, corsOrigins, allowedHosts } = config.rpc;
  const { profile } = home.genesis;
  const allowsLocalPages = profile === "dev";
  const callers = { allowedHosts, allowedOrigins: corsOrigins, allowsLocalPages };
  const options = { host, port, ...callers, adminToken };
  const methods = methodsOf(profile);
  const ports = { api, scheduler: systemScheduler, log: logger, observer, broken, methods };
  return { metrics, recent: api.recent, rpc: new RpcServer(options, ports) };
}

/** The token is found by commands when the port is known, and gone before the server is. */
async function startRpc(
  rpc: RpcServer,
  { home, config }: NodeOptions,
  {
    adminToken,
    closers,
    logger,
  }: { readonly adminToken: string; readonly closers: Closers; readonly logger: Logger },
): Promise<void> {
  closers.add(() => rpc.stop());
  await rpc.start();
  const place = { homeDir: home.paths.dir, host: config.rpc.host, port: rpc.port };
  closers.add(publishRpcToken(place, adminToken));
  logger.log("info", "rpc", "listening", { url: rpc.url });
}

function logStart({ home, config }: NodeOptions, replica: Replica, logger: Logger): void {
  for (const warning of home.warnings) logger.log("warn", "node", "genesis", { warning });
  logger.log("info", "node", "starting", {
    name: config.name,
    mode: config.mode,
    validator: replica.self,
    chainId: home.genesis.chainId,
    genesis: showHash(replica.chain.genesisHash),
    height: replica.chain.head.summary.height,
    ed25519: nativeName,
  });
}
