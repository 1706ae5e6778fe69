/**
 * The guard of votes where users send: a proposal or a vote of a member's account that would harm the chain
 * as this node sees it now is refused, unless it says itself that it is forced, which stays on the chain for all to see.
 * What peers pass on is not asked: on the chain only what follows from the chain is checked.
 */
import { equalBytes } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import { readAccount } from "../../chain/modules/accounts.ts";
import { gov } from "../../chain/modules/gov.ts";
import type { GovCall } from "../../chain/modules/gov-declaration.ts";
import { decodeTransaction } from "../../chain/types/transaction.ts";
import type { Replica } from "../replica.ts";
import { ReplicaMembership } from "./membership-api.ts";

/** Where an envelope has the number of its module (docs/protocol.md, "Transaction"). */
const MODULE_AT = 65;

/** @param envelope as it came, of which nothing was judged yet */
export function harmOf(envelope: Uint8Array, replica: Replica): Fault<"TX_HARMFUL"> | undefined {
  if (envelope[MODULE_AT] !== gov.id) return undefined;
  const { chain } = replica;
  const membership = ReplicaMembership.of(replica);
  const decoded = decodeTransaction(envelope, chain.genesis.limits.maxTxBytes);
  // What is malformed the pool refuses.
  if (membership === undefined || !decoded.ok) return undefined;
  const { from, nonce, payload } = decoded.value;
  const call = gov.decodeCall(payload);
  if (!call.ok || !isUnforced(call.value)) return undefined;
  // What a stranger sends fails by itself, and what the chain has already it may be asked about again.
  const isMembers = membership.governance().members.some(({ account }) => equalBytes(account, from));
  if (!isMembers || nonce < (readAccount(chain.committed, from)?.nonce ?? 0n)) return undefined;
  const harms = membership.harms(call.value);
  if (!harms.ok || harms.value.length === 0) return undefined;
  const detail = `${harms.value.join("; ")}. Not sent; a call that says that it is forced is taken nevertheless`;
  return fault("TX_HARMFUL", detail);
}

function isUnforced(call: GovCall): boolean {
  return (call.kind === "propose" || call.kind === "vote") && !call.isForced;
}
