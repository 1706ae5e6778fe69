/**
 * What the operator of a home is told: where its settings come from, and the end of its log file. What could let
 * somebody in never leaves: the node's token, credentials in URLs, and whatever a setting calls a secret.
 */
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import type { DevnetOrders, LogTail, OperatorApi, SettingView } from "../../rpc/operator-api.ts";
import type { Config, ConfigOrigin } from "../home/config.ts";
import type { Home } from "../home/home.ts";
import type { ChangingLevels } from "../home/log-levels.ts";

/** Bytes of the log that are read from its end. */
export const LOG_TAIL_BYTES_MAX = 256 * 1024;
/** Characters of a line that are told. */
const LINE_LENGTH_MAX = 2_000;
const REDACTED = "[redacted]";
const SECRET_KEY = /token|password|secret|private/i;

export interface OperatorSources {
  readonly origins: readonly ConfigOrigin[];
  /** The file that the node logs to. Undefined when it logs to standard error. */
  readonly logFile: string | undefined;
  readonly levels: Pick<ChangingLevels, "show" | "change">;
  readonly devnet?: DevnetOrders | undefined;
  readonly token: string;
}

/** The operator's view of a node that was started from a home. */
export function operatorHome(node: {
  readonly home: Pick<Home, "paths">;
  readonly config: Pick<Config, "log">;
  readonly origins: readonly ConfigOrigin[];
  readonly orders: DevnetOrders | undefined;
  readonly token: string;
  readonly levels: ChangingLevels;
}): OperatorApi {
  const { home, config, origins, orders: devnet, token, levels } = node;
  const { file } = config.log;
  const logFile = file === undefined ? undefined : resolve(home.paths.dir, file);
  return new OperatorHome({ origins, logFile, levels, devnet, token });
}

export class OperatorHome implements OperatorApi {
  readonly #sources: OperatorSources;

  constructor(sources: OperatorSources) {
    this.#sources = sources;
  }

  get devnet(): DevnetOrders | undefined {
    return this.#sources.devnet;
  }

  settings(): readonly SettingView[] {
    const { origins, token } = this.#sources;
    return origins.map(({ key, value, origin }) => ({
      key,
      value: SECRET_KEY.test(key) ? REDACTED : redactAll(value, token),
      origin,
    }));
  }

  logLevel(): string {
    return this.#sources.levels.show();
  }

  setLogLevel(text: string): boolean {
    return this.#sources.levels.change(text);
  }

  async logTail(linesMax: number): Promise<LogTail> {
    const { logFile: file, token } = this.#sources;
    if (file === undefined || linesMax === 0) return { file, lines: [] };
    const text = await endOf(file);
    const lines = text
      .split("\n")
      .filter((line) => line !== "")
      .slice(-linesMax);
    return { file, lines: lines.map((line) => redact(line.slice(0, LINE_LENGTH_MAX), token)) };
  }
}

/** Whole lines only, unless the file is one line. A log that is gone or moved is empty. */
async function endOf(file: string): Promise<string> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return "";
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - LOG_TAIL_BYTES_MAX);
    const buffer = Buffer.alloc(size - from);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
    const text = buffer.toString("utf8", 0, bytesRead);
    return from === 0 ? text : text.slice(text.indexOf("\n") + 1);
  } finally {
    await handle.close();
  }
}

function redactAll(value: unknown, token: string): unknown {
  if (typeof value === "string") return redact(value, token);
  return Array.isArray(value) ? value.map((one) => redactAll(one, token)) : value;
}

function redact(text: string, token: string): string {
  return text
    .replaceAll(token, REDACTED)
    .replace(/\b(bearer|basic)\s+[\w.~+/=-]+/gi, `$1 ${REDACTED}`)
    .replace(/(\w:\/\/)[^\s/@"]+@/g, `$1${REDACTED}@`);
}
