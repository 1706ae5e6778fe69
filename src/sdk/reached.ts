/** Whether a request can have reached a node: what was sent to one that broke off or kept silent may have been taken. */

/** Whether every node that was asked refused the connection: then none can have the transaction. */
export function wasNeverReached(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("code" in at && NEVER_REACHED.includes(String(at.code))) return true;
    // The words of the fetch standard for a port that it opens no connection to.
    if (at.message === "bad port") return true;
    if (at instanceof AggregateError) return at.errors.length > 0 && at.errors.every(wasNeverReached);
  }
  return false;
}

const NEVER_REACHED: readonly string[] = [
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "ERR_INVALID_URL",
  "UND_ERR_CONNECT_TIMEOUT",
];
