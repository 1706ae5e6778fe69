/**
 * One scene of a siege: a fresh network, blocks worth asking for, the attackers each in a process of its own, and an
 * honest user. What it saw is judged by src/tools/lab/siege/siege.ts.
 */
import { availableParallelism } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { must } from "../../base/assert.ts";
import type { ChainRef } from "../../sdk/wallet.ts";
import { busySeconds } from "../../tools/bench/machine-load.ts";
import {
  attackersOf,
  type SiegeScene,
  type SiegeSight,
  type SiegeTraffic,
  type SingleAttack,
} from "../../tools/lab/siege/siege.ts";
import type { BenchRun } from "../bench/bench-run.ts";
import { type Attacked, AttackerProcess } from "./siege-attacker.ts";
import { SiegeNetwork } from "./siege-network.ts";
import type { SiegeTask } from "./siege-task.ts";
import { HonestUser } from "./siege-user.ts";

/** The node that the honest user speaks to. */
const ENTRY = 1;
/** The validator whose keys the hostile one has. Its own process is ended for that. */
const HOSTILE_VALIDATOR = 3;
const MEMORY_MS = 100;
/** The resolution at which the nodes measure their loop delays too. */
const LOOP_RESOLUTION_MS = 10;

export interface SceneOptions {
  readonly seconds: number;
  readonly in: string | undefined;
  readonly keep: boolean;
}

/** Nothing of it is left, however it ends. @throws what keeps it from taking place */
export async function playScene(
  bench: BenchRun,
  scene: SiegeScene,
  options: SceneOptions,
): Promise<SiegeSight> {
  try {
    return await play(bench, scene, options);
  } finally {
    await bench.close();
  }
}

async function play(bench: BenchRun, scene: SiegeScene, options: SceneOptions): Promise<SiegeSight> {
  const { mode, name } = scene;
  bench.stage(`${mode}, ${name}: starting nodes`);
  const network = await SiegeNetwork.make({ mode, in: options.in, keep: options.keep });
  const closer = { close: () => network.stop(), kill: () => network.kill() };
  bench.add(closer);
  await network.start();
  const attackers = attackersOf(mode, name);
  const isReplaced = attackers.includes("validator");
  const honest = network.nodes.filter(({ index }) => !(isReplaced && index === HOSTILE_VALIDATOR));
  const user = new HonestUser(
    network.plan,
    must(network.nodes[ENTRY], "a network has a node for its user"),
    mode === "alliance" ? "final" : "included",
  );
  bench.stage(`${mode}, ${name}: filling blocks`);
  const heights = await user.fill();
  if (isReplaced) await network.replace(HOSTILE_VALIDATOR);
  const chain = await user.chain();
  await network.beginMeasuring(honest);
  const processes = attackers.map((attack) => new AttackerProcess(taskOf(network, attack, chain, heights)));
  bench.add({ close: () => killAll(processes), kill: () => killAll(processes) });
  bench.stage(`${mode}, ${name}: ${options.seconds} s under attack`);
  const memory = setInterval(() => network.sampleMemory(), MEMORY_MS);
  try {
    await Promise.all(processes.map(({ begun }) => begun));
    for (const process of processes) process.measure();
    const meter = new SceneMeter(network);
    const transfers = await user.pay(chain, 1_000 * options.seconds, bench.signal);
    const metered = meter.end();
    const attacked = await Promise.all(processes.map((process) => process.end()));
    const nodes = await network.judge(honest);
    const processor = { ...metered.processor, attackers: cpuOf(attacked) };
    return { ...scene, ...metered, transfers, nodes, processor, traffic: trafficOf(attackers, attacked) };
  } finally {
    clearInterval(memory);
  }
}

/** Time, the machine's and the nodes' work, and the own loop, from its making to its end. */
class SceneMeter {
  readonly #network: SiegeNetwork;
  readonly #startedMs = performance.now();
  readonly #machineAt = busySeconds();
  readonly #nodesAt: number | undefined;
  readonly #loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });

  constructor(network: SiegeNetwork) {
    this.#network = network;
    this.#nodesAt = network.cpuSeconds();
    this.#loop.enable();
  }

  end() {
    this.#loop.disable();
    const nodes = this.#network.cpuSeconds();
    return {
      seconds: Number(((performance.now() - this.#startedMs) / 1_000).toFixed(3)),
      ownLoopDelayP99Ms: this.#loop.percentile(99) / 1e6,
      processor: {
        cores: availableParallelism(),
        nodes: nodes === undefined || this.#nodesAt === undefined ? undefined : nodes - this.#nodesAt,
        machine: busySeconds() - this.#machineAt,
      },
    };
  }
}

function taskOf(
  network: SiegeNetwork,
  attack: SingleAttack,
  chain: ChainRef,
  heights: readonly number[],
): SiegeTask {
  const { plan, nodes, outsiderSeed } = network;
  const { genesis, members, accounts } = plan;
  const validator = attack === "validator" ? members[HOSTILE_VALIDATOR] : undefined;
  return {
    attack,
    peers: nodes.filter(({ index }) => validator === undefined || index !== HOSTILE_VALIDATOR),
    rpc: nodes.filter(({ index }) => index !== ENTRY),
    heights,
    chainId: chain.chainId,
    genesisHash: chain.genesisHash as SiegeTask["genesisHash"],
    limits: genesis.limits,
    validators: genesis.validators.map(({ publicKey }) => publicKey),
    identitySeed: validator?.nodeSeed ?? outsiderSeed,
    validatorSeed: validator?.seed,
    accountSeed: must(accounts[1], "the plan has an account for the attacker").seed,
  };
}

/** All attackers' counts. Where there are several, each stands under its own name. */
function trafficOf(attackers: readonly SingleAttack[], attacked: readonly Attacked[]): SiegeTraffic {
  const prefix = (i: number) => (attackers.length > 1 ? `${attackers[i]}: ` : "");
  return Object.fromEntries(
    attacked.flatMap(({ traffic }, i) =>
      Object.entries(traffic).map(([what, count]) => [`${prefix(i)}${what}`, count]),
    ),
  );
}

function cpuOf(attacked: readonly Attacked[]): number | undefined {
  let sum = 0;
  for (const { cpuSeconds } of attacked) {
    if (cpuSeconds === undefined) return undefined;
    sum += cpuSeconds;
  }
  return sum;
}

async function killAll(processes: readonly AttackerProcess[]): Promise<void> {
  await Promise.all(processes.map((process) => process.kill()));
}
