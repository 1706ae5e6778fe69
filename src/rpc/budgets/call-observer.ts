/**
 * What the RPC server tells whoever counts: plain calls, no metric library. The node turns them into
 * rpc_requests_total, rpc_duration_seconds and rpc_ws_subscriptions (docs/rpc.md, "Metrics").
 */
export interface RpcObserver {
  /** One call was answered. `method` is a name of the table or "unknown", `code` is 0 or the JSON-RPC error code. */
  callAnswered(method: string, code: number, durationMs: number): void;
  /** A request that never became a call: 400, 403, 404, 405, 413, 415, 429, 503. */
  requestRefused(httpStatus: number): void;
  /** The number of open subscriptions over all connections. */
  subscriptionsChanged(open: number): void;
}

export const NO_OBSERVER: RpcObserver = {
  callAnswered: () => undefined,
  requestRefused: () => undefined,
  subscriptionsChanged: () => undefined,
};
