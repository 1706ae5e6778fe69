/**
 * Sends the anchors of one account as fast as the pool's queue of that sender takes them: at most AHEAD_MAX ahead of the confirmed
 * nonce, refilled as blocks confirm. Sending is repeated when nothing moves, because the pool may have let go of a
 * transaction; the same bytes cannot take effect twice.
 */
import { hex0x } from "../../base/bytes.ts";
import { POOL_NONCE_GAP_MAX, RPC_BATCH_CALLS_MAX } from "../../base/limits.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import { type Client, RpcError } from "../../sdk/client.ts";
import { CliError, EXIT } from "../exit.ts";
import { ask, refusalError } from "../rpc.ts";

const AHEAD_MAX = Math.min(POOL_NONCE_GAP_MAX, RPC_BATCH_CALLS_MAX);
const POLL_MS = 40;
/** After so many ms without progress, what is under way is sent again. */
const RESEND_MS = 3_000;
/** After so many ms without progress, the chain has halted as far as this command can tell. */
const STALL_MS = 60_000;

/** What the pool answers to a transaction that it or the chain holds already, or has no room for now. */
const HARMLESS = [
  "TX_DUPLICATE",
  "TX_NONCE_TOO_LOW",
  // Another transaction of the account has the nonce: when all of the queue are confirmed, anchor-batch.ts sees what is missing.
  "TX_UNDERPRICED_REPLACEMENT",
  "MEMPOOL_FULL",
  "TX_NONCE_GAP",
  "SYNCING",
];

/** The part of the client that a sender queue needs. */
export type BatchClient = Pick<Client, "account" | "batch">;

/**
 * Resolves when all are in blocks.
 * @param transactions of one sender, with consecutive nonces
 * @param progress is told how many are confirmed
 */
export async function sendInOrder(
  client: BatchClient,
  transactions: readonly SignedTransaction[],
  progress: (confirmed: number) => void,
): Promise<void> {
  const first = transactions[0];
  if (first === undefined) return;
  let confirmed = 0;
  let sent = 0;
  let movedAt = performance.now();
  let sentAt = movedAt;
  while (confirmed < transactions.length) {
    const now = performance.now();
    if (now - movedAt > STALL_MS) throw stalled(confirmed, transactions.length);
    if (now - Math.max(sentAt, movedAt) > RESEND_MS) sent = confirmed;
    const until = Math.min(confirmed + AHEAD_MAX, transactions.length);
    if (sent < until) {
      await sendAll(client, transactions.slice(sent, until));
      [sent, sentAt] = [until, performance.now()];
    }
    const { nonce } = await ask(client.account(first.from));
    const reached = Math.min(transactions.length, Math.max(0, nonce - Number(first.nonce)));
    if (reached > confirmed) {
      [confirmed, movedAt] = [reached, performance.now()];
      progress(confirmed);
    } else {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

async function sendAll(client: BatchClient, transactions: readonly SignedTransaction[]): Promise<void> {
  const calls = transactions.map((tx) => ({ method: "tx_send", params: { tx: hex0x(tx.bytes) } }) as const);
  for (const answer of await ask(client.batch(calls))) {
    if (answer instanceof RpcError && !HARMLESS.includes(answer.data.code ?? "")) throw refusalError(answer);
  }
}

function stalled(confirmed: number, total: number): CliError {
  return new CliError(
    EXIT.timedOut,
    "STALLED",
    `no progress for ${STALL_MS / 1_000} s: ${confirmed} of ${total} anchors are final. Look at: quorate status. Running the same command again goes on from there`,
  );
}
