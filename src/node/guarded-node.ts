/**
 * A node that stops as on an order and starts again by itself, with its RPC at the same port. It pauses while its disk is
 * nearly full, with the journal and the database closed, and answers read-only JSON-RPC that says why: so the last free
 * bytes are never needed by a vote. And it changes to the key that its seat has by a vote. The root above the two.
 */
import { must } from "../base/assert.ts";
import { showHash } from "../base/bytes.ts";
import type { Logger } from "../base/log.ts";
import { computeGenesisHash } from "../chain/genesis/genesis-state.ts";
import { isDiskFull } from "../storage/disk-fault.ts";
import { makeFolder } from "../storage/durable-file.ts";
import { describeLow, freeSpace, hasRoom, isLow, type ReadDisk, readSpace } from "../storage/free-space.ts";
import { openLevel } from "../storage/level.ts";
import { openLog } from "./assembly/system.ts";
import type { Key } from "./home/key-file.ts";
import { type Lock, takeLock } from "./home/lock.ts";
import { takeNextKey } from "./home/next-key.ts";
import { StartError } from "./home/start-error.ts";
import { inspect } from "./inspect.ts";
import { type NodeOptions, type RunningNode, startNode } from "./node.ts";

/** How often the free space is looked at, ms. */
const LOOK_EVERY_MS = 500;

export interface GuardOptions extends Omit<NodeOptions, "onKeyDue"> {
  /** The node paused, or goes on: one sentence. */
  readonly onPause?: (words: string) => void;
  /** How the free space is read, which tests replace. */
  readonly read?: ReadDisk;
  readonly lookEveryMs?: number;
  /** Starts the node itself; a test's fails when it says. */
  readonly startNode?: typeof startNode;
  /** Opens the database to be read while the node pauses; a test's fails when it says. */
  readonly openToRead?: typeof openLevel;
}

/** What answers in the home now. */
interface Current {
  readonly node: RunningNode | undefined;
  readonly rpcUrl: string;
  readonly height: bigint;
  stop(): Promise<void>;
}

/** @throws StartError, or Error when the disk or the network fails */
export async function startGuardedNode(options: GuardOptions): Promise<RunningNode> {
  const guard = new GuardedNode(options);
  await guard.start();
  return guard;
}

class GuardedNode implements RunningNode {
  readonly genesisHash: string;
  #options: GuardOptions;
  #current: Current | undefined;
  #turn: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** Stopping, to start again as something else. */
  #isTurning = false;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.genesisHash = showHash(computeGenesisHash(options.home.genesis));
  }

  start(): Promise<void> {
    const started = this.#start();
    this.#turn = started.catch(() => undefined);
    return started;
  }

  async #start(): Promise<void> {
    const { config, lookEveryMs = LOOK_EVERY_MS } = this.#options;
    const isWatched = config.storage.reserveMb > 0;
    this.#current = isWatched && isLow(this.#space()) ? await this.#pause() : await this.#run();
    this.#keepPort();
    if (isWatched) this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  get rpcUrl(): string {
    return this.#now.rpcUrl;
  }

  get p2pAddresses(): readonly string[] {
    return this.#now.node?.p2pAddresses ?? [];
  }

  height(): bigint {
    return this.#now.node?.height() ?? this.#now.height;
  }

  reopenLog(): void {
    this.#now.node?.reopenLog();
  }

  reloadPeers(): void {
    this.#now.node?.reloadPeers();
  }

  /** A function of its own, because it is handed on without its node. */
  readonly networkFailed = (error: Error): void => {
    this.#now.node?.networkFailed(error);
  };

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#turn;
    await this.#current?.stop();
  }

  get #now(): Current {
    return must(this.#current, "it has started");
  }

  #space() {
    const { home, config, read = readSpace } = this.#options;
    return freeSpace(home.paths.dir, config.storage.reserveMb, read);
  }

  #look(): void {
    if (this.#isTurning || this.#isStopped) return;
    const space = this.#space();
    const turn = this.#now.node === undefined ? hasRoom(space) : isLow(space);
    if (!turn) return;
    const isRunning = this.#now.node !== undefined;
    this.#restart(isRunning, () => (isRunning ? this.#pause() : this.#run()));
  }

  /** A node that pauses is left alone: it finds the key due again when it runs. */
  #keyIsDue(key: Key): void {
    this.#restart(true, () => this.#runWith(key));
  }

  /** Waits for whatever is under way. If it is still so, it stops what answers and goes on with another. */
  #restart(isRunning: boolean, next: () => Promise<Current>): void {
    this.#isTurning = true;
    this.#turn = this.#turn
      .then(() => this.#change(isRunning, next))
      .finally(() => {
        this.#isTurning = false;
      });
  }

  /** Changes over to another. Never rejects. */
  async #change(isRunning: boolean, next: () => Promise<Current>): Promise<void> {
    const current = this.#current; // none where the start failed
    if (this.#isStopped || current === undefined || (current.node !== undefined) !== isRunning) return;
    try {
      await current.stop();
      if (this.#isStopped) return;
      this.#current = await next();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Nothing runs any more, so nothing may keep the process. */
  #fail(error: unknown): void {
    clearInterval(this.#timer);
    this.#isStopped = true;
    this.#options.onFatal?.(error);
  }

  /** The process that could sign with the old key is gone when this begins. */
  async #runWith(validatorKey: Key): Promise<Current> {
    const { home } = this.#options;
    const taken = await takeNextKey(home.paths);
    if (!taken.ok) throw new StartError(taken.fault);
    this.#options = { ...this.#options, home: { ...home, validatorKey } };
    return this.#run();
  }

  async #run(): Promise<Current> {
    const { startNode: start = startNode } = this.#options;
    const onFatal = (error: unknown) => this.#fail(error);
    const node = await start({ ...this.#options, onFatal, onKeyDue: (key) => this.#keyIsDue(key) });
    this.#options.onPause?.("there is room on the disk: the node runs");
    return { node, rpcUrl: node.rpcUrl, height: node.height(), stop: () => node.stop() };
  }

  /** Whoever found the node at its port finds it there while it pauses, and afterwards. */
  #keepPort(): void {
    const { config } = this.#options;
    const port = Number(new URL(this.#now.rpcUrl).port);
    this.#options = { ...this.#options, config: { ...config, rpc: { ...config.rpc, port } } };
  }

  async #pause(): Promise<Current> {
    const { home, onPause } = this.#options;
    const words = describeLow(home.paths.dir, this.#space());
    const { logger, close } = openLog(this.#options.config.log.levels, undefined);
    logger.log("error", "storage", words);
    onPause?.(words);
    let lock: Lock | undefined;
    try {
      const taken = takeLock(home.paths.lock);
      if (!taken.ok) throw new StartError(taken.fault);
      lock = taken.value;
      return await this.#show(lock, logger, close);
    } catch (error) {
      if (isDiskFull(error)) return this.#wait(lock, logger, close);
      lock?.release();
      throw error;
    }
  }

  /** The database, to be read while the node pauses. LevelDB writes a little even for that. */
  async #show(lock: Lock, log: Logger, closeLog: () => Promise<void>): Promise<Current> {
    const { home, config, onFatal, openToRead = openLevel } = this.#options;
    const paused = () => describeLow(home.paths.dir, this.#space());
    makeFolder(home.paths.db);
    const kv = await openToRead(home.paths.db);
    const { host, port } = config.rpc;
    const failed = (error: unknown) => onFatal?.(error);
    const showing = inspect({ home, config, host, port, paused }, { kv, log, failed });
    // Left open, it could not be opened again when there is room.
    const shown = await showing.catch((error: unknown) => kv.close().then(() => Promise.reject(error)));
    const stop = async () => {
      await shown.stop();
      await kv.close();
      await closeLog();
      lock.release();
    };
    return { node: undefined, rpcUrl: shown.url, height: shown.height, stop };
  }

  /** Not a byte is left, so nothing answers; there is room again one day, and until then the node waits for it. */
  #wait(lock: Lock | undefined, log: Logger, closeLog: () => Promise<void>): Current {
    const { host, port } = this.#options.config.rpc;
    log.log("error", "storage", "the disk is full: nothing answers at the port until there is room");
    const stop = async () => {
      await closeLog();
      lock?.release();
    };
    const before = this.#current ?? { rpcUrl: `http://${host}:${port}`, height: 0n };
    return { node: undefined, rpcUrl: before.rpcUrl, height: before.height, stop };
  }
}
