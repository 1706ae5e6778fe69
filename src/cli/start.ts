/**
 * `quorate start`: runs one node in the foreground until it is told to stop. SIGINT and SIGTERM stop it gracefully
 * once and at once the second time. Under a devnet (an IPC channel to the parent) the terminal's SIGINT is left to
 * the parent, and the parent's death stops the node.
 */
import { type Command, Option } from "commander";
import { hex0x } from "../base/bytes.ts";
import { loadConfig } from "../node/config.ts";
import { type Home, homePaths, openHome } from "../node/home.ts";
import type { RunningNode } from "../node/node.ts";
import { parsePeerAddress } from "../node/peersfile.ts";
import type { StartError } from "../node/starterror.ts";
import { collect, list } from "./arguments.ts";
import { dirOption, leaf } from "./command.ts";
import { DEFAULT_DEVNET_DIR } from "./devnetdir.ts";
import { badInput, CliError, EXIT, must } from "./exit.ts";
import { resolveAddress } from "./names.ts";
import type { Output } from "./output.ts";
import { guardProcess } from "./processboundary.ts";

interface StartOptions {
  readonly dir: string;
  readonly mode?: string;
  /** How many threads, or just so. */
  readonly mine?: string | true;
  readonly coinbase?: string;
  readonly minFee?: string;
  readonly hashLimit?: string;
  readonly rpcHost?: string;
  readonly rpcPort?: string;
  readonly p2pHost?: string;
  readonly p2pPort?: string;
  readonly peer?: readonly string[];
  readonly cutOff?: readonly string[];
  readonly logLevel?: string;
}

export function addStart(program: Command): void {
  leaf<StartOptions>(
    program,
    "start",
    "run the node of a folder until it is stopped",
    (command) =>
      command
        .addOption(dirOption())
        .option("--mode <mode>", "validator, miner or full")
        .option("--mine [threads]", "mine (mode miner), with one thread or so many")
        .option("--coinbase <address>", "account that is paid for mined blocks: 0x…, a name or a key file")
        .option("--hash-limit <n>", "hashes a second of all threads at most; 0: as many as they can")
        .option("--min-fee <amount>", "least fee that this node takes into its pool, where blocks are mined")
        .option("--rpc-host <host>", "where JSON-RPC listens")
        .option("--rpc-port <port>", "of JSON-RPC; 0 takes a free one")
        .option("--p2p-host <host>", "where other nodes connect")
        .option("--p2p-port <port>", "for other nodes; 0 takes a free one")
        .option("--peer <multiaddr>", "a node to connect to, besides peers.json; repeatable", collect)
        // For `quorate devnet`, whose restarted nodes keep their side of a partition.
        .addOption(new Option("--cut-off <names>").argParser(list).hideHelp())
        .option("--log-level <levels>", 'such as "info" or "info,pbft=debug"'),
    ({ out, options }) => runNode(out, options),
  );
}

async function runNode(out: Output, options: StartOptions): Promise<void> {
  const home = must(openHome(options.dir));
  const { config } = must(
    loadConfig({
      file: home.configText,
      environment: process.env,
      flags: {
        mode: modeOf(options),
        "mining.threads": options.mine === true ? undefined : options.mine,
        "mining.coinbase": await coinbaseOf(options),
        "mining.hash_limit": options.hashLimit,
        "mempool.min_fee": options.minFee,
        "rpc.host": options.rpcHost,
        "rpc.port": options.rpcPort,
        "p2p.host": options.p2pHost,
        "p2p.port": options.p2pPort,
        "log.level": options.logLevel,
      },
    }),
  );
  const blockedPeers = peerIdsOf(options.cutOff ?? [], home);
  const extraPeers = (options.peer ?? []).map((text) => must(parsePeerAddress(text)));
  // Loaded here, so that what is wrong with the home is said at once.
  const { startNode } = await import("../node/node.ts");
  const stopping = new StopSignal();
  let node: RunningNode;
  try {
    const onFatal = (error: unknown) => stopping.fail(error);
    node = await startNode({ home, config, extraPeers, blockedPeers, onFatal });
  } catch (error) {
    throw startFailure(error);
  }
  guardProcess(node.networkFailed);
  const { rpcUrl, p2pAddresses, genesisHash } = node;
  out.result(
    { rpcUrl, p2pAddresses, genesisHash, height: Number(node.height()), mode: config.mode, pid: process.pid },
    [
      `${config.name} (${config.mode}) at height ${node.height()}, genesis ${genesisHash}`,
      `  rpc   ${rpcUrl}`,
      `  p2p   ${p2pAddresses.join("  ")}`,
      `  logs  ${homePaths(options.dir).logFile}`,
    ].join("\n"),
  );
  const failure = await stopping.requested;
  if (failure !== undefined) {
    throw new CliError(EXIT.broken, "STOPPED", `the node had to stop: ${failure.message}`, {
      cause: failure,
    });
  }
  await node.stop();
  out.note(`stopped at height ${node.height()}`);
}

function modeOf({ mode, mine }: StartOptions): string | undefined {
  if (mine === undefined) return mode;
  if (mode !== undefined && mode !== "miner")
    throw badInput(`--mine is mode miner: leave out --mode ${mode}`);
  return "miner";
}

/** A name stands for a key in the home, or for an account of the devnet here. */
async function coinbaseOf({ coinbase, dir }: StartOptions): Promise<string | undefined> {
  if (coinbase === undefined || coinbase.startsWith("0x")) return coinbase;
  return hex0x((await resolveAddress(coinbase, { dir, devnet: DEFAULT_DEVNET_DIR })).address);
}

/** Names of validators and known peers as peer ids; a drill that only a dev chain allows. */
function peerIdsOf(names: readonly string[], { genesis, peers }: Home): string[] {
  if (names.length > 0 && genesis.profile !== "dev") throw badInput("--cut-off: only on a dev chain");
  const known = [...genesis.validators, ...peers].filter(({ name }) => names.includes(name));
  return [...new Set(known.map(({ peerId }) => peerId))];
}

/** Resolves once: by a signal or the parent's death with undefined, by the node's own failure with its reason. */
class StopSignal {
  readonly requested: Promise<Error | undefined>;
  #resolve!: (failure: Error | undefined) => void;
  #asked = false;

  constructor() {
    this.requested = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const supervised = process.channel !== undefined;
    process.on("SIGTERM", () => this.#ask());
    process.on("SIGHUP", () => this.#ask());
    process.on("SIGINT", () => {
      if (!supervised) this.#ask();
    });
    // Once, because a signal may follow the parent's death without meaning "at once".
    if (supervised) process.once("disconnect", () => this.#resolve(undefined));
    // The channel alone must not keep a stopped node's process alive.
    process.channel?.unref();
  }

  fail(error: unknown): void {
    this.#resolve(error instanceof Error ? error : new Error(String(error)));
  }

  #ask(): void {
    if (this.#asked) process.exit(EXIT.broken);
    this.#asked = true;
    this.#resolve(undefined);
  }
}

/** Errors of the node's parts say what to do already; here they get their exit code. */
function startFailure(error: unknown): Error {
  const reason = error instanceof Error ? error : new Error(String(error));
  if (isStartError(reason)) {
    const exitCode = reason.code === "locked" ? EXIT.busy : EXIT.badInput;
    const code = reason.code.toUpperCase().replaceAll("-", "_");
    return new CliError(exitCode, code, reason.message, { cause: reason });
  }
  if (hasCause(reason, "EADDRINUSE")) {
    const message = `${reason.message} (--rpc-port, --p2p-port, or the keys rpc.port and p2p.port of config.toml)`;
    return new CliError(EXIT.busy, "PORT_IN_USE", message, { cause: reason });
  }
  if (hasCause(reason, "LEVEL_LOCKED")) {
    return new CliError(EXIT.busy, "LOCKED", reason.message, { cause: reason });
  }
  return reason;
}

/** By name, because the class is loaded with the node alone. */
function isStartError(error: Error): error is StartError {
  return error.name === "StartError";
}

/** Whether a system error code stands anywhere among an error's causes, as a code or in the words. */
function hasCause(error: unknown, code: string): boolean {
  if (!(error instanceof Error)) return false;
  const inner = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  const own = (error as NodeJS.ErrnoException).code === code || error.message.includes(code);
  return own || [error.cause, ...inner].some((cause) => hasCause(cause, code));
}
