/** What JSON-RPC says of the chain is true of one ledger: that before a move of the head, or that after it. */
import type { NodeApi } from "./api.ts";
import { CallError } from "./errors.ts";

/** @throws CallError SYNCING when the head does not stand still for as long as it takes */
export async function readSettled<T>(
  api: Pick<NodeApi, "readSettled">,
  read: () => T | Promise<T>,
): Promise<T> {
  const settled = await api.readSettled(read);
  if (settled !== undefined) return settled.value;
  throw new CallError(
    "SYNCING",
    "the head of the chain is moving and did not stand still for this: ask again",
  );
}
