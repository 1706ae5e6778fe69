/** An event of the engine as JSON, on the topic `consensus` and in consensus_getEvents. */
import { showHash } from "../../base/bytes.ts";
import type { EngineEvent } from "../../consensus/engine.ts";
import { showWide } from "./show-numbers.ts";

/** Heights are called seq, as in the paper and in consensus_getState. */
export function showEngineEvent(event: EngineEvent): Record<string, string | number> {
  const shown: Record<string, string | number> = { type: event.type };
  if ("height" in event) shown.seq = showWide(event.height);
  if ("view" in event) shown.view = showWide(event.view);
  if ("hash" in event) shown.digest = showHash(event.hash);
  if ("from" in event) shown.from = event.from;
  if ("detail" in event) shown.detail = event.detail;
  if ("reason" in event) shown.reason = event.reason;
  if ("minHeight" in event) {
    shown.minSeq = showWide(event.minHeight);
    shown.maxSeq = showWide(event.maxHeight);
  }
  return shown;
}
