/** What JSON-RPC tells of its calls, as metrics. */
import type { RpcObserver } from "../../rpc/budgets/call-observer.ts";
import type { Metrics } from "./metrics.ts";

export function rpcObserver(
  metrics: Metrics,
  subscriptionsChanged: RpcObserver["subscriptionsChanged"],
): RpcObserver {
  return {
    callAnswered: (method, code, durationMs) => {
      metrics.rpcRequests.inc({ method, code: String(code) });
      metrics.rpcSeconds.observe({ method }, durationMs / 1000);
    },
    requestRefused: (status) => metrics.rpcRequests.inc({ method: "none", code: `http ${status}` }),
    subscriptionsChanged,
  };
}
