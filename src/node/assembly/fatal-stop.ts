/** The end of a node that cannot go on: the log says why, everything is closed, and whoever runs it is told. */
import type { Logger } from "../../base/log.ts";
import type { Closers } from "./closers.ts";

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
