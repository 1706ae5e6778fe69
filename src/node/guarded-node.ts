/**
 * A node that pauses while its disk is nearly full: it stops as on an order, with the journal and the database closed, answers
 * read-only JSON-RPC at its port that says why, and starts again by itself when there is room. So the last free bytes
 * are never needed by a vote. The root above the two.
 */
import { must } from "../base/assert.ts";
import { showHash } from "../base/bytes.ts";
import { computeGenesisHash } from "../chain/genesis/genesis-state.ts";
import { makeFolder } from "../storage/durable-file.ts";
import { describeLow, freeSpace, hasRoom, isLow, type ReadDisk, readSpace } from "../storage/free-space.ts";
import { openLevel } from "../storage/level.ts";
import { openLog } from "./assembly/system.ts";
import { takeLock } from "./home/lock.ts";
import { StartError } from "./home/start-error.ts";
import { inspect } from "./inspect.ts";
import { type NodeOptions, type RunningNode, startNode } from "./node.ts";

/** How often the free space is looked at, ms. */
const LOOK_EVERY_MS = 500;

export interface GuardOptions extends NodeOptions {
  /** The node paused, or goes on: one sentence. */
  readonly onPause?: (words: string) => void;
  /** For tests. */
  readonly read?: ReadDisk;
  readonly lookEveryMs?: number;
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
  if (options.config.storage.reserveMb === 0) return startNode(options);
  const guard = new DiskGuard(options);
  await guard.start();
  return guard;
}

class DiskGuard implements RunningNode {
  readonly genesisHash: string;
  #options: GuardOptions;
  #current: Current | undefined;
  #turn: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** Between running and paused. */
  #isTurning = false;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.genesisHash = showHash(computeGenesisHash(options.home.genesis));
  }

  async start(): Promise<void> {
    this.#current = isLow(this.#space()) ? await this.#pause() : await this.#run();
    this.#keepPort();
    const { lookEveryMs = LOOK_EVERY_MS } = this.#options;
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
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

  /** Handed on by itself. */
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
    this.#isTurning = true;
    this.#turn = this.#change().finally(() => {
      this.#isTurning = false;
    });
  }
  /** From running to paused, or back. Never rejects. */
  async #change(): Promise<void> {
    const wasRunning = this.#now.node !== undefined;
    try {
      await this.#now.stop();
      if (this.#isStopped) return;
      this.#current = wasRunning ? await this.#pause() : await this.#run();
    } catch (error) {
      clearInterval(this.#timer);
      this.#isStopped = true;
      this.#options.onFatal?.(error);
    }
  }

  async #run(): Promise<Current> {
    const node = await startNode(this.#options);
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
    const { home, config, onPause, onFatal } = this.#options;
    const lock = takeLock(home.paths.lock);
    if (!lock.ok) throw new StartError(lock.fault);
    const { logger, close } = openLog(config.log.levels, undefined);
    const paused = () => describeLow(home.paths.dir, this.#space());
    logger.log("error", "storage", paused());
    onPause?.(paused());
    try {
      makeFolder(home.paths.db);
      const kv = await openLevel(home.paths.db);
      const { host, port } = config.rpc;
      const failed = (error: unknown) => onFatal?.(error);
      const shown = await inspect({ home, config, host, port, paused }, { kv, log: logger, failed });
      const stop = async () => {
        await shown.stop();
        await kv.close();
        await close();
        lock.value.release();
      };
      return { node: undefined, rpcUrl: shown.url, height: shown.height, stop };
    } catch (error) {
      lock.value.release();
      throw error;
    }
  }
}
