/** The node's database with the time of each batch measured, once there is a place for the figures. */
import type { Kv } from "../../storage/kv.ts";
import type { Metrics } from "../metrics/metrics.ts";

export function timedWrites(kv: Kv, timing: { readonly metrics?: Metrics }): Kv {
  return {
    get: (key) => kv.get(key),
    entries: (range) => kv.entries(range),
    close: () => kv.close(),
    async write(operations, options) {
      const end = timing.metrics?.batchSeconds.startTimer();
      await kv.write(operations, options);
      end?.();
    },
  };
}
