/**
 * What became of a transaction whose sending failed. A refusal (RpcError) is known to have had no effect: every node
 * that was asked refused it, or was not reached. Everything else is here: a node may have it, and may pass it on.
 */

/**
 * It may still happen: a node accepted the transaction, broke off, kept silent or has not answered yet. Sending the
 * same bytes again is harmless; signing another in its place may pay twice. `tx_get` of `txHash` tells what became of it.
 */
export class OutcomeUnknownError extends Error {
  override readonly name: string = "OutcomeUnknownError";
  /** The transaction's hash, 0x-hex of 32 bytes. */
  readonly txHash: string;
  /** Why it is not known: the node's code, such as WAIT_TIMEOUT, STOPPING or TX_DROPPED, or NO_ANSWER. */
  readonly code: string;

  constructor(
    message: string,
    { txHash, code, cause }: { readonly txHash: string; readonly code: string; readonly cause?: unknown },
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.txHash = txHash;
    this.code = code;
  }
}

/** Nodes called it final, but not in a way that the client may believe. */
export class NotConfirmedError extends OutcomeUnknownError {
  override readonly name = "NotConfirmedError";

  constructor(message: string, txHash: string) {
    super(message, { txHash, code: "NOT_CONFIRMED" });
  }
}
