/**
 * Blocks, transactions and state as pages show them: asked for with their proofs in one request, decoded here from the
 * bytes that were checked. What could not be checked (what waits in the pool, blocks beside the chain) says so.
 */

import { equalBytes, type Hash, hex0x, parseBytes32, showHash } from "../../base/bytes.ts";
import { blockTimeMs } from "../../chain/types/block-time.ts";
import { showTransaction } from "../../rpc/schemas/show.ts";
import { showOutcome } from "../../rpc/schemas/show-outcome.ts";
import { parseStatePath } from "../../rpc/schemas/state-path.ts";
import { minedChainOf } from "../../sdk/trusted-genesis.ts";
import {
  type ShownHead,
  type VerifiedHead,
  verifyBody,
  verifyHead,
  verifyState,
  verifyTransaction,
} from "../../sdk/verify-block.ts";
import { counted } from "../model/format.ts";
import { type Answer, askAll, orThrow, orUndefined } from "./asked-nodes.ts";
import { type Check, type Proving, record, trustedFor } from "./checks.ts";

export type ShownBlock = NonNullable<Exclude<Answer<"chain_getBlock">, Error>>;
export type ShownTx = Exclude<NonNullable<ShownBlock["txs"]>[number], string>;
export type TxOutcome = ReturnType<typeof showOutcome>;

export interface BlockView {
  /** The block as the node tells it. Where checks hold, every field equals the decoded one. */
  readonly block: ShownBlock;
  readonly header: VerifiedHead | undefined;
  /** Decoded here where the body holds. Undefined where only the header is known. */
  readonly transactions: readonly ShownTx[] | undefined;
  readonly checks: readonly Check[];
  readonly raw: { readonly header: string; readonly summary: string; readonly seal: string } | undefined;
}

/** Undefined for a block that the node does not know. @param name height or hash */
export async function readBlock(name: string): Promise<BlockView | undefined> {
  const block = /^\d+$/.test(name) ? Number(name) : name;
  const [shown, proof] = await askAll([
    { method: "chain_getBlock", params: { block, full: true } },
    { method: "chain_getFinalityProof", params: { block } },
  ]);
  const found = orThrow(shown);
  if (found === null) return undefined;
  const shownTxs = found.txs?.filter((tx) => typeof tx !== "string");
  const finality = proof instanceof Error ? null : proof;
  if (finality === null) {
    return { block: found, header: undefined, transactions: shownTxs, checks: [], raw: undefined };
  }
  const { checks, verified } = await checkHead(finality, { hash: found.hash, height: found.height });
  if (verified === undefined)
    return { block: found, header: undefined, transactions: shownTxs, checks, raw: finality };
  const body = verifyBody(verified.head, shownTxs?.map(({ raw }) => raw) ?? []);
  const transactions = body.ok ? body.value.map((tx) => showTransaction(tx)) : shownTxs;
  checks.push({
    what: "transactions",
    holds: body.ok,
    words: body.ok
      ? `${counted(body.value.length, "signed envelope")} under the block's txRoot`
      : body.fault.detail,
  });
  checks.push(compare(found, verified, transactions, shownTxs));
  record(`block ${found.height}`, checks);
  return {
    block: found,
    header: verified,
    transactions: transactions as readonly ShownTx[],
    checks,
    raw: finality,
  };
}

/** The head itself, its hash against what was asked, and the validators of its epoch. */
async function checkHead(
  shown: ShownHead,
  asked: { readonly hash: string; readonly height: number },
): Promise<{ checks: Check[]; verified: VerifiedHead | undefined }> {
  const trusted = await trustedFor([shown.summary]);
  const verdict = verifyHead(shown, trusted);
  const checks: Check[] = [];
  if (!verdict.ok) {
    const what = minedChainOf(trusted) === undefined ? "certificate" : "proof of work";
    checks.push({ what, holds: false, words: verdict.fault.detail });
    record(`block ${asked.height}`, checks);
    return { checks, verified: undefined };
  }
  const verified = verdict.value;
  const { by, words, head } = verified;
  const hash = showHash(head.hash);
  checks.push({ what: by === "work" ? "proof of work" : by, holds: true, words });
  const isAsked = hash === asked.hash && Number(head.summary.height) === asked.height;
  const other = `the proof is of block ${head.summary.height} ${hash}, shown is ${asked.height} ${asked.hash}`;
  checks.push({
    what: "hash",
    holds: isAsked,
    words: isAsked ? "the double SHA-256 of the 80 bytes of its header" : other,
  });
  if (by === "certificate") checks.push(checkValidators(head.summary, trusted));
  return { checks, verified };
}

function checkValidators(
  { validatorsHash, epoch }: VerifiedHead["head"]["summary"],
  { sets }: Proving,
): Check {
  const own = sets.setOf(epoch);
  const holds = own !== undefined && equalBytes(own.hash, validatorsHash);
  const how =
    epoch === 0n
      ? "the genesis makes"
      : `follows from the genesis, each of ${epoch} changes signed by the set before it`;
  const words = holds
    ? `the block names the set of ${own.members.length} of epoch ${epoch} that ${how}`
    : `the block names ${hex0x(validatorsHash)}, the set of epoch ${epoch} known here is ${own === undefined ? "none" : hex0x(own.hash)}`;
  return { what: "validator set", holds, words };
}

/** Every field that the page shows of a block against the decoded one. */
function compare(
  block: ShownBlock,
  { head }: VerifiedHead,
  decoded: readonly ShownTx[] | readonly ReturnType<typeof showTransaction>[] | undefined,
  shown: readonly ShownTx[] | undefined,
): Check {
  const { header, summary } = head;
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ["parent", block.parentHash, showHash(header.previousHash)],
    ["time", BigInt(block.time), blockTimeMs(head)],
    ["proposer", block.proposer, summary.proposer],
    ["txCount", block.txCount, summary.txCount],
    ["txRoot", block.txRoot, hex0x(summary.txRoot)],
    ["stateRoot", block.stateRoot, hex0x(summary.stateRoot)],
    ["receiptsRoot", block.receiptsRoot, hex0x(summary.receiptsRoot)],
    ["transactions", JSON.stringify(shown), JSON.stringify(decoded)],
  ];
  const wrong = pairs.find(([, a, b]) => a !== b);
  const words =
    wrong === undefined
      ? "what the node told in JSON says the same as the bytes that were checked"
      : `${wrong[0]}: the node says ${String(wrong[1]).slice(0, 100)}, the checked bytes ${String(wrong[2]).slice(0, 100)}`;
  return { what: "what is shown", holds: wrong === undefined, words };
}

export type Timeline = NonNullable<Exclude<Answer<"tx_getTimeline">, Error>>;

export interface TxView {
  readonly tx: ShownTx;
  readonly status: "pending" | "included" | "final";
  readonly place:
    | { readonly height: number; readonly hash: string; readonly index: number; readonly timeMs: number }
    | undefined;
  readonly outcome: TxOutcome | undefined;
  readonly confirmations: number | undefined;
  readonly reversalProbability: number | undefined;
  readonly checks: readonly Check[];
  /** This node's word for when it saw the transaction. Undefined where it has none. */
  readonly timeline: Timeline | undefined;
  /** The proof as the node gave it, for a receipt. */
  readonly proof: NonNullable<Exclude<Answer<"tx_getProof">, Error>> | undefined;
}

/** Undefined where no node knows it. @throws Error for what is no hash, or refused */
export async function readTransaction(hash: string): Promise<TxView | undefined> {
  const id = parseBytes32(hash);
  if (id === undefined) throw new Error("a transaction's hash is 0x and 64 hex digits");
  const [got, proved, stages] = await askAll([
    { method: "tx_get", params: { hash } },
    { method: "tx_getProof", params: { hash } },
    { method: "tx_getTimeline", params: { hash } },
  ]);
  const found = orThrow(got);
  if (found === null) return undefined;
  const { tx, status, confirmations, reversalProbability } = found;
  const proof = proved instanceof Error ? null : proved;
  const timeline = orUndefined(stages) ?? undefined;
  const none = {
    timeline,
    tx,
    status,
    confirmations,
    reversalProbability,
    outcome: undefined,
    place: undefined,
    proof: undefined,
  };
  if (proof === null) return { ...none, checks: [] };
  const { checks, verified } = await checkHead(proof, { hash: proof.blockHash, height: proof.height });
  if (verified === undefined) return { ...none, checks };
  const inside = verifyTransaction(verified.head, proof, id as Hash);
  if (!inside.ok) {
    checks.push({ what: "Merkle paths", holds: false, words: inside.fault.detail });
    record(`transaction ${hash}`, checks);
    return { ...none, checks };
  }
  const { transaction, receipt, index } = inside.value;
  const levels = proof.txPath.siblings.length;
  checks.push({
    what: "Merkle paths",
    holds: true,
    words: `transaction and receipt stand at ${index} under txRoot and receiptsRoot, over ${counted(levels, "level")}`,
  });
  const decoded = showTransaction(transaction) as ShownTx;
  const isSame = JSON.stringify(decoded) === JSON.stringify(tx);
  checks.push({
    what: "what is shown",
    holds: isSame,
    words: isSame
      ? "what the node told says the same as the checked bytes"
      : "the node told something else than the checked bytes, which are shown here",
  });
  record(`transaction ${hash}`, checks);
  const timeMs = Number(blockTimeMs(verified.head));
  const place = {
    height: Number(verified.head.summary.height),
    hash: showHash(verified.head.hash),
    index,
    timeMs,
  };
  return {
    timeline,
    tx: decoded,
    status,
    confirmations,
    reversalProbability,
    place,
    outcome: showOutcome(receipt, transaction.module),
    checks,
    proof,
  };
}

export type ShownState = Exclude<Answer<"state_query">, Error>;

export interface StateView {
  readonly answer: ShownState;
  /** The value as it is decoded here, or undefined where the state holds nothing. */
  readonly value: Readonly<Record<string, string | number>> | undefined;
  readonly checks: readonly Check[];
}

/** @throws Error for a path that is none */
export async function readState(path: string): Promise<StateView> {
  const parsed = parseStatePath(path);
  if (!parsed.ok) throw new Error(parsed.fault.detail);
  const [got] = await askAll([{ method: "state_query", params: { path, prove: true } }]);
  const answer = orThrow(got);
  const { finality, proof, height, blockHash } = answer;
  if (finality === undefined || proof === undefined) throw new Error("the node gave no proof");
  const { checks, verified } = await checkHead(finality, { hash: blockHash, height });
  const held =
    verified === undefined ? undefined : verifyState(verified.head, parsed.value.key, answer.value, proof);
  if (held !== undefined) {
    const words =
      answer.value === null
        ? `nothing stands there under the state root of block ${height}`
        : `the value stands under the state root of block ${height}`;
    checks.push({ what: "state proof", holds: held.ok, words: held.ok ? words : held.fault.detail });
  }
  record(path, checks);
  const value = held?.ok && held.value !== undefined ? parsed.value.decode(held.value) : undefined;
  // Accounts and anchors, whose forms are known here without a node's word, are objects.
  return { answer, value: value as StateView["value"], checks };
}
