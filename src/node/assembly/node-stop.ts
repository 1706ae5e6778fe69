/** The two ends of a node: it is asked to stop, or it cannot go on and says why to the log and to whoever runs it. */
import type { Logger } from "../../base/log.ts";
import type { Closers } from "./closers.ts";

export async function stopAsAsked(closers: Closers, logger: Logger, height: bigint): Promise<void> {
  logger.log("info", "node", "stopping", { height });
  await closers.closeAll();
}

interface FatalPorts {
  readonly closers: Closers;
  readonly logger: Logger;
  readonly onFatal: ((error: unknown) => void) | undefined;
}

/** Stops the node after a fatal error. The promise never rejects. */
export async function stopFatally(error: unknown, { closers, logger, onFatal }: FatalPorts): Promise<void> {
  logger.log("error", "node", "stopping: the node cannot go on", {
    error: String(error),
    ...(error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}),
  });
  try {
    await closers.closeAll();
  } catch (cause) {
    logger.log("error", "node", "closing failed", { error: String(cause) });
  }
  onFatal?.(error);
}
