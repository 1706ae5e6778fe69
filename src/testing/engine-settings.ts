/** How patient the engines of a chain in a test are, on virtual time. A miner asks for none of it. */
import type { EngineSettings } from "../consensus/engine.ts";

export const ENGINE_SETTINGS: EngineSettings = {
  statusIntervalMs: 1_000,
  blockTimeMs: 0,
  emptyBlocksMs: undefined,
  requestTimeoutMs: 2_000,
  timeoutMaxMs: 60_000,
  resendIntervalMs: 1_000,
  fairnessTimeoutMs: 5_000,
};
