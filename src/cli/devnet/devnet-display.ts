/** What `quorate devnet` shows while it runs. */

import type { Output } from "../output.ts";
import { isTerminalOf } from "../terminal.ts";
import { describeNetwork, LiveTable, RateMeter } from "./devnet-monitor.ts";
import type { NodeProcess } from "./devnet-nodes.ts";
import type { Supervisor } from "./devnet-supervisor.ts";

/** How often the network is looked at, ms. */
const LOOK_MS = 1_000;

/** The network's standing until it ends: a live table on a terminal, a line at each change elsewhere. */
export class Display {
  readonly #out: Output;
  readonly #flag: string;
  readonly #table: LiveTable | undefined;

  /** @param flag behind an advised command (devnetFlag) */
  constructor(out: Output, flag: string) {
    this.#flag = flag;
    this.#out = out;
    const live = isTerminalOf("stdout") && (process.env.CI ?? "") === "" && !out.json && !out.quiet;
    this.#table = live ? new LiveTable(out) : undefined;
  }

  /** Takes the live table away, so that other words can be printed. */
  pause(): void {
    this.#table?.erase();
  }

  exited(process: NodeProcess): void {
    this.pause();
    const words = process.lastWords();
    this.#out.warn([
      `${process.node.name} exited by itself with ${process.exitCode}${words.length === 0 ? "" : ":"}`,
      ...words.map((line) => `  ${line}`),
      `  start it again with: quorate devnet restart ${process.node.index}${this.#flag}`,
    ]);
  }

  async follow(supervisor: Supervisor): Promise<void> {
    const rate = new RateMeter();
    let ended = false;
    const end = supervisor.ended.then(() => {
      ended = true;
    });
    let last = "";
    while (!ended) {
      const report = await supervisor.report();
      if (supervisor.isStopping) {
        await end;
        break;
      }
      if (this.#table !== undefined) {
        this.#table.draw(report, await rate.measure(report, performance.now()));
      } else {
        // Heights move all the time: only what a person must know is worth a line.
        const words = report.nodes.map((node) => `${node.state}${node.view}${node.mining?.reorgs}`);
        const standing = `${report.partition} ${words}`;
        if (last !== "" && standing !== last) this.#out.note(describeNetwork(this.#out, report));
        last = standing;
      }
      await Promise.race([end, new Promise((resolve) => setTimeout(resolve, LOOK_MS).unref())]);
    }
    this.#table?.erase();
  }
}
