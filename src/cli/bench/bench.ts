/**
 * `quorate bench`: what this machine gets out of a network of real nodes or of a miner, beside what it could get at
 * most, measured in the same run. docs/benchmarks.md says what each figure means.
 *
 * This folder: `quorate bench`, a file for each benchmark. Not here: loads and probes (tools/bench).
 */
import { Command, Option } from "commander";
import { MINING_THREADS_MAX, POOL_TRANSACTIONS_CEILING, VALIDATORS_MAX } from "../../base/limits.ts";
import type { EpochChainOptions } from "../../tools/bench/epoch-chain-cost.ts";
import type { GrowthOptions } from "../../tools/bench/growth.ts";
import type { LengthOptions } from "../../tools/bench/length-cost.ts";
import { duration, integer, list, percent } from "../arguments.ts";
import { group, leaf } from "../command.ts";
import { DEVNET_ACCOUNTS_MAX } from "../devnet/devnet-plan.ts";
import { type AdmissionOptions, runAdmission } from "./bench-admission.ts";
import { runSuite, type SuiteOptions } from "./bench-all.ts";
import { runAllocation } from "./bench-allocation.ts";
import { type ConnectOptions, runConnect } from "./bench-connect.ts";
import { type CostRequest, runCost } from "./bench-cost.ts";
import { runEpochs } from "./bench-epochs.ts";
import { type BenchEventsOptions, runEvents } from "./bench-events.ts";
import { runGrowth, runLength } from "./bench-growth.ts";
import { type LatencyOptions, runLatency } from "./bench-latency.ts";
import { type MiningOptions, runMining } from "./bench-mining.ts";
import { type BenchModulesOptions, runModules } from "./bench-modules.ts";
import { type OverloadOptions, runOverload } from "./bench-overload.ts";
import { type BenchStartOptions, runStart } from "./bench-start.ts";
import { type BenchStateOptions, runState } from "./bench-state.ts";
import { runSync, type SyncOptions } from "./bench-sync.ts";
import { runThroughput, type ThroughputRequest } from "./bench-throughput.ts";
import { type BenchVerifyOptions, runVerify } from "./bench-verify.ts";
import { readValidators, SUITE_VALIDATORS } from "./suite-plan.ts";

/** The log window of a benchmark's genesis, where it has few validators. */
const PIPELINE_DEPTH_MAX = 32;
const VALIDATORS_BENCH_MAX = Math.min(VALIDATORS_MAX, 64);

export function addBench(program: Command): void {
  const bench = group(program, "bench", "measure what nodes do on this machine");
  // Declared aside, because only addCommand can make a command the default one.
  const aside = new Command();
  const throughput = leaf<ThroughputRequest>(
    aside,
    "throughput",
    "committed transfers a second, beside what the processors could verify (the default)",
    declareThroughput,
    ({ out, options }) => runThroughput(out, options),
  );
  bench.addCommand(throughput.copyInheritedSettings(bench), { isDefault: true });
  leaf<LatencyOptions>(
    bench,
    "latency",
    "from sending one transfer to its finality, beside what disk and loopback cost",
    declareLatency,
    ({ out, options }) => runLatency(out, options),
  );
  leaf<OverloadOptions>(
    bench,
    "overload",
    "what is committed, refused and recovered when twice as much is offered as the network takes",
    declareOverload,
    ({ out, options }) => runOverload(out, options),
  );
  addNetworkless(bench);
}

/** Those that need no network of nodes. */
function addNetworkless(bench: Command): void {
  leaf<MiningOptions>(
    bench,
    "mining",
    "hashes a second of a mining thread, beside the machine's own SHA-256",
    (command) =>
      command
        .option("--threads <n>", "threads that mine", integer(1, MINING_THREADS_MAX), 1)
        .option("--seconds <n>", "seconds that are measured", integer(1, 600), 3),
    ({ out, options }) => runMining(out, options),
  );
  leaf<BenchModulesOptions>(
    bench,
    "modules",
    "processor time of a module's call, beside a built-in transfer that does the same",
    (command) =>
      command
        .option("--rounds <n>", "blocks of each, in turns", integer(1, 1_000), 21)
        .option("--per-block <n>", "transactions of a block", integer(1, 1_000), 500),
    ({ out, options }) => runModules(out, options),
  );
  leaf<ConnectOptions>(
    bench,
    "connect",
    "transactions a second when whole blocks are checked and executed, beside what one core verifies",
    (command) =>
      command
        .option("--blocks <n>", "blocks that are connected", integer(1, 1_000), 20)
        .option("--transfers <n>", "transfers in each block", integer(1, 5_000), 1_000),
    ({ out, options }) => runConnect(out, options),
  );
  leaf<SuiteOptions>(
    bench,
    "all",
    "every benchmark in turn, round after round, with their spread, as JSON and as a page",
    declareSuite,
    ({ out, options }) => runSuite(out, options),
  );
  leaf<BenchStateOptions>(
    bench,
    "state",
    "processor time of a changed account in the state tree, by the number of accounts",
    (command) =>
      command
        .option("--accounts <n,...>", "numbers of accounts", accountCounts, [10_000, 100_000, 1_000_000])
        .option("--rounds <n>", "rounds of 1,000 changes at each size", integer(1, 1_000), 30),
    ({ out, options }) => runState(out, options),
  );
  addLengths(bench);
  addProcessorTime(bench);
}

/** Those that play a chain into a database, and the one that makes chains of epochs. */
function addLengths(bench: Command): void {
  leaf<EpochChainOptions>(
    bench,
    "epochs",
    "bytes and processor time of following the validators through epochs, from the genesis alone",
    (command) =>
      command
        .option("-n, --validators <n>", "validators", integer(1, VALIDATORS_BENCH_MAX), 4)
        .option("--epochs <n,...>", "numbers of epochs, ascending", epochCounts, [1, 10, 100, 1_000])
        .option(
          "--replace-every <n>",
          "a key is replaced each so many epochs; 0: never",
          integer(0, 1_000),
          1,
        ),
    ({ out, options }) => runEpochs(out, options),
  );
  const declarePlayed = (command: Command, transfers: number) =>
    command
      .option("--transfers <n>", "transfers in each block", integer(0, 5_000), transfers)
      .option("--accounts <n>", "accounts that pay each other", integer(2, DEVNET_ACCOUNTS_MAX), 1_000)
      .option("--mined", "a chain of mined blocks instead of an alliance's");
  leaf<GrowthOptions>(
    bench,
    "growth",
    "disk that a chain takes for a million transactions, as an archive and pruned",
    (command) =>
      declarePlayed(command, 200)
        .option("--blocks <n>", "blocks that are played", integer(2, 1_000_000), 1_000)
        .option("--keep-blocks <n>", "bodies that the pruned database keeps", integer(1, 1_000_000), 100),
    ({ out, options }) => runGrowth(out, options),
  );
  leaf<LengthOptions>(
    bench,
    "length",
    "processor time of a block, by the number of blocks below it",
    (command) =>
      declarePlayed(command, 10)
        .option("--lengths <n,...>", "numbers of blocks, ascending", chainLengths, [1_000, 10_000])
        .option("--measured <n>", "blocks at each", integer(1, 10_000), 200),
    ({ out, options }) => runLength(out, options),
  );
}

/** Those that count processor time, and the one that fetches blocks. */
function addProcessorTime(bench: Command): void {
  leaf<CostRequest>(
    bench,
    "cost",
    "processor time that a transfer costs all validators, in one process and without a network",
    declareCost,
    ({ out, options }) => runCost(out, options),
  );
  leaf<CostRequest>(
    bench,
    "allocation",
    "bytes of heap that a transfer makes all validators allocate, beside decoding it once at each",
    declareCost,
    ({ out, options }) => runAllocation(out, options),
  );
  leaf<BenchVerifyOptions>(
    bench,
    "verify",
    "signatures a second judged together, beside one by one",
    (command) =>
      command.option("--rounds <n>", "rounds of 0.1 s for each size of batch", integer(1, 1_000), 10),
    ({ out, options }) => runVerify(out, options),
  );
  leaf<AdmissionOptions>(
    bench,
    "admission",
    "transfers a second that the pool admits, beside verifying their signatures alone",
    declareAdmission,
    ({ out, options }) => runAdmission(out, options),
  );
  leaf<BenchEventsOptions>(
    bench,
    "events",
    "events a second that a node's core replays to a reader, beside reading and sending them alone",
    (command) =>
      command
        .option("--events <n>", "events that are replayed", integer(1_000, 10_000_000), 200_000)
        .option("--per-block <n>", "events of a block, one a transaction", integer(1, 5_000), 100),
    ({ out, options }) => runEvents(out, options),
  );
  leaf<BenchStartOptions>(
    bench,
    "start",
    "from spawning a node until it answers, and its memory, beside a bare process of Node",
    (command) =>
      command
        .option("--blocks <n>", "blocks of the home with a chain", integer(1, 1_000_000), 5_000)
        .option("--starts <n>", "starts of each, in turns", integer(1, 100), 5)
        .option(
          "--in <dir>",
          "where the temporary folder of the nodes is made (default: the system's place)",
        ),
    ({ out, options }) => runStart(out, options),
  );
  leaf<SyncOptions>(
    bench,
    "sync",
    "empty blocks a second that a new node fetches from another, beside importing them without a network",
    (command) =>
      command
        .option("--blocks <n>", "blocks that the new node fetches", integer(100, 1_000_000), 10_000)
        .option(
          "--in <dir>",
          "where the temporary folder of the nodes is made (default: the system's place)",
        ),
    ({ out, options }) => runSync(out, options),
  );
}

function threadOption(): Option {
  return new Option("--verification-thread <use>", "the nodes' setting verification.thread")
    .choices(["auto", "on", "off"])
    .default("auto");
}

function depthOption(): Option {
  return new Option("--pipeline-depth <n>", "heights in agreement at once at most, of the genesis")
    .argParser(integer(1, PIPELINE_DEPTH_MAX))
    .default(1);
}

function declareNetwork(command: Command): Command {
  return command
    .option("-n, --validators <n>", "validators", integer(1, VALIDATORS_BENCH_MAX), 4)
    .option("--block-time <duration>", "least time between blocks", duration, 0)
    .addOption(depthOption())
    .option("--delay <duration>", "delay between any two nodes, in each direction", duration, 0)
    .option("--loss <percent>", "lost segments of a hundred between any two nodes", percent, 0)
    .addOption(threadOption())
    .option("--runs <n>", "repetitions; the figures are medians", integer(1, 100), 1)
    .option("--keep", "leave that folder, with the logs and data of the nodes")
    .option("--in <dir>", "where the temporary folder of the nodes is made (default: the system's place)");
}

function declareThroughput(command: Command): Command {
  return declareNetwork(command)
    .option(
      "--accounts <n>",
      "accounts that send (default: 400, or as many as hold what is outstanding)",
      integer(1, DEVNET_ACCOUNTS_MAX),
    )
    .option("--seconds <n>", "seconds that are measured, after the warm-up", integer(1, 600), 15)
    .option("--warm-up <n>", "seconds before it", integer(0, 600), 5)
    .option("--batch <n>", "transfers in one JSON-RPC request", integer(1, 100), 100)
    .option("--outstanding <n>", "transfers sent and not final at most", integer(1, 15_000), 3_000)
    .option(
      "--rate <n>",
      "transfers offered a second (default: as fast as they become final)",
      integer(1, 1_000_000),
    );
}

function declareLatency(command: Command): Command {
  return declareNetwork(command)
    .option("--transfers <n>", "transfers to time, one after the other", integer(10, 100_000), 400)
    .option("--warm-up <n>", "transfers before them, which are not counted", integer(0, 100_000), 100);
}

function declareOverload(command: Command): Command {
  return command
    .option("-n, --validators <n>", "validators", integer(1, VALIDATORS_BENCH_MAX), 4)
    .addOption(threadOption())
    .option("--factor <n>", "so many times what the network takes is offered", integer(2, 20), 2)
    .option(
      "--rate <n>",
      "transfers a second that the network takes (default: measured)",
      integer(1, 1_000_000),
    )
    .option("--seconds <n>", "seconds of each phase but the last", integer(5, 600), 20)
    .option("--warm-up <n>", "seconds before the first", integer(0, 600), 10)
    .option(
      "--recovery <n>",
      "seconds after the overload within which all must be as before",
      integer(5, 600),
      60,
    )
    .option("--batch <n>", "transfers in one JSON-RPC request at most", integer(1, 100), 100)
    .option(
      "--outstanding <n>",
      "transfers sent and not final, while the rate is measured",
      integer(1, 15_000),
      2_000,
    )
    .option("--accounts <n>", "accounts that send", integer(100, DEVNET_ACCOUNTS_MAX), 8_000)
    .option("--keep", "leave that folder, with the logs and data of the nodes")
    .option("--in <dir>", "where the temporary folder of the nodes is made (default: the system's place)");
}

function declareCost(command: Command): Command {
  return command
    .option("-n, --validators <n>", "validators", integer(1, VALIDATORS_BENCH_MAX), 4)
    .option("--transfers <n>", "transfers that are measured", integer(100, 1_000_000), 20_000)
    .option("--warm-up <n>", "transfers before them", integer(0, 1_000_000), 10_000)
    .option("--batch <n>", "transfers in one JSON-RPC request", integer(1, 100), 100)
    .option("--outstanding <n>", "transfers sent and not final at most", integer(1, 30_000), 2_000)
    .option("--per-block <n>", "transfers of a block at most, of the genesis", integer(1, 5_000), 5_000)
    .addOption(depthOption())
    .option(
      "--accounts <n>",
      "accounts that send (default: 400, or as many as hold what is outstanding)",
      integer(1, DEVNET_ACCOUNTS_MAX),
    )
    .option("--in <dir>", "where the temporary folder is made (default: the system's place)");
}

function declareAdmission(command: Command): Command {
  const batch = integer(1, 5_000);
  const held = integer(0, POOL_TRANSACTIONS_CEILING);
  const each = (parse: (text: string) => number) => (text: string) => list(text).map(parse);
  return command
    .option("--batches <n,...>", "how many transfers come together", each(batch), [1, 16, 100, 400])
    .option("--held <n,...>", "how many the pools hold before", each(held), [0, 1_000, 10_000, 50_000])
    .option("--transfers <n>", "transfers of each slice", integer(1, 100_000), 800)
    .option("--rounds <n>", "rounds of one slice of each", integer(1, 1_000), 10);
}

const accountCount = integer(1_000, 10_000_000);
const accountCounts = (text: string): number[] => list(text).map(accountCount);

const epochCount = integer(1, 10_000);
const epochCounts = (text: string): number[] => list(text).map(epochCount);
const chainLength = integer(0, 10_000_000);
const chainLengths = (text: string): number[] => list(text).map(chainLength);

const validatorCount = integer(1, VALIDATORS_BENCH_MAX);
const validatorCounts = (text: string) => readValidators(text, validatorCount);

function declareSuite(command: Command): Command {
  return command
    .option("--rounds <n>", "how often all benchmarks are run, one after the other", integer(1, 100), 3)
    .option(
      "--validators <n,...>",
      "numbers of validators of the networks",
      validatorCounts,
      SUITE_VALIDATORS,
    )
    .option("--only <names>", "these benchmarks or groups of them, by commas (default: all)", list)
    .option("--save <file>", "write the figures there, as JSON")
    .option("--compare <file>", "figures that were saved before, to be shown beside these")
    .option("--report <file>", "write a page with charts there");
}
