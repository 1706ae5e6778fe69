/** The benchmark's end of the process that makes an open load. Its failure is the failure of whatever is being waited for. */
import type { PhaseFigures } from "./open-load.ts";
import type { FromOverload, OverloadOrder, PhaseOrder, ToOverload } from "./overload-messages.ts";
import { forkSibling, type Sibling } from "./sibling.ts";

export type OverloadProgress = Extract<FromOverload, { readonly kind: "progress" }>;

export class RemoteOverload {
  readonly #process: Sibling<ToOverload, FromOverload>;

  constructor(watch: (progress: OverloadProgress) => void) {
    this.#process = forkSibling<ToOverload, FromOverload>("overload-process", "the load generator");
    this.#process.listen((message) => {
      if (message.kind === "progress") watch(message);
      if (message.kind === "failed") this.#process.fail(new Error(message.message));
    });
  }

  async prepare(order: OverloadOrder): Promise<void> {
    this.#process.send({ kind: "prepare", order });
    await this.#process.next("prepared");
  }

  /** Resolves when what the phase needs is signed and it begins. */
  async begin(phase: PhaseOrder): Promise<void> {
    this.#process.send({ kind: "phase", phase });
    await this.#process.next("begun");
  }

  /** The second of the phase from which on all is normal. */
  async normal(): Promise<number> {
    return (await this.#process.next("normal")).second;
  }

  /** What the phase gave so far. */
  async look(): Promise<{ readonly figures: PhaseFigures; readonly cpu: number }> {
    this.#process.send({ kind: "look" });
    return this.#process.next("figures");
  }

  /** How many accepted transfers never became final, and how many nodes accepted. */
  async end(): Promise<{ readonly left: number; readonly total: number }> {
    this.#process.send({ kind: "end" });
    return this.#process.next("drained");
  }

  /** Rejects when the generator fails or exits. */
  get failed(): Promise<never> {
    return this.#process.failed;
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }
}
