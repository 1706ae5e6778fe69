/**
 * How a benchmark runs in this terminal: what it opens is closed on every path, Ctrl-C included, and a line tells
 * how far it is. It knows no benchmark.
 */
import { setTimeout as wait } from "node:timers/promises";
import { CliError, EXIT } from "../exit.ts";
import type { Output } from "../output.ts";
import { isTerminalOf, StatusLine } from "../terminal.ts";

interface Closer {
  readonly close: () => Promise<void>;
  /** Called when the user insists: it ends at once. */
  readonly kill: () => Promise<void>;
}

/** Milliseconds for the last words after an interrupt. */
const LINGER_MS = 200;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export class BenchRun {
  readonly #out: Output;
  readonly #closers: Closer[] = [];
  readonly #abort = new AbortController();
  readonly #live: boolean;
  readonly #status = new StatusLine();

  constructor(out: Output) {
    this.#out = out;
    this.#live = isTerminalOf("stderr") && (process.env.CI ?? "") === "" && !out.json && !out.quiet;
  }

  /** The signal that Ctrl-C aborts. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Is closed when the run ends, last added first. */
  add(closer: Closer): void {
    this.#closers.push(closer);
  }

  async pause(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: this.signal });
  }

  /** A new stage of the run. */
  stage(text: string): void {
    if (this.#live) this.show(text);
    else this.#out.note(text);
  }

  /** Redraws the line of the stage, on a terminal only. */
  show(text: string): void {
    if (!this.#live) return;
    this.#status.show(text);
  }

  /** Runs `body`, then closes everything. @throws what `body` throws; CliError when interrupted */
  async complete<T>(body: (run: BenchRun) => Promise<T>): Promise<T> {
    let asked = false;
    const interrupted = new Promise<never>((_, reject) => {
      this.signal.addEventListener("abort", () =>
        reject(
          new CliError(EXIT.broken, "INTERRUPTED", "interrupted: all nodes stopped, nothing left behind"),
        ),
      );
    });
    interrupted.catch(() => undefined);
    const listener = () => {
      if (asked) void this.#killAll().finally(() => process.exit(EXIT.broken));
      asked = true;
      this.stage("stopping (again to kill)");
      this.#abort.abort();
    };
    for (const signal of SIGNALS) process.on(signal, listener);
    const work = body(this);
    work.catch(() => undefined); // what is cut off by the interrupt fails later
    try {
      return await Promise.race([work, interrupted]);
    } finally {
      await this.close();
      for (const signal of SIGNALS) process.off(signal, listener);
      // What was cut off may still sit in a wait of its own, such as that for nodes which are gone now.
      if (asked) setTimeout(() => process.exit(), LINGER_MS).unref();
      this.#status.clear();
    }
  }

  /** Closes what was added so far; the run may go on and add more. */
  async close(): Promise<void> {
    for (const { close } of this.#closers.splice(0).reverse()) await close();
  }

  async #killAll(): Promise<void> {
    await Promise.all(this.#closers.map(({ kill }) => kill()));
  }
}
