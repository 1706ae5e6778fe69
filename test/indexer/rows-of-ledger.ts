/**
 * The rows that an index must have, made anew from what a node says of its chain by JSON-RPC, and compared with those that
 * it has, one by one. It shares no code with the indexer but the names of tables.
 */

import type { SqlDatabase, SqlRow } from "../../src/indexer/sql-database.ts";
import type { Client } from "../../src/sdk/client.ts";
import type { ResultOf } from "../../src/sdk/node-calls.ts";

type Row = Record<string, string | null>;

/** What differs: the first rows that are not equal, in words; empty when all are. */
export async function compareWithLedger(db: SqlDatabase, client: Client): Promise<readonly string[]> {
  const wanted = await rowsOfLedger(client);
  const differences: string[] = [];
  for (const [name, rows] of Object.entries(wanted)) {
    const found = await rowsOf(db, name);
    if (found.length !== rows.length)
      differences.push(`${name}: ${found.length} rows, ${rows.length} expected`);
    for (const [i, row] of rows.entries()) {
      const [is, should] = [JSON.stringify(found[i]), JSON.stringify(row)];
      if (is === should) continue;
      differences.push(`${name}[${i}]: ${is}, expected ${should}`);
      break;
    }
  }
  return differences;
}

const hexed = (column: string) => `'0x' || encode(${column}, 'hex') as ${column}`;

const QUERIES: Readonly<Record<string, string>> = {
  blocks: `select height::text, ${hexed("hash")}, time_ms::text, tx_count::text, ${hexed("state_root")} from blocks order by blocks.height`,
  transactions: `select height::text, tx_index::text, ${hexed("tx_hash")}, ${hexed("sender")}, nonce::text, fee::text, module, call, args->>'amount' as amount from transactions order by transactions.height, transactions.tx_index`,
  receipts: `select height::text, tx_index::text, ${hexed("tx_hash")}, success::text, code::text, fault, events::text from receipts order by receipts.height, receipts.tx_index`,
  events: `select height::text, tx_index::text, event_index::text, ${hexed("tx_hash")}, module, kind::text, name, ${hexed("data")} from events order by events.height, events.tx_index, events.event_index`,
  accounts: `select ${hexed("address")}, balance::text, nonce::text from accounts order by accounts.address`,
};

async function rowsOf(db: SqlDatabase, name: string): Promise<readonly SqlRow[]> {
  return db.query(QUERIES[name] ?? "");
}

async function rowsOfLedger(client: Client): Promise<Record<string, Row[]>> {
  const rows: Record<string, Row[]> = {
    blocks: [],
    transactions: [],
    receipts: [],
    events: [],
    accounts: [],
  };
  const addresses = new Set<string>();
  const { height: top } = await client.call("chain_getHead");
  const { genesis } = await client.call("chain_getGenesis");
  for (const { address } of (genesis as { accounts: { address: string }[] }).accounts) addresses.add(address);
  for (let height = 0; height <= top; height++) {
    const block = await client.call("chain_getBlock", { block: height, full: true });
    if (block?.txs == null) throw new Error(`block ${height} is gone`);
    rows.blocks?.push({
      height: `${height}`,
      hash: block.hash,
      time_ms: `${block.time}`,
      tx_count: `${block.txCount}`,
      state_root: block.stateRoot,
    });
    const receipts = await receiptsOf(
      client,
      block.txs.map((tx) => (typeof tx === "string" ? tx : tx.txHash)),
    );
    for (const [index, tx] of block.txs.entries()) {
      if (typeof tx === "string") throw new Error("whole transactions were asked for");
      const place = { height: `${height}`, tx_index: `${index}` };
      const { type = null, ...args } = tx.call ?? {};
      for (const value of [tx.from, args.to]) if (typeof value === "string") addresses.add(value);
      rows.transactions?.push({
        ...place,
        tx_hash: tx.txHash,
        sender: tx.from,
        nonce: `${tx.nonce}`,
        fee: tx.fee,
        module: tx.module,
        call: type as string | null,
        amount: (args.amount as string | undefined) ?? null,
      });
      const receipt = receipts[index];
      if (receipt === undefined) throw new Error(`receipt of ${tx.txHash} is gone`);
      rows.receipts?.push({
        ...place,
        tx_hash: tx.txHash,
        success: `${receipt.status === "success"}`,
        code: `${receipt.code}`,
        fault: receipt.fault,
        events: `${receipt.events.length}`,
      });
      for (const [i, event] of receipt.events.entries()) {
        rows.events?.push({
          ...place,
          event_index: `${i}`,
          tx_hash: tx.txHash,
          module: event.module,
          kind: `${event.kind}`,
          name: String(event.decoded?.type ?? event.kind),
          data: event.data,
        });
      }
    }
  }
  for (const address of [...addresses].sort()) {
    const { balance, nonce } = await client.call("account_get", { address });
    if (balance !== "0" || nonce !== 0) rows.accounts?.push({ address, balance, nonce: `${nonce}` });
  }
  return rows;
}

async function receiptsOf(client: Client, hashes: readonly string[]) {
  const receipts: ResultOf<"tx_getReceipt">[] = [];
  for (let at = 0; at < hashes.length; at += 100) {
    const calls = hashes
      .slice(at, at + 100)
      .map((hash) => ({ method: "tx_getReceipt" as const, params: { hash } }));
    for (const answer of await client.batch(calls)) {
      if (answer instanceof Error) throw answer;
      receipts.push(answer);
    }
  }
  return receipts.map((receipt) => receipt ?? undefined);
}
