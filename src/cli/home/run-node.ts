/**
 * A node in the foreground. SIGINT and SIGTERM stop it gracefully once and at once the second time. Under a devnet (an
 * IPC channel to the parent) the terminal's SIGINT is left to the parent, and the parent's death stops the node.
 * SIGHUP opens the log file anew and reads peers.json again.
 */
import { resolve } from "node:path";
import { shellWord } from "../../base/shell-word.ts";
import { type Config, loadConfig } from "../../node/home/config.ts";
import { type Home, homePaths, openHome } from "../../node/home/home.ts";
import type { Unlock } from "../../node/home/key-file.ts";
import { parsePeerAddress } from "../../node/home/peers-file.ts";
import type { StartError } from "../../node/home/start-error.ts";
import { acceptTransitions, startUnder } from "../../node/home/transition-files.ts";
import type { RunningNode } from "../../node/node.ts";
import { StateDivergence } from "../../node/state-divergence.ts";
import { FalseSnapshot } from "../../node/stored-chain/history-check.ts";
import type { MigrationPorts } from "../../node/stored-chain/migrate-database.ts";
import { startBar } from "../bar.ts";
import { linkToDevnet } from "../devnet/devnet-link.ts";
import { badInput, CliError, diskError, EXIT, valueOrThrow } from "../exit.ts";
import type { Output } from "../output.ts";
import { guardProcess } from "../process-boundary.ts";
import { settingsOf } from "../setting-flags.ts";
import { outliveReader } from "../terminal.ts";
import { limitHeapGrowth } from "./heap-growth.ts";
import { type PasswordOptions, type PinOptions, tokenPin, unlockKeys } from "./passwords.ts";

export interface StartOptions extends PasswordOptions, PinOptions {
  readonly dir: string;
  readonly peer?: readonly string[];
  readonly cutOff?: readonly string[];
  readonly moved?: boolean;
  readonly networkHome?: boolean;
  readonly recoverAmnesia?: boolean;
  readonly transition?: readonly string[];
  readonly snapshot?: boolean;
  /** Folder of the devnet that runs this node. */
  readonly devnetDir?: string;
}

/**
 * Runs the node of a folder until it is stopped.
 * @param whileRunning is begun when the node runs, and told when it stops
 */
export async function runNode(
  out: Output,
  options: StartOptions,
  whileRunning?: (node: RunningNode, stopping: AbortSignal) => Promise<void>,
): Promise<void> {
  outliveReader();
  limitHeapGrowth();
  const unlock = await unlockHome(options);
  const home = valueOrThrow(openHome(options.dir, unlock));
  const { config, skipped, origins } = valueOrThrow(
    loadConfig({
      file: home.configText,
      environment: process.env,
      flags: await settingsOf(options, options.dir),
    }),
  );
  if (skipped !== undefined) out.warn(skipped);
  const pin = config.mode === "validator" ? await pinOf(config, options) : undefined;
  const blockedPeers = peerIdsOf(options.cutOff ?? [], home);
  const extraPeers = (options.peer ?? []).map((text) => valueOrThrow(parsePeerAddress(text)));
  // Loaded here, so that what is wrong with the home is said at once.
  const { startGuardedNode } = await import("../../node/guarded-node.ts");
  const stopping = new StopSignal();
  let node: RunningNode;
  try {
    const onFatal = (error: unknown) => stopping.fail(error);
    const { moved: isMoved = false, recoverAmnesia: recoversAmnesia = false } = options;
    const said = { isMoved, recoversAmnesia, isNetworkHome: options.networkHome === true };
    const devnet = options.devnetDir === undefined ? undefined : linkToDevnet(options.devnetDir);
    const transitions = valueOrThrow(acceptTransitions(options.dir, options.transition ?? [], home.genesis));
    const migration = { progress: migrationBar(out) };
    const begin = { migration, fromSnapshot: options.snapshot === true, signal: stopping.signal };
    const start = { ...said, transitions, devnet, onFatal, unlock, pin, ...begin };
    node = await startUnder(transitions, {
      dir: options.dir,
      start: () => startGuardedNode({ home, config, origins, extraPeers, blockedPeers, ...start }),
      warn: (words) => out.warn(words),
    });
  } catch (error) {
    if (stopping.signal.aborted && error instanceof Error && isStartError(error))
      return out.note(error.message);
    throw startFailure(error, options.dir);
  }
  guardProcess(node.networkFailed);
  process.on("SIGHUP", () => {
    node.reopenLog();
    node.reloadPeers();
  });
  printStarted(out, options.dir, { node, config, isJoining: whileRunning !== undefined });
  const ending = new AbortController();
  const beside = whileRunning?.(node, ending.signal).catch((error: unknown) => {
    out.warn(error instanceof Error ? error.message : String(error));
  });
  const failure = await stopping.requested;
  ending.abort();
  await beside;
  if (failure !== undefined) throw whyStopped(failure, options.dir);
  await node.stop();
  out.note(`stopped at height ${node.height()}`);
}

/** Unlocks also a key that comes while the node runs: it is put under the password of the one that it follows. */
async function unlockHome(options: StartOptions): Promise<Unlock> {
  const { nodeKey, validatorKey, nextValidatorKey } = homePaths(options.dir);
  const known = await unlockKeys([nodeKey, validatorKey, nextValidatorKey], options);
  return (path) => known(path) ?? (path === nextValidatorKey ? known(validatorKey) : undefined);
}

/** The node could not go on. */
function whyStopped(failure: Error, dir: string): CliError {
  const disk = diskError(failure, "the node had to stop: ");
  if (disk !== undefined) return disk;
  if (failure instanceof StateDivergence) return stopped("STATE_DIVERGED", failure, dir);
  if (failure instanceof FalseSnapshot) return stopped("FALSE_SNAPSHOT", failure, dir);
  if (isAwaiting(failure)) return awaiting(failure, dir);
  return new CliError(EXIT.broken, "STOPPED", `the node had to stop: ${failure.message}`, {
    cause: failure,
  });
}

/** The PIN of the token that holds the key, if one does. */
function pinOf({ token }: Config, options: StartOptions) {
  if (token === undefined) return undefined;
  const { token: label, slot, pinFile } = token;
  const file = pinFile === "" ? undefined : resolve(options.dir, pinFile);
  return tokenPin(label === "" ? `in slot ${slot}` : `"${label}"`, file, options);
}

/** The error of a start that stopped, with the command that it names as it is to be typed. */
function stopped(code: string, failure: Error, dir: string): CliError {
  const message = failure.message.replace("--dir HOME", () => `--dir ${shellWord(dir)}`);
  return new CliError(EXIT.broken, code, `the node had to stop: ${message}`, { cause: failure });
}

/** Shows on a terminal how far the copy of an older database is, and the work on it. */
function migrationBar(out: Output): NonNullable<MigrationPorts["progress"]> {
  let bar: ReturnType<typeof startBar>;
  let shown = "";
  return (what, done, total) => {
    if (what !== shown) {
      bar?.stop();
      bar = startBar(out, total, `${what} the database {bar} {percentage} %`);
      shown = what;
    }
    bar?.update(done);
    if (done >= total) bar?.stop();
  };
}

interface Started {
  readonly node: RunningNode;
  readonly config: Config;
  /** It votes once it is voted in, and may not be yet. */
  readonly isJoining: boolean;
}

function printStarted(out: Output, dir: string, { node, config, isJoining }: Started): void {
  const { rpcUrl, p2pAddresses, genesisHash } = node;
  const role = isJoining ? "follows the chain, and is a validator once it is voted in" : config.mode;
  out.result(
    { rpcUrl, p2pAddresses, genesisHash, height: Number(node.height()), mode: config.mode, pid: process.pid },
    [
      `${config.name} (${role}) at height ${node.height()}, genesis ${genesisHash}`,
      `  rpc   ${rpcUrl}`,
      `  p2p   ${p2pAddresses.join("  ")}`,
      `  logs  ${config.log.file === undefined ? "standard error" : resolve(dir, config.log.file)}`,
    ],
  );
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
  readonly #aborting = new AbortController();

  /** Aborted when it is asked for, for a start that takes long. */
  get signal(): AbortSignal {
    return this.#aborting.signal;
  }

  constructor() {
    this.requested = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const supervised = process.channel !== undefined;
    process.on("SIGTERM", () => this.#ask());
    // Whoever started this may log out (nohup): it goes on, and opens its log anew.
    process.on("SIGHUP", () => undefined);
    // Without a listener Node.js opens its debugger.
    process.on("SIGUSR1", () => undefined);
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
    this.#aborting.abort();
    this.#resolve(undefined);
  }
}

/** Errors of the node's parts say what to do already; here they get their exit code. */
function startFailure(error: unknown, dir: string): Error {
  const reason = error instanceof Error ? error : new Error(String(error));
  const disk = diskError(reason);
  if (disk?.exitCode === EXIT.disk) return disk;
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
  if (disk === undefined && ["EACCES", "EADDRNOTAVAIL"].some((code) => hasCause(reason, code))) {
    return new CliError(EXIT.badInput, "BAD_ADDRESS", reason.message, { cause: reason });
  }
  if (isAwaiting(reason)) return awaiting(reason, dir);
  return disk ?? reason;
}

/** Nothing is broken: a person has to install another release, or to fetch a file. */
function isAwaiting({ name }: Error): boolean {
  return name === "UnknownRules" || name === "MissingModule";
}

/** The command as it is to be typed. */
function awaiting(error: Error, dir: string): CliError {
  const code = error.name === "UnknownRules" ? "UNKNOWN_RULES" : "MISSING_MODULE";
  const message = error.message.replaceAll("HOME/modules", () => shellWord(homePaths(dir).modules));
  return new CliError(EXIT.badInput, code, message, { cause: error });
}

/** Tells the error by its name, because the class is loaded with the node alone. */
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
