/**
 * `quorate devnet`: a whole network on this machine in one command, the same each time, and the commands that
 * kill, pause and restart its nodes from another terminal. Its keys follow from the seed text: for play only.
 *
 * This folder: `quorate devnet`: its plan, its processes, the socket by which other commands steer it, the display; and
 * networks in temporary folders for benchmarks and races. Not here: a chain inside a test (testing).
 */
import { type Command, Option } from "commander";
import { hex0x, showHash } from "../../base/bytes.ts";
import { VALIDATORS_MAX } from "../../base/limits.ts";
import { CONSENSUS_NAMES, type ConsensusName } from "../../chain/genesis/consensus-parameters.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { EPOCH_LENGTH_MAX } from "../../chain/governance/parameters.ts";
import { parseLogLevels } from "../../node/home/log-levels.ts";
import { DEVNET, MINED_DEVNET } from "../../node/home/network-plan.ts";
import { packageVersion } from "../../node/home/package-version.ts";
import { amount, collect, duration, integer, list, withDefault } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput, EXIT, Finished, valueOrThrow } from "../exit.ts";
import { openExplorer } from "../open-browser.ts";
import { type Output, showDuration } from "../output.ts";
import { RenamedOption } from "../renamed.ts";
import { currentBalances, introduce } from "./devnet-banner.ts";
import {
  askDevnet,
  type DevnetReport,
  NODE_ACTIONS,
  type NodeAction,
  type NodeReport,
} from "./devnet-control.ts";
import { DEFAULT_DEVNET_DIR, devnetFlag } from "./devnet-dir.ts";
import { Display } from "./devnet-display.ts";
import { Interrupts } from "./devnet-interrupts.ts";
import { addMembers } from "./devnet-members.ts";
import { ModuleWatch, modulesOfDevnet, type WatchedModule } from "./devnet-modules.ts";
import { nodeTable, summarizeNetwork, troublesOf } from "./devnet-monitor.ts";
import { addPartition } from "./devnet-partition.ts";
import {
  DEVNET_ACCOUNTS_MAX,
  type DevnetNode,
  type DevnetOrigin,
  type DevnetPlan,
  loadDevnet,
  planDevnet,
  prepareDevnet,
  removeDevnet,
  SEED_LENGTH_MAX,
  SPACING_MAX,
  SPARES_MAX,
} from "./devnet-plan.ts";
import {
  type DevnetSettings,
  EMPTY_BLOCKS_MS,
  HASHES_OF_ALL,
  idleVariables,
  P2P_PORT_BASE,
  PORT_BASE,
} from "./devnet-settings.ts";
import { lockDevnet, Supervisor } from "./devnet-supervisor.ts";

interface DevnetOptions {
  readonly consensus: ConsensusName;
  /** How many nodes there shall be; a few if it is left out. */
  readonly validators?: number;
  readonly accounts: number;
  readonly balance: bigint;
  readonly blockTime?: number;
  readonly emptyBlocks?: number;
  readonly hashLimit?: number;
  readonly epochLength?: number;
  readonly senders?: readonly string[];
  readonly admins?: readonly string[];
  readonly spares?: number;
  readonly portBase?: number;
  readonly p2pPortBase?: number;
  readonly seed: string;
  readonly devnet: string;
  readonly module?: readonly string[];
  readonly reset?: boolean;
  readonly open?: boolean;
  readonly logLevel?: string;
}

interface DirOptions {
  readonly devnet: string;
}

const SPACING_MS = 5_000;

export function addDevnet(program: Command): void {
  const devnet = leaf<DevnetOptions>(
    program,
    "devnet",
    "run a whole network on this machine: real nodes, funded accounts",
    declareDevnet,
    ({ out, options }) => runDevnet(out, options),
  );
  for (const action of NODE_ACTIONS) {
    leaf<DirOptions>(
      devnet,
      `${action} <node>`,
      ACTION_HELP[action],
      withDir,
      ({ out, options, args: [node] }) => actOn(out, options.devnet, action, node),
    );
  }
  addPartition(devnet, withDir);
  addMembers(devnet, withDir);
  leaf<DirOptions>(
    devnet,
    "status",
    "show every node of the running devnet; exit code 1 if one ended or stopped voting by itself",
    withDir,
    async ({ out, options }) => {
      const report = await askDevnet<DevnetReport>(options.devnet, "GET", "/status");
      const troubles = troublesOf(report);
      const lines = troubles.map((line) => `${out.cross} ${line}`);
      out.result(report, [...lines, ...nodeTable(out, report), ...summarizeNetwork(out, report)]);
      if (troubles.length > 0) throw new Finished(EXIT.failedCheck);
    },
  );
  leaf<DirOptions>(devnet, "accounts", "list the accounts with their secrets", withDir, ({ out, options }) =>
    listAccounts(out, planDevnet(valueOrThrow(loadDevnet(options.devnet)))),
  );
  leaf<DirOptions>(devnet, "stop", "stop the running devnet", withDir, async ({ out, options }) => {
    const answer = await askDevnet(options.devnet, "POST", "/stop");
    out.result(answer, `${out.tick} devnet stopped`);
  });
}

const ACTION_HELP: Record<NodeAction, string> = {
  kill: "SIGKILL a node, as a power cut would",
  pause: "SIGSTOP a node: it hangs but keeps its connections",
  resume: "let a paused node go on",
  restart: "start a node again and wait until it has caught up",
};

function withDir(command: Command): Command {
  return command
    .option("--devnet <dir>", "folder of the devnet", DEFAULT_DEVNET_DIR)
    .addOption(new RenamedOption("--dir <dir>", "--devnet"));
}

function declareDevnet(command: Command): Command {
  return withDir(command)
    .addOption(
      new Option("--consensus <name>", "pbft: validators agree; pow: every node mines")
        .choices(CONSENSUS_NAMES)
        .default("pbft"),
    )
    .option(
      "-n, --validators <n>",
      "nodes: validators (default: 4), or miners (default: 3)",
      integer(1, Math.min(VALIDATORS_MAX, 64)),
    )
    .option("--accounts <n>", "funded accounts", integer(0, DEVNET_ACCOUNTS_MAX), 10)
    .addOption(withDefault("--balance <amount>", "balance of each account", amount, [1_000_000n, "1000000"]))
    .option(
      "--block-time <duration>",
      "pbft: least time between blocks (default: 0, as soon as there is work); pow: the time to aim at, whole seconds (default: 5s)",
      duration,
    )
    .option(
      "--empty-blocks <duration>",
      "pbft: an empty block after this long without work (default: 0, never; with --epoch-length 500ms, or an idle chain would never reach the end of an epoch)",
      duration,
    )
    .option(
      "--hash-limit <n>",
      `pow: hashes a second of each miner (default: ${HASHES_OF_ALL} shared among them)`,
      integer(1, 1_000_000_000),
    )
    .option(
      "--epoch-length <n>",
      "pbft: heights of an epoch, a multiple of 16 from 32: the validators may change (quorate devnet add, remove, rotate)",
      integer(2, EPOCH_LENGTH_MAX),
    )
    .option("--spares <n>", "with --epoch-length: more nodes, which may be voted in", integer(0, SPARES_MAX))
    .option(
      "--senders <a,b,...>",
      "with --epoch-length: only these accounts, by name or address, and those of validators may send",
      list,
    )
    .option("--admins <a,b,...>", "with --epoch-length: accounts that may let others send", list)
    .option(
      "--port-base <port>",
      `JSON-RPC port of node 0, the others follow (default: ${PORT_BASE})`,
      integer(1, 65_000),
    )
    .option(
      "--p2p-port-base <port>",
      `p2p port of node 0, the others follow (default: ${P2P_PORT_BASE})`,
      integer(1, 65_000),
    )
    .option(
      "--module <file>",
      "the source of a module of your own; may be repeated (docs/modules.md)",
      collect,
    )
    .option("--seed <text>", "all keys follow from it", "dev")
    .option("--log-level <levels>", 'what every node logs, such as "info,pbft=debug"')
    .option("--open", "open the explorer in the browser when the devnet is ready")
    .option("--reset", "delete the devnet in the folder and start over");
}

/** Where the source of a module changes, the devnet begins anew with it: another module is another chain. */
async function runDevnet(out: Output, options: DevnetOptions): Promise<void> {
  let ended = await runOnce(out, options);
  while (ended === "module-changed") ended = await runOnce(out, { ...options, reset: true, open: false });
  out.note("devnet stopped");
}

async function runOnce(out: Output, options: DevnetOptions): Promise<"stopped" | "module-changed"> {
  const started = performance.now();
  if (options.seed.length < 1 || options.seed.length > SEED_LENGTH_MAX) {
    throw badInput(`--seed: expected 1 to ${SEED_LENGTH_MAX} characters`);
  }
  if (options.logLevel !== undefined && parseLogLevels(options.logLevel) === undefined) {
    throw badInput(
      `--log-level: expected levels such as "info" or "info,pbft=debug", found "${options.logLevel}"`,
    );
  }
  const lock = lockDevnet(options.devnet);
  let prepared: Prepared;
  try {
    prepared = await prepare(options);
  } catch (error) {
    lock.release();
    throw error;
  }
  const { origin, plan, nodes, resumed, modules } = prepared;
  for (const variable of idleVariables(process.env)) {
    out.warn(`${variable} does nothing here: it is of one node, and stands in the config.toml of each`);
  }
  if (resumed) out.note(`going on with the devnet in ${options.devnet} (--reset starts over)`);
  const show = new Display(out, devnetFlag(options.devnet));
  const supervisor = new Supervisor(
    {
      ...{ dir: options.devnet, nodes, voters: plan.genesis.validators.length },
      votersChange: origin.epochLength !== undefined,
    },
    { lock, exited: (process) => show.exited(process) },
  );
  const interrupts = new Interrupts(supervisor, () => {
    show.pause();
    out.note(["", "stopping all nodes (again to kill them)"]);
  });
  await supervisor.start();
  const watch = new ModuleWatch(modules, {
    refused: (detail) => {
      show.pause();
      out.warn([...detail, "the devnet goes on with the module as it was"]);
    },
    changed: (name) => {
      show.pause();
      out.note(`${name} changed: starting a fresh chain with it`);
      void supervisor.stop();
    },
  });
  try {
    const readyMs = Math.round(performance.now() - started);
    const report = await supervisor.report();
    const balances = await currentBalances(report, plan);
    out.result(
      describeForMachines(origin, plan, report, readyMs),
      introduce(out, options, {
        ...{ origin, nodes, plan, report, readyMs, balances },
        explorerUrl: supervisor.explorerUrl(),
      }),
    );
    if (options.open) await openExplorer(out, supervisor.explorerUrl());
    await show.follow(supervisor);
  } catch (error) {
    await supervisor.stop();
    throw error;
  } finally {
    watch.end();
  }
  interrupts.end();
  return watch.hasChanged ? "module-changed" : "stopped";
}

interface Prepared {
  readonly origin: DevnetOrigin;
  readonly plan: DevnetPlan;
  readonly nodes: readonly DevnetNode[];
  readonly resumed: boolean;
  readonly modules: readonly WatchedModule[];
}

/** What the options say, with what each consensus has in place of those that are left out. */
function settle(options: DevnetOptions): { origin: DevnetOrigin; settings: DevnetSettings } {
  const { seed, accounts, balance, portBase, p2pPortBase, logLevel } = options;
  const mined = options.consensus === "pow";
  if (mined && options.emptyBlocks !== undefined)
    throw badInput("--empty-blocks: for --consensus pbft alone");
  if (!mined && options.hashLimit !== undefined) throw badInput("--hash-limit: for --consensus pow alone");
  const { epochLength, spares, validators = mined ? MINED_DEVNET.miners : DEVNET.validators } = options;
  if (mined && (epochLength ?? spares) !== undefined)
    throw badInput("--epoch-length and --spares: for --consensus pbft alone");
  if (epochLength === undefined && spares !== undefined)
    throw badInput(
      "--spares: nodes that may be voted in, where the validators may change: say --epoch-length too",
    );
  const { senders, admins } = options;
  const roles = { ...(senders && { senders }), ...(admins && { admins }) };
  if (epochLength === undefined && (senders ?? admins) !== undefined)
    throw badInput("--senders and --admins: roles are changed by votes: say --epoch-length too");
  const epochs = epochLength === undefined ? {} : { epochLength, spares: spares ?? 0, ...roles };
  const origin = { seed, validators, accounts, balance, ...epochs };
  const common = { portBase, p2pPortBase, logLevel };
  if (!mined) {
    const { blockTime: blockTimeMs, emptyBlocks: emptyBlocksMs = epochLength && EMPTY_BLOCKS_MS } = options;
    return { origin, settings: { ...common, blockTimeMs, emptyBlocksMs } };
  }
  const { blockTime = SPACING_MS, hashLimit } = options;
  if (blockTime % 1_000 !== 0 || blockTime < 1_000 || blockTime > 1_000 * SPACING_MAX) {
    throw badInput(`--block-time: miners aim at 1 to ${SPACING_MAX} whole seconds, such as "5s"`);
  }
  return { origin: { ...origin, spacing: blockTime / 1_000 }, settings: { ...common, hashLimit } };
}

async function prepare(options: DevnetOptions): Promise<Prepared> {
  const { devnet: dir } = options;
  const { origin, settings } = settle(options);
  if (options.reset) removeDevnet(dir);
  const { plan, files, watched } = await modulesOfDevnet(dir, options.module ?? [], planDevnet(origin));
  const prepared = prepareDevnet(dir, origin, plan, settings, process.env, files);
  return { origin, plan, modules: watched, ...valueOrThrow(prepared) };
}

function describeForMachines(
  origin: DevnetOrigin,
  { genesis, accounts }: DevnetPlan,
  report: DevnetReport,
  readyMs: number,
) {
  return {
    version: packageVersion(),
    seed: origin.seed,
    chainId: Number(genesis.chainId),
    genesisHash: showHash(computeGenesisHash(genesis)),
    ...report,
    explorer: `${report.nodes[0]?.rpcUrl}/explorer`,
    accounts: accounts.map(showAccount),
    readyMs,
  };
}

function showAccount({ name, address, balance, seed }: DevnetPlan["accounts"][number]) {
  return { name, address: hex0x(address), balance: balance.toString(), secret: hex0x(seed) };
}

function listAccounts(out: Output, { accounts }: DevnetPlan): void {
  out.warn("dev only: these keys are public, never use them on a real network");
  const shown = accounts.map(showAccount);
  const text = shown.flatMap(({ name, address, balance, secret }) => [
    `  ${name}  balance at genesis ${balance}`,
    `    address ${address}`,
    `    secret  ${secret}`,
  ]);
  out.result({ accounts: shown }, text);
}

async function actOn(out: Output, dir: string, action: NodeAction, node: string): Promise<void> {
  const index = Number(/^(?:node)?([0-9]{1,3})$/.exec(node)?.[1] ?? Number.NaN);
  if (Number.isNaN(index)) throw badInput(`expected a node's number such as 0, found "${node}"`);
  const started = performance.now();
  const report = await askDevnet<NodeReport>(dir, "POST", `/nodes/${index}/${action}`);
  const took = action === "restart" ? ` in ${showDuration(performance.now() - started)}` : "";
  const height = report.height === null ? "" : `  height ${report.height}`;
  out.result(report, `${out.tick} ${report.name} ${report.state}${took}${height}`);
}
