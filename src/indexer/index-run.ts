/**
 * Keeps an index going: what fails and may come back (a node, a database server) is tried again, what a person has to
 * decide ends it. With `follow` it goes on when the head is reached.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { NodeGone } from "./block-source.ts";
import { IndexSession, type SessionOptions } from "./index-session.ts";
import { sqlStateOf } from "./sql-database.ts";

export interface IndexRunOptions extends SessionOptions {
  /** Goes on when the node's head is reached, until the signal. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** What failed and is tried again. */
  readonly retrying?: (kind: "node" | "database", error: Error) => void;
  /** It works again. */
  readonly recovered?: () => void;
  /** Without `follow` the run gives up after failing so long, ms. */
  readonly giveUpAfterMs?: number;
}

const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 10_000;
/** How often a node is asked for its head when no news of it came. */
const POLL_MS = 1_000;
const GIVE_UP_AFTER_MS = 60_000;

/** @throws what does not pass; without `follow` whatever the first try throws */
export async function runIndex(options: IndexRunOptions): Promise<void> {
  const heads = new HeadEvents();
  // Who follows is a service, which may start before what it needs; anybody else wants to hear that nothing answers.
  let session = options.follow ? undefined : await IndexSession.open(options);
  let failures: { readonly sinceMs: number; waitMs: number } | undefined;
  try {
    if (options.follow) await heads.listen(options);
    while (!options.signal.aborted) {
      try {
        session ??= await IndexSession.open(options);
        await session.indexer.catchUp(options.signal);
        if (failures !== undefined) options.recovered?.();
        failures = undefined;
        if (!options.follow) return;
        await heads.wait(options.signal);
      } catch (error) {
        const kind = passing(error);
        failures ??= { sinceMs: Date.now(), waitMs: RETRY_MS_MIN };
        const isOver =
          !options.follow && Date.now() - failures.sinceMs > (options.giveUpAfterMs ?? GIVE_UP_AFTER_MS);
        if (kind === undefined || isOver) throw error;
        options.retrying?.(kind, error as Error);
        if (kind === "database") {
          await session?.close();
          session = undefined;
        }
        await pause(failures.waitMs, options.signal);
        failures.waitMs = Math.min(2 * failures.waitMs, RETRY_MS_MAX);
      }
    }
  } finally {
    await heads.end();
    await session?.close();
  }
}

/** What failed, if it may work again. */
function passing(error: unknown): "node" | "database" | undefined {
  if (error instanceof NodeGone) return "node";
  const state = sqlStateOf(error);
  // Connection lost, out of resources, shutting down or starting, a conflict of two transactions.
  if (state !== undefined) return /^(08|53|57P|40)/.test(state) ? "database" : undefined;
  return error instanceof Error &&
    CONNECTION.test(`${(error as NodeJS.ErrnoException).code} ${error.message}`)
    ? "database"
    : undefined;
}

const CONNECTION =
  /ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ENOENT.*\.s\.PGSQL|Connection terminated|not queryable|timeout expired|Premature close/;

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** News of a head, by subscription where one can be had; without it the node is asked now and then. */
class HeadEvents {
  #wake: () => void = () => undefined;
  #stop: () => Promise<void> = async () => undefined;

  async listen({ client }: IndexRunOptions): Promise<void> {
    try {
      this.#stop = await client.subscribe("newHeads", () => this.#wake());
    } catch {
      // Asking serves as well.
    }
  }

  async wait(signal: AbortSignal): Promise<void> {
    const heads = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([heads, pause(POLL_MS, signal)]);
  }

  async end(): Promise<void> {
    await this.#stop().catch(() => undefined);
  }
}
