/**
 * A helper process: a module of this folder in a process of its own, spoken to by messages. It ends with its parent
 * (the module listens for "disconnect"); here is how it is started, waited for and killed.
 */
import { type ChildProcess, fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

interface Kinds {
  readonly kind: string;
}

export class Sibling<Out extends object, In extends Kinds> {
  readonly #child: ChildProcess;
  readonly failed: Promise<never>;
  #fail!: (error: Error) => void;
  readonly #gone: Promise<void>;

  constructor(child: ChildProcess, title: string) {
    this.#child = child;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined);
    this.#gone = new Promise((resolve) => {
      child.once("error", (error) => {
        this.#fail(new Error(`${title} does not start: ${error.message}`, { cause: error }));
        resolve();
      });
      child.once("exit", (code, signal) => {
        this.#fail(new Error(`${title} ended with ${signal ?? code}`));
        resolve();
      });
    });
  }

  fail(error: Error): void {
    this.#fail(error);
  }

  send(message: Out): void {
    this.#child.send(message, (error) => {
      if (error !== null) this.#fail(error);
    });
  }

  listen(listener: (message: In) => void): void {
    this.#child.on("message", (message) => listener(message as In));
  }

  /** The next message of a kind. @throws what the process failed of */
  next<K extends In["kind"]>(kind: K): Promise<Extract<In, { readonly kind: K }>> {
    const received = new Promise<Extract<In, { readonly kind: K }>>((resolve) => {
      const listener = (message: unknown) => {
        if ((message as In).kind !== kind) return;
        this.#child.off("message", listener);
        resolve(message as Extract<In, { readonly kind: K }>);
      };
      this.#child.on("message", listener);
    });
    return Promise.race([received, this.failed]);
  }

  /** Ends it by a broken channel, so that it exits by itself (and writes a profile, if one is taken). */
  async kill(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.#gone;
    clearTimeout(late);
  }
}

const STOP_MS = 2_000;

/** @param name of the module, without its extension: that of this very file, compiled or not */
export function forkSibling<Out extends object, In extends Kinds>(
  name: string,
  title: string,
): Sibling<Out, In> {
  const own = fileURLToPath(import.meta.url);
  const path = fileURLToPath(new URL(`./${name}${extname(own)}`, import.meta.url));
  return new Sibling<Out, In>(
    fork(path, { serialization: "advanced", stdio: ["ignore", "ignore", "inherit", "ipc"] }),
    title,
  );
}
