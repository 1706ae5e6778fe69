/**
 * The one order of checks for every way into the pool (RPC, gossip, resurrection after a reorg): the cheap before
 * the dear, the signature last, so that nobody makes a node verify for free. It reads the head's state and the
 * queue of the sender and changes nothing. Sources: decision 3 and 5, pbft.md 1.11 and 1.15, docs/rpc.md.
 */
import { assert } from "../base/assert.ts";
import { type Address, hex0x } from "../base/bytes.ts";
import { accept, type Fault, fault, refuse, type Verdict } from "../base/fault.ts";
import {
  checkTransaction,
  type TransactionFaultCode,
  type TransactionRules,
} from "../chain/execution/validate-transaction.ts";
import type { Policy } from "../chain/governance/policy.ts";
import type { Account } from "../chain/modules/accounts.ts";
import type { ModuleSet } from "../chain/modules/module-set.ts";
import { decodeTransaction, type SignedTransaction } from "../chain/types/transaction.ts";
import type { SenderQueue } from "./sender-queue.ts";

export type AdmissionCode =
  | Exclude<TransactionFaultCode, "TX_NONCE_MISMATCH">
  | "TX_TOO_LARGE"
  | "TX_MALFORMED"
  | "TX_NONCE_TOO_LOW"
  | "TX_NONCE_GAP"
  | "TX_DUPLICATE"
  | "TX_UNDERPRICED_REPLACEMENT"
  | "MEMPOOL_FULL"
  | "TX_BAD_SIGNATURE";

/**
 * What gossip does with a message that holds such a transaction. Only bytes that decode on no node of the chain
 * are "reject": everything else may be right on a node with another head, pool or native library.
 */
export const RELAY_OF_FAULT: Readonly<Record<AdmissionCode, "ignore" | "reject">> = {
  TX_TOO_LARGE: "reject",
  TX_MALFORMED: "reject",
  TX_BAD_PAYLOAD: "reject",
  TX_COINBASE: "reject",
  TX_WRONG_CHAIN: "ignore",
  TX_UNKNOWN_MODULE: "ignore",
  TX_FEE_TOO_LOW: "ignore",
  TX_SENDER_NOT_ALLOWED: "ignore",
  TX_EXPIRED: "ignore",
  TX_UNKNOWN_SENDER: "ignore",
  TX_NONCE_TOO_LOW: "ignore",
  TX_NONCE_GAP: "ignore",
  TX_INSUFFICIENT_FUNDS: "ignore",
  TX_DUPLICATE: "ignore",
  TX_UNDERPRICED_REPLACEMENT: "ignore",
  MEMPOOL_FULL: "ignore",
  TX_BAD_SIGNATURE: "ignore",
};

/** The state at the head, as of `height`: it must answer for that one block until the pool is given the next. */
export interface HeadState {
  readonly height: bigint;
  /** What may be in the next block; left out where that is what genesis says. */
  readonly policy?: Pick<Policy, "minFee" | "senders">;
  /** The modules that run in the next block; left out where they are those of genesis. */
  readonly modules?: ModuleSet;
  /** @param key {@link byteText} of it, where it is known already */
  account(address: Address, key?: string): Account | undefined;
}

export interface AdmissionRules extends TransactionRules {
  readonly maxTxBytes: number;
  /** This node's own least fee. */
  readonly feeMin: bigint;
  /** Nonces that a transaction may be ahead of the sender's next one, pooled ones counted. */
  readonly nonceGapMax: number;
}

/** What passed every check; `cost` is the fee plus what the call spends of the sender's balance. */
export interface Candidate {
  readonly transaction: SignedTransaction;
  readonly cost: bigint;
  readonly account: Account;
  /** The sender's queue, if it has one. */
  readonly senderQueue: SenderQueue | undefined;
}

/** What admission asks of the pool and of the cache of signatures. */
export interface AdmissionPorts {
  head(): HeadState;
  senderQueue(transaction: SignedTransaction): SenderQueue | undefined;
  /** Whether a full pool would take the candidate. This is asked before the signature is checked. */
  findRoom(candidate: Candidate): Fault<AdmissionCode> | undefined;
  admitSignature(transaction: SignedTransaction): boolean;
}

export function admitTransaction(
  transaction: SignedTransaction,
  rules: AdmissionRules,
  ports: AdmissionPorts,
): Verdict<Candidate, AdmissionCode> {
  const candidate = admitUnverified(transaction, rules, ports);
  if (candidate.ok && !ports.admitSignature(transaction))
    return refuse("TX_BAD_SIGNATURE", badSignature(transaction));
  return candidate;
}

/** Every check but that of the signature. */
export function admitUnverified(
  transaction: SignedTransaction,
  rules: AdmissionRules,
  ports: Omit<AdmissionPorts, "admitSignature">,
): Verdict<Candidate, AdmissionCode> {
  const head = ports.head();
  const called = checkTransaction(transaction, rules, head.height + 1n);
  if (!called.ok) return { ok: false, fault: withAdvice(called.fault) };
  if (transaction.fee < rules.feeMin) return refuse("TX_FEE_TOO_LOW", belowOwnMinimum(transaction, rules));
  const account = head.account(transaction.from, transaction.fromKey);
  if (account === undefined) return refuse("TX_UNKNOWN_SENDER", unknownSender(transaction));
  const cost = transaction.fee + called.value.module.spends(called.value.call);
  const candidate = { transaction, cost, account, senderQueue: ports.senderQueue(transaction) };
  const found = checkNonce(candidate, rules) ?? checkFunds(candidate) ?? checkPlace(candidate, rules, ports);
  return found === undefined ? accept(candidate) : { ok: false, fault: found };
}

function belowOwnMinimum({ fee }: SignedTransaction, { feeMin, minFee }: AdmissionRules): string {
  return (
    `fee ${fee}, this node takes ${feeMin} or more (the chain allows ${minFee}); sign it with a higher fee or send it ` +
    "to another node"
  );
}

/** What a transaction has to pay at least to enter this node's pool. */
export function leastFee({ minFee, feeMin }: AdmissionRules): bigint {
  return feeMin > minFee ? feeMin : minFee;
}

/** The least fee that replaces a transaction paying `fee`: 10 % more, rounded up, and minFee more, and more at all. */
export function replacementFee(fee: bigint, minFee: bigint): bigint {
  const tenth = (fee + 9n) / 10n;
  const step = tenth > minFee ? tenth : minFee;
  return fee + (step > 1n ? step : 1n);
}

/** What an envelope from outside holds. */
export function openEnvelope(
  bytes: Uint8Array,
  rules: AdmissionRules,
): Verdict<SignedTransaction, "TX_MALFORMED" | "TX_TOO_LARGE"> {
  const decoded = decodeTransaction(ownBytes(bytes, rules.maxTxBytes), rules.maxTxBytes);
  if (decoded.ok) return decoded;
  const code = decoded.fault.code === "too-large" ? "TX_TOO_LARGE" : "TX_MALFORMED";
  return refuse(code, `${decoded.fault.detail}; build it anew, no node of this chain takes it`);
}

/** A view into a larger message is copied: one pooled transaction must not keep the whole message in memory. */
function ownBytes(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const isOwn = bytes.buffer.byteLength === bytes.length;
  return isOwn || bytes.length > bytesMax ? bytes : new Uint8Array(bytes);
}

type CheckCode = Exclude<TransactionFaultCode, "TX_NONCE_MISMATCH">;

const ADVICE: Readonly<Record<CheckCode, string>> = {
  TX_COINBASE: "sign a transfer instead",
  TX_WRONG_CHAIN: "sign it for this chain or send it to a node of the other",
  TX_UNKNOWN_MODULE: "see state_getModules for the modules and their calls",
  TX_BAD_PAYLOAD: "build it anew, no node of this chain takes it",
  TX_FEE_TOO_LOW: "sign it with a higher fee",
  TX_SENDER_NOT_ALLOWED: "ask an admin or the validators for the role sender (quorate gov propose grant)",
  TX_EXPIRED: "sign it with a later validUntilHeight, or 0 for none",
  TX_UNKNOWN_SENDER: "send it funds first",
  TX_INSUFFICIENT_FUNDS: "send it funds first",
};

/** The chain's own words for what a block may not hold, and what to do about it. */
function withAdvice({ code, detail }: Fault<TransactionFaultCode>): Fault<AdmissionCode> {
  assert(code !== "TX_NONCE_MISMATCH", "the pool has its own rule for nonces");
  return fault(code, `${detail}; ${ADVICE[code]}`);
}

function unknownSender({ from }: SignedTransaction): string {
  return `the state holds no account ${hex0x(from)} (balance 0, nonce 0); ${ADVICE.TX_UNKNOWN_SENDER}`;
}

function badSignature({ from }: SignedTransaction): string {
  return `the signature is not that of ${hex0x(from)}; sign the envelope with its key and this chain's genesis hash`;
}

function checkNonce(candidate: Candidate, rules: AdmissionRules): Fault<AdmissionCode> | undefined {
  const { nonce } = candidate.transaction;
  const { account, senderQueue } = candidate;
  if (nonce < account.nonce) {
    return fault(
      "TX_NONCE_TOO_LOW",
      `nonce ${nonce} was used, the account's next is ${account.nonce}; sign it with that`,
    );
  }
  // From what could run next, not from the account: a row of transactions without a hole may be as long as it likes.
  const pending =
    senderQueue !== undefined && senderQueue.pendingNonce > account.nonce
      ? senderQueue.pendingNonce
      : account.nonce;
  // Without a gap, which is the rule, no sum is made.
  if (nonce <= pending || nonce <= pending + BigInt(rules.nonceGapMax)) return undefined;
  return fault(
    "TX_NONCE_GAP",
    `nonce ${nonce} is ${nonce - pending} ahead of the next one, ${pending}; at most ${rules.nonceGapMax} are queued ` +
      `behind a gap; send nonce ${pending} first`,
  );
}

/** All the sender's transactions together, the candidate in its place, must be payable from the head's balance. */
function checkFunds(candidate: Candidate): Fault<AdmissionCode> | undefined {
  const { cost, account, senderQueue, transaction } = candidate;
  const held = senderQueue?.cost ?? 0n;
  const occupant = senderQueue?.at(transaction.nonce);
  const others = occupant === undefined ? held : held - occupant.cost;
  if (others + cost <= account.balance) return undefined;
  return fault(
    "TX_INSUFFICIENT_FUNDS",
    `fee and amount are ${cost}, other pooled transactions of the sender take ${others}, the balance is ` +
      `${account.balance}; send it funds, or wait until the others are included`,
  );
}

function checkPlace(
  candidate: Candidate,
  rules: AdmissionRules,
  ports: Pick<AdmissionPorts, "findRoom">,
): Fault<AdmissionCode> | undefined {
  const { id, idKey, nonce, fee } = candidate.transaction;
  const occupant = candidate.senderQueue?.at(nonce);
  if (occupant === undefined) return ports.findRoom(candidate);
  // Sender and nonce are in the id: one that is here stands nowhere else.
  if (occupant.transaction.idKey === idKey)
    return fault("TX_DUPLICATE", `${hex0x(id)} is in the pool already; nothing to do but wait`);
  const least = replacementFee(occupant.transaction.fee, rules.minFee);
  if (fee >= least) return ports.findRoom(candidate);
  return fault(
    "TX_UNDERPRICED_REPLACEMENT",
    `nonce ${nonce} is taken by ${hex0x(occupant.transaction.id)} with fee ${occupant.transaction.fee}, ` +
      `${fee} offered; replace it with a fee of at least ${least}`,
  );
}
