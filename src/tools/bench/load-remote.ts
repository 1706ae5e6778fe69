/**
 * The benchmark's end of the load generator's process: start it, give it its order, ask for the figures, end it. Its
 * failure is the failure of whatever is being waited for.
 */
import type { FromLoad, LoadOrder, LoadResult, ToLoad } from "./load-messages.ts";
import { forkSibling, type Sibling } from "./sibling.ts";

export type LoadProgress = Extract<FromLoad, { readonly kind: "progress" }>;

export class RemoteLoad {
  readonly #process: Sibling<ToLoad, FromLoad>;

  constructor(watch: (progress: LoadProgress) => void) {
    this.#process = forkSibling<ToLoad, FromLoad>("load-process", "the load generator");
    this.#process.listen((message) => {
      if (message.kind === "progress") watch(message);
      if (message.kind === "failed") this.#process.fail(new Error(message.message));
    });
  }

  /** Resolves when the transfers are signed. */
  async prepare(order: LoadOrder): Promise<void> {
    this.#process.send({ kind: "prepare", order });
    await this.#process.next("prepared");
  }

  start(): void {
    this.#process.send({ kind: "start" });
  }

  async begin(): Promise<void> {
    this.#process.send({ kind: "begin" });
    await this.#process.next("begun");
  }

  /** The figures of the window, and a promise of how many of all transfers never became final. */
  async end(): Promise<{
    readonly figures: LoadResult;
    readonly drained: Promise<{ readonly left: number; readonly total: number }>;
  }> {
    this.#process.send({ kind: "end" });
    const drained = this.#process.next("drained");
    drained.catch(() => undefined); // awaited by the caller, perhaps later
    const { figures } = await this.#process.next("ended");
    return { figures, drained };
  }

  /** Rejects when the generator fails or exits. */
  get failed(): Promise<never> {
    return this.#process.failed;
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }
}
