/** The end of a devnet by its terminal. */
import { EXIT } from "../exit.ts";
import { isTerminalOf } from "../terminal.ts";
import type { Supervisor } from "./devnet-supervisor.ts";

/** Ctrl-C and SIGTERM: gracefully once, at once the second time. */
export class Interrupts {
  readonly #listener: () => void;
  #asked = false;

  /** @param told is called at the first signal */
  constructor(supervisor: Supervisor, onInterrupt: () => void) {
    this.#listener = () => {
      if (this.#asked) {
        supervisor.kill().then(() => process.exit(EXIT.broken));
        return;
      }
      this.#asked = true;
      onInterrupt();
      void supervisor.stop();
    };
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  end(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }
}

/** The end of its terminal ends a devnet that shows itself there; under nohup it goes on. */
const SIGNALS = ["SIGINT", "SIGTERM", ...(isTerminalOf("stdout") ? (["SIGHUP"] as const) : [])] as const;
