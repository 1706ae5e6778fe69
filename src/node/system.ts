/** The real world's clock and log: adapters of the ports in base/. Tests and the simulator bring their own. */
import { randomInt } from "node:crypto";
import { type DestinationStream, destination, type Logger as PinoLogger, pino } from "pino";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";
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
  /** Writes out what is buffered. */
  flush(): void;
}

/** JSON lines to `file`, or to standard error without one. */
export function openLog(levels: LogLevels, file: string | undefined): LogSink {
  const stream = destination({
    ...(file === undefined ? { dest: 2 } : { dest: file, mkdir: true }),
    sync: false,
  });
  const root = pino(
    { level: "debug", base: null, timestamp: pino.stdTimeFunctions.isoTime },
    stream as DestinationStream,
  );
  return {
    logger: {
      log: (level, component, message, fields) => write(root, levels, level, component, message, fields),
    },
    flush: () => {
      try {
        stream.flushSync();
      } catch {
        // The stream is not open yet: nothing was written.
      }
    },
  };
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
