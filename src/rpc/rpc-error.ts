/** The node's refusal of a call, as the client throws it. Its codes are in docs/rpc.md, "Errors". */

export class RpcError extends Error {
  override readonly name = "RpcError";
  /** The JSON-RPC error code, such as -32003. */
  readonly code: number;
  /** `data.code` is the stable name, such as TX_NONCE_TOO_LOW. */
  readonly data: { readonly code?: string; readonly [key: string]: unknown };

  constructor(error: { readonly code: number; readonly message: string; readonly data?: unknown }) {
    super(error.message);
    this.code = error.code;
    this.data = (error.data ?? {}) as RpcError["data"];
  }
}
