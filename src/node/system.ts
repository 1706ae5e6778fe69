/** The real world's clock and log: adapters of the ports in base/. Tests and the simulator bring their own. */
import { randomInt } from "node:crypto";
import { mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type DestinationStream, destination, type Logger as PinoLogger, pino } from "pino";
import pretty from "pino-pretty";
import { LOG_FILE_BYTES_MAX } from "../base/limits.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";
import { printable, printableJson } from "../base/printable.ts";
import type { Scheduler } from "../base/scheduler.ts";
import { isLogged, type LogLevels } from "./loglevels.ts";

export const systemScheduler: Scheduler = {
  now: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};

/** 0 <= x < 1, for jitter only. */
export function jitter(): number {
  return randomInt(0, 1 << 24) / (1 << 24);
}

export interface LogSink {
  readonly logger: Logger;
  /** Writes out what is buffered; what is logged afterwards is lost. */
  close(): Promise<void>;
}

/**
 * JSON lines to `file`, and readable ones to the terminal when standard error is one. A file that has reached
 * LOG_FILE_BYTES_MAX becomes `file`.1, replacing an older one.
 */
export function openLog(levels: LogLevels, file: string): LogSink {
  const disk = new RotatingFile(file);
  const terminal = process.stderr.isTTY
    ? pretty({ destination: 2, sync: true, ignore: "component", messageFormat: "{component}: {msg}" })
    : undefined;
  const stream: DestinationStream = {
    write(line) {
      disk.write(printableJson(line));
      terminal?.write(forTerminal(line));
    },
  };
  const root = pino({ level: "debug", base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  return {
    logger: {
      log: (level, component, message, fields) => write(root, levels, level, component, message, fields),
    },
    close: () => disk.close(),
  };
}

/** What peers and files say stands in messages and fields; the terminal gets nothing from there that it obeys. */
function forTerminal(line: string): string {
  const shown = (_: string, value: unknown) => (typeof value === "string" ? printable(value) : value);
  return `${JSON.stringify(JSON.parse(line, shown))}\n`;
}

class RotatingFile {
  readonly #path: string;
  #stream: ReturnType<typeof destination>;
  #bytes: number;
  /** Closed, or broken by a write that failed. */
  #ended = false;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.#path = path;
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (this.#bytes >= LOG_FILE_BYTES_MAX) {
      renameSync(path, `${path}.1`);
      this.#bytes = 0;
    }
    this.#stream = this.#open();
  }

  /** After a write that failed (a full disk) the file gets no more lines: what must not be lost says so by itself. */
  #open(): ReturnType<typeof destination> {
    const stream = destination({ dest: this.#path, sync: false });
    stream.removeAllListeners("error").on("error", () => {
      // It would try the lost line again and again, and keep the process from ending.
      this.#ended = true;
      stream.destroy();
    });
    return stream;
  }

  write(line: string): void {
    if (this.#ended) return;
    this.#bytes += line.length;
    if (this.#bytes > LOG_FILE_BYTES_MAX) this.#rotate(line.length);
    this.#stream.write(line);
  }

  /** Resolves when everything is written, or cannot be. */
  close(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    this.#ended = true;
    return new Promise((resolve) => {
      this.#stream.once("close", resolve);
      this.#stream.end();
    });
  }

  #rotate(bytes: number): void {
    this.#stream.end();
    renameSync(this.#path, `${this.#path}.1`);
    this.#stream = this.#open();
    this.#bytes = bytes;
  }
}

function write(
  root: PinoLogger,
  levels: LogLevels,
  level: LogLevel,
  component: string,
  message: string,
  fields: LogFields = {},
): void {
  if (!isLogged(levels, component, level)) return;
  root[level]({ component, ...plain(fields) }, message);
}

/** JSON has no bigint: heights and counts fit a number, amounts are not logged. */
function plain(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value]),
  );
}
