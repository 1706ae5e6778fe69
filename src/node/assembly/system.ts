/** The real world's clock and log: adapters of the ports in base/. Tests and the simulator bring their own. */
import { randomInt } from "node:crypto";
import { closeSync, openSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type DestinationStream, destination, type Logger as PinoLogger, pino } from "pino";
import { prettyFactory } from "pino-pretty";
import { LOG_FILE_BYTES_MAX } from "../../base/limits.ts";
import type { LogFields, Logger, LogLevel } from "../../base/log.ts";
import { printable, printableJson } from "../../base/printable.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import { explainDisk } from "../../storage/disk-fault.ts";
import { makeFolder } from "../../storage/durable-file.ts";
import { ChangingLevels, type LogLevels } from "../home/log-levels.ts";

export const systemScheduler: Scheduler = {
  now: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Returns a number from 0 to below 1, which is for jitter only. */
export function jitter(): number {
  return randomInt(0, 1 << 24) / (1 << 24);
}

export interface LogSink {
  readonly logger: Logger;
  readonly levels: ChangingLevels;
  /** Opens the file anew, which somebody may have moved (logrotate), or which could not be written. */
  reopen(): void;
  /** Writes out what is buffered; what is logged afterwards is lost. */
  close(): Promise<void>;
}

/**
 * Lines go to standard error: readable ones where it is a terminal, else one JSON object a line, for whatever collects
 * what a container or a service says. With a `file` the JSON lines go there instead. A file that has reached LOG_FILE_BYTES_MAX becomes `file`.1, replacing an older one.
 * Once it is open it never throws: what cannot be written is lost, and a line on standard error says so once.
 * @throws Error when the folder of `file` cannot be made, or the file cannot be opened
 */
export function openLog(begin: LogLevels, file: string | undefined): LogSink {
  const levels = new ChangingLevels(begin);
  const disk = file === undefined ? undefined : new RotatingFile(file);
  const terminal = process.stderr.isTTY
    ? prettyFactory({ ignore: "component", messageFormat: "{component}: {msg}" })
    : undefined;
  const standardError = disk === undefined || terminal !== undefined ? new StandardError() : undefined;
  const stream: DestinationStream = {
    write(line) {
      const json = printableJson(line);
      disk?.write(json);
      standardError?.write(terminal === undefined ? json : terminal(forTerminal(line)));
    },
  };
  const root = pino({ level: "debug", base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  return {
    levels,
    logger: {
      isOn: (level, component) => levels.isLogged(component, level),
      log(level, component, message, fields) {
        try {
          if (levels.isLogged(component, level)) write(root, level, component, message, fields);
        } catch {
          // A log that fails must not take the node with it.
        }
      },
    },
    reopen: () => disk?.reopen(),
    close: async () => {
      await disk?.close();
    },
  };
}

/** What peers and files say stands in messages and fields; the terminal gets nothing from there that it obeys. */
function forTerminal(line: string): string {
  const shown = (_: string, value: unknown) => (typeof value === "string" ? printable(value) : value);
  return `${JSON.stringify(JSON.parse(line, shown))}\n`;
}

/** A reader that is gone, a terminal that was closed, or a full device, takes no lines. */
class StandardError {
  #ended = false;

  constructor() {
    process.stderr.on("error", () => {
      this.#ended = true;
    });
  }

  write(line: string): void {
    // Nobody reads: what waits for it in memory has a bound.
    if (!this.#ended && process.stderr.writableLength < STDERR_WAITING_BYTES_MAX) process.stderr.write(line);
  }
}

const STDERR_WAITING_BYTES_MAX = 4 * 1024 * 1024;

class RotatingFile {
  readonly #path: string;
  #stream: ReturnType<typeof destination> | undefined;
  #bytes = 0;
  #closed = false;
  #complained = false;

  constructor(path: string) {
    this.#path = path;
    makeFolder(dirname(path));
    // Opened once here: what is wrong with it is said before the node starts.
    closeSync(openSync(path, "a"));
    if (this.#sizeNow() >= LOG_FILE_BYTES_MAX) this.#moveAside();
    this.#open();
  }

  write(line: string): void {
    if (this.#closed || this.#stream === undefined) return;
    this.#bytes += line.length;
    if (this.#bytes > LOG_FILE_BYTES_MAX) {
      this.#moveAside();
      this.reopen();
      this.#bytes += line.length;
    }
    this.#stream?.write(line);
  }

  reopen(): void {
    if (this.#closed) return;
    const old = this.#stream;
    this.#stream = undefined;
    old?.end();
    this.#complained = false;
    this.#open();
  }

  /** Resolves when everything is written, or cannot be. */
  close(): Promise<void> {
    const stream = this.#stream;
    this.#closed = true;
    if (stream === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      stream.once("close", resolve);
      stream.end();
    });
  }

  /** The folder may be gone, and the file. */
  #open(): void {
    try {
      makeFolder(dirname(this.#path));
      this.#bytes = this.#sizeNow();
      const stream = destination({ dest: this.#path, sync: false });
      stream.removeAllListeners("error").on("error", (error) => {
        // It would try the lost line again and again, and keep the process from ending.
        if (this.#stream === stream) this.#stream = undefined;
        stream.destroy();
        this.#complain(error);
      });
      this.#stream = stream;
    } catch (error) {
      this.#stream = undefined;
      this.#complain(error);
    }
  }

  #sizeNow(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }

  #moveAside(): void {
    try {
      renameSync(this.#path, `${this.#path}.1`);
    } catch {
      // Moved or deleted by somebody else: a new one is begun.
    }
  }

  #complain(error: unknown): void {
    if (this.#complained) return;
    this.#complained = true;
    const why = explainDisk(error) ?? String(error);
    process.stderr.write(
      `${printable(`the log file ${this.#path} cannot be written: ${why}. The node goes on without it; SIGHUP opens it anew.`)}\n`,
    );
  }
}

function write(
  root: PinoLogger,
  level: LogLevel,
  component: string,
  message: string,
  fields: LogFields = {},
): void {
  root[level]({ component, ...plain(fields) }, message);
}

/** JSON has no bigint: heights and counts fit a number, amounts are not logged. */
function plain(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value]),
  );
}
