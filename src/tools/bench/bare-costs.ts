/**
 * The two things that a commit has to wait for, bare: a durable append on the same disk and a round trip between two
 * processes on loopback. Their medians make the limit of the latency benchmark.
 */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { EchoMessage } from "./echo-process.ts";
import { forkSibling, type Sibling } from "./sibling.ts";

const APPEND_BYTES = 4_096;
/** Bytes of a consensus message, about. */
const PING_BYTES = 200;

/** Appends 4 KiB to a file and waits until it is on the disk, again and again, and says how many ms each took. */
export class DiskProbe {
  readonly #path: string;
  readonly #file: number;
  readonly #bytes = new Uint8Array(APPEND_BYTES).fill(0x71);

  constructor(dir: string) {
    this.#path = join(dir, "fsync.probe");
    this.#file = openSync(this.#path, "w");
  }

  measure(count: number): number[] {
    return Array.from({ length: count }, () => {
      const started = performance.now();
      writeSync(this.#file, this.#bytes);
      fdatasyncSync(this.#file);
      return performance.now() - started;
    });
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }
}

/** Sends 200 bytes over raw TCP to a process that sends them back, and says how many ms each took. */
export class TcpProbe {
  readonly #process: Sibling<never, EchoMessage>;
  readonly #socket: Socket;

  private constructor(process: Sibling<never, EchoMessage>, socket: Socket) {
    this.#process = process;
    this.#socket = socket;
  }

  static async open(): Promise<TcpProbe> {
    const process = forkSibling<never, EchoMessage>("echo-process", "the echo process");
    try {
      const { port } = await process.next("listening");
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      });
      return new TcpProbe(process, socket);
    } catch (error) {
      await process.kill();
      throw error;
    }
  }

  async measure(count: number): Promise<number[]> {
    const samples: number[] = [];
    for (let i = 0; i < count; i++) {
      const started = performance.now();
      await this.#ping();
      samples.push(performance.now() - started);
    }
    return samples;
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    await this.#process.kill();
  }

  #ping(): Promise<void> {
    let received = 0;
    return new Promise((resolve, reject) => {
      const finish = (error?: Error) => {
        this.#socket.off("data", listener);
        this.#socket.off("error", finish);
        if (error === undefined) resolve();
        else reject(error);
      };
      const listener = (bytes: Buffer) => {
        received += bytes.length;
        if (received >= PING_BYTES) finish();
      };
      this.#socket.on("data", listener);
      this.#socket.on("error", finish);
      this.#socket.write(new Uint8Array(PING_BYTES));
    });
  }
}
