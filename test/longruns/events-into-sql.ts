/**
 * A reader of events, in a process of its own that is killed at any moment: it follows the events of the module `deeds` and writes
 * each with its cursor in one transaction. Its rows are numbered as they come.
 *
 *   events-into-sql.ts POSTGRES-URL RPC-URL[,RPC-URL]
 */
import pg from "pg";
import { Client } from "../../src/sdk/client.ts";
import { SqlCheckpointer } from "../../src/sdk/event-checkpoints.ts";
import { deeds } from "../indexer/deeds.ts";

const [url = "", nodes = ""] = process.argv.slice(2);

/** What is written at once, if so much is there; when nothing comes for a moment, what there is. */
const AT_ONCE = 50;
const MOMENT_MS = 100;

const sql = new pg.Client({ connectionString: url });
sql.on("error", () => process.exit(3)); // the server was killed: begun again by whoever started this
await sql.connect();
await sql.query("create schema if not exists reader; set search_path to reader");
await sql.query(
  "create table if not exists received (n bigserial primary key, height bigint, event_index bigint, tx_hash text, event text, fields jsonb)",
);
const checkpoint = new SqlCheckpointer(sql, { name: "deeds" });
const from = (await checkpoint.load()) ?? 0;
const events = new Client(nodes.split(",")).events({ module: deeds, from })[Symbol.asyncIterator]();

type Item = Awaited<ReturnType<typeof events.next>>;
function orMoment(next: Promise<Item>): Promise<Item | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), MOMENT_MS);
    next.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

let open = 0;
for (;;) {
  const next = events.next();
  let item = open === 0 ? await next : await orMoment(next);
  if (item === undefined || open >= AT_ONCE) {
    await sql.query("commit");
    open = 0;
  }
  item ??= await next;
  if (item.done === true || item.value.type !== "event")
    throw new Error("the events ended, or a chain without rollbacks had one");
  if (open === 0) await sql.query("begin");
  const { cursor, txHash, event, fields } = item.value;
  const shown = JSON.stringify(fields, (_, value) => (typeof value === "bigint" ? `${value}` : value));
  await sql.query(
    "insert into received (height, event_index, tx_hash, event, fields) values ($1, $2, $3, $4, $5)",
    [cursor.height, cursor.index, txHash, event, shown],
  );
  await checkpoint.save(cursor);
  open++;
}
