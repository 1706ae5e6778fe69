/**
 * The nodes of a mined chain in a test: shipped replicas that mine, in one process on virtual time. What is mined on
 * demand is solved at once (the target is the easiest); miners that work by themselves find a block after a delay
 * drawn from an exponential distribution, as on a real chain.
 */

import { must } from "../base/assert.ts";
import type { BranchChange } from "../chain/chain.ts";
import type { Block } from "../chain/types/block.ts";
import type { MinedPlan } from "../node/home/network-plan.ts";
import type { MinerMachine } from "../node/mining/threaded-miner.ts";
import { emitToAll } from "../tools/sim/observer.ts";
import { Random } from "../tools/sim/random.ts";
import { signatureWorld } from "../tools/sim/signatures.ts";
import { SimNode } from "../tools/sim/sim-node.ts";
import { SimNetwork } from "../tools/sim/simulated-network.ts";
import { SkewedClock, VirtualTime } from "../tools/sim/time.ts";
import { Trace } from "../tools/sim/trace.ts";
import { VirtualMiner } from "../tools/sim/virtual-miner.ts";
import { ENGINE_SETTINGS } from "./engine-settings.ts";

export interface MinedNodesOptions {
  readonly seed?: number;
  readonly delayMsMax?: number;
  readonly blockTimeMs?: number;
}

export interface MinedNodesPorts {
  readonly failed: (node: number, error: unknown) => void;
  readonly reorganised: (node: number, change: BranchChange) => void;
}

/** The clocks are so far from block 0 that no block of the first hundreds is early. */
const AFTER_GENESIS_MS = 86_400_000;

export class MinedNodes {
  readonly time = new VirtualTime();
  readonly network: SimNetwork;
  readonly nodes: readonly SimNode[];
  readonly #machines = new Map<number, VirtualMachine>();

  constructor(plan: MinedPlan, options: MinedNodesOptions, ports: MinedNodesPorts) {
    const { seed = 1, delayMsMax = 10, blockTimeMs } = options;
    const random = new Random(seed);
    const emit = emitToAll([]);
    const trace = new Trace();
    this.network = new SimNetwork(
      {
        timing: { delayMsMin: 1, delayMsMax, tail: 0, tailMs: 0, stepMs: 1, settledDelayMsMax: delayMsMax },
        gstMs: 0,
        validators: plan.miners.map(() => undefined),
      },
      {
        time: this.time,
        trace,
        random: random.split("network"),
        emit,
        broken: (error) => ports.failed(0, error),
      },
    );
    const world = { genesis: plan.genesis, signatures: signatureWorld("ed25519"), validators: [] };
    const spacingMs = blockTimeMs ?? plan.genesis.consensus.spacing * 1_000;
    this.nodes = plan.miners.map(({ publicKey: rewardTo }, id) => {
      const own = random.split(`node ${id}`);
      const miner = () => {
        const machine = new VirtualMachine(spacingMs * plan.miners.length, this.time, own.split("miner"));
        this.#machines.set(id, machine);
        return machine;
      };
      const mining = { miner, order: { isOn: blockTimeMs !== undefined, rewardTo } };
      return new SimNode(
        {
          id,
          validator: undefined,
          world,
          settings: ENGINE_SETTINGS,
          syncIntervalMs: 1_000,
          crashes: [],
          mining,
        },
        {
          time: this.time,
          clock: new SkewedClock(this.time, Number(plan.genesis.timeMs) + AFTER_GENESIS_MS),
          network: this.network,
          random: own,
          trace,
          emit,
          failed: (error) => ports.failed(id, error),
          crashDue: () => undefined,
          opened: ({ events }) => events.reorgs.subscribe((change) => ports.reorganised(id, change)),
        },
      );
    });
  }

  /** The miner of the node's present life. */
  machineOf(id: number): MinerMachine {
    return must(this.#machines.get(id), "a node that is up has a machine");
  }

  start(...ids: readonly number[]): void {
    const nodes =
      ids.length === 0 ? this.nodes : ids.map((id) => must(this.nodes[id], "the number is one of a node"));
    for (const node of nodes) if (!node.isUp) void node.start();
  }

  crash(id: number): void {
    const node = must(this.nodes[id], "the number is one of a node");
    if (!node.isUp) return;
    this.#machines.get(id)?.stop();
    node.cutPower();
    node.disk.losePower({ kept: 0, torn: false });
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) if (node.isUp) await node.stop();
  }
}

/** A virtual miner as the operator's orders see it: more threads find blocks as many times as often. */
class VirtualMachine implements MinerMachine {
  readonly hashLimit = undefined;
  threads = 1;
  readonly #meanMs: number;
  readonly #miner: VirtualMiner;

  constructor(meanMs: number, time: VirtualTime, random: Random) {
    this.#meanMs = meanMs;
    this.#miner = new VirtualMiner(meanMs, { after: (delayMs, run) => time.after(delayMs, run), random });
  }

  /** Two hashes make a block of the easiest target. */
  hashRate(): number {
    return (2_000 * this.threads) / this.#meanMs;
  }

  async setThreads(count: number): Promise<void> {
    this.threads = count;
    this.#miner.meanMs = this.#meanMs / count;
  }

  mine(block: Block, solved: (block: Block) => void): void {
    this.#miner.mine(block, solved);
  }

  stop(): void {
    this.#miner.stop();
  }
}
