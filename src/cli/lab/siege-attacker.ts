/**
 * The processes of a siege's attackers, seen from the command: one child each, at a lower priority than the nodes, so
 * that what an attack does to a node comes from what it sends and not from the processor that it takes away on the
 * same machine. A child has an IPC channel to this process and ends when it breaks.
 */
import { type ChildProcess, fork } from "node:child_process";
import { extname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { SiegeTraffic } from "../../tools/lab/siege/siege.ts";
import { CliError, EXIT } from "../exit.ts";
import type { FromAttacker, SiegeTask, ToAttacker } from "./siege-task.ts";

/** How long an attacker may take to be under way, and to end when it is told, ms. After that its process is ended. */
const BEGIN_MS_MAX = 60_000;
const END_MS_MAX = 5_000;

export interface Attacked {
  readonly traffic: SiegeTraffic;
  /** Seconds of processor time while it attacked, or undefined when it did not say. */
  readonly cpuSeconds: number | undefined;
}

export class AttackerProcess {
  /** Resolves when the attack is under way. @throws CliError when that takes too long, Error when the process ends */
  readonly begun: Promise<void>;
  readonly #child: ChildProcess;
  readonly #done: Promise<Attacked>;
  readonly #gone: Promise<void>;

  constructor(task: SiegeTask) {
    const path = new URL(`./siege-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url);
    const child = fork(path, { serialization: "advanced", stdio: ["ignore", "ignore", "ignore", "ipc"] });
    this.#child = child;
    this.#gone = new Promise((resolve) => child.once("exit", () => resolve()));
    const failed = new Promise<never>((_, reject) => {
      child.once("error", (cause) => reject(new Error(`the attacker failed: ${cause.message}`, { cause })));
      child.once("exit", (code, signal) =>
        reject(new Error(`the ${task.attack} attacker ended by itself with ${signal ?? code}`)),
      );
    });
    const began = new Promise<void>((resolve) => {
      child.on("message", ({ kind }: FromAttacker) => {
        if (kind === "begun") resolve();
      });
    });
    const done = new Promise<Attacked>((resolve) => {
      child.on("message", (message: FromAttacker) => {
        if (message.kind === "ended") resolve(message);
      });
    });
    this.begun = Promise.race([began, failed, tooLate(task)]);
    this.#done = Promise.race([done, failed]);
    for (const promise of [this.begun, this.#done]) promise.catch(() => undefined);
    child.send(task);
  }

  /** From now on its processor time counts: all attackers are under way. */
  measure(): void {
    this.#order("measure");
  }

  /** @returns what it did; nothing when it does not say so in time */
  async end(): Promise<Attacked> {
    this.#order("stop");
    const nothing: Attacked = { traffic: {}, cpuSeconds: undefined };
    const late = wait(END_MS_MAX, nothing, { ref: false });
    const attacked = await Promise.race([this.#done, late]).catch(() => nothing);
    await this.kill();
    return attacked;
  }

  #order(order: ToAttacker): void {
    if (this.#child.connected) this.#child.send(order, () => undefined);
  }

  /** Ends it at once; may be called again. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#gone;
  }
}

async function tooLate({ attack }: SiegeTask): Promise<never> {
  await wait(BEGIN_MS_MAX, undefined, { ref: false });
  throw new CliError(
    EXIT.timedOut,
    "NOT_READY",
    `the ${attack} attack did not begin in ${BEGIN_MS_MAX / 1_000} s`,
  );
}
