/** The log port. Components speak through it; node/assembly/system.ts writes it with pino, tests and the simulator collect it. */

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

export interface Logger {
  /** `message` is a constant phrase; what varies goes into `fields`, so that lines can be counted. */
  log(level: LogLevel, component: string, message: string, fields?: LogFields): void;
  /** Whether such a line would be written, for lines that cost something to make. Left out: nobody can say. */
  isOn?(level: LogLevel, component: string): boolean;
}

/** Whether a line for every transaction is asked for: of the component "tx", at the level debug. */
export function logsTransactions(logger: Logger): boolean {
  return logger.isOn?.("debug", "tx") ?? false;
}

export const SILENT: Logger = { log: () => undefined };
