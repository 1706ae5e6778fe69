/** The log port. Components speak through it; node/assembly/system.ts writes it with pino, tests and the simulator collect it. */

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

export interface Logger {
  /** `message` is a constant phrase; what varies goes into `fields`, so that lines can be counted. */
  log(level: LogLevel, component: string, message: string, fields?: LogFields): void;
}

export const SILENT: Logger = { log: () => undefined };
