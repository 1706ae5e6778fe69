/**
 * A long run on real processes: a devnet, a PostgreSQL server, `quorate index --follow` and a reader of events, while module calls
 * are sent. Indexer, reader, node, sender and server are killed in turn; at the end the rows must be those of the ledger one by one,
 * each must have been inserted once and never deleted, and the reader must have each event once and in order. Exit code 1 when
 * anything is not so.
 *
 *   npm run build && npm run index:kills [-- CALLS [NODES [KILLS]]]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hex0x, utf8 } from "../../src/base/bytes.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { openPostgres } from "../../src/indexer/postgres.ts";
import type { SqlDatabase } from "../../src/indexer/sql-database.ts";
import { useSchema } from "../../src/indexer/sql-index.ts";
import { Client, type Wallet } from "../../src/sdk/client.ts";
import { COMMAND, Devnet, until } from "../e2e/processes.ts";
import { deeds } from "../indexer/deeds.ts";
import { PostgresServer } from "../indexer/postgres-server.ts";
import { compareWithLedger } from "../indexer/rows-of-ledger.ts";

const CALLS = Number(process.argv[2] ?? 50_000);
const NODES = Number(process.argv[3] ?? 1);
/** Two of each of the five, and ten of those that are not the server. */
const KILLS = Number(process.argv[4] ?? 13);
const TARGETS = ["indexer", "reader", "node", "sender", "server"] as const;
const NAMES = ["alice", "bob", "carol", "dave"];
/** Calls of one account that are under way at once. */
const AHEAD = 200;
const started = performance.now();
const problems: string[] = [];
const killed: Record<string, number> = {};

function say(words: string): void {
  console.log(`${((performance.now() - started) / 1_000).toFixed(0).padStart(4)} s  ${words}`);
}

const net = await Devnet.start(NODES, ["--module", join(import.meta.dirname, "../indexer/deeds.ts")]);
const server = await PostgresServer.start();
const folder = mkdtempSync(join(tmpdir(), "quorate-index-kills-"));
const urls = Array.from({ length: NODES }, (_, i) => net.rpcUrl(i));
const client = new Client(urls);

let indexer: ChildProcess | undefined;
let output = "";
function startIndexer(): void {
  const place = ["--to", server.url, "--out", folder, "--batch", "20", "--rpc", urls.join(",")];
  indexer = spawn(process.execPath, [COMMAND, "index", "--follow", ...place], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  indexer.stderr?.on("data", (chunk: Buffer) => {
    output = `${output}${chunk}`.slice(-4_000);
  });
}

let reader: ChildProcess | undefined;
let isOver = false;
/** A server that is killed ends it, and a node that is killed does not. */
function startReader(): void {
  if (isOver) return;
  const script = join(import.meta.dirname, "events-into-sql.ts");
  const child = spawn(process.execPath, ["--import", "tsx", script, server.url, urls.join(",")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    readerOutput = `${readerOutput}${chunk}`.slice(-2_000);
  });
  child.once("exit", () => setTimeout(startReader, 200));
  reader = child;
}
let readerOutput = "";

async function killIndexer(): Promise<void> {
  const child = indexer;
  if (child === undefined || child.exitCode !== null) {
    problems.push(`the indexer ended by itself: ${output}`);
    return;
  }
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

/** The n-th call of an account is the same however often it is sent: enter a deed, then give it away. */
function callOf(wallet: Wallet, name: string, nonce: bigint, chain: Awaited<ReturnType<Client["chain"]>>) {
  const deed = hex0x(sha256(utf8(`${name} ${nonce / 2n}`))) as `0x${string}`;
  const to = net.wallet(NAMES[(NAMES.indexOf(name) + 1) % NAMES.length] ?? "alice")
    .addressHex as `0x${string}`;
  const order = { chain, nonce, fee: 0n };
  return nonce % 2n === 0n
    ? wallet.call(deeds.enter, { deed, label: `deed ${nonce}` }, order)
    : wallet.call(deeds.give, { deed, to }, order);
}

let generation = 0;
let done = 0;
/** Sends an account's calls until all are in blocks; a sender that was killed knows nothing of what it has sent. */
async function sendAll(name: string, count: bigint, mine: number): Promise<void> {
  const wallet = net.wallet(name);
  const chain = await client.chain();
  let sent = 0n;
  for (;;) {
    if (mine !== generation) return;
    try {
      const nonce = BigInt((await client.account(wallet.address)).nonce);
      if (nonce >= count) return;
      if (nonce > sent) sent = nonce;
      const end = nonce + BigInt(AHEAD) < count ? nonce + BigInt(AHEAD) : count;
      const first = sent > nonce && sent < end ? sent : nonce;
      const calls = [];
      for (let at = first; at < end && calls.length < 100; at++) calls.push(callOf(wallet, name, at, chain));
      const batch = calls.map(({ bytes }) => ({
        method: "tx_send" as const,
        params: { tx: hex0x(bytes), wait: "none" as const },
      }));
      await client.batch(batch);
      sent = first + BigInt(calls.length);
      if (sent >= end) sent = nonce;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function countDone(): Promise<number> {
  const accounts = await Promise.all(NAMES.map((name) => client.account(net.wallet(name).address)));
  done = accounts.reduce((sum, { nonce }) => sum + Number(nonce), 0);
  return done;
}

const perAccount = BigInt(Math.ceil(CALLS / NAMES.length));
function startSenders(): Promise<unknown> {
  generation++;
  return Promise.all(NAMES.map((name) => sendAll(name, perAccount, generation)));
}

async function kill(target: (typeof TARGETS)[number]): Promise<void> {
  killed[target] = (killed[target] ?? 0) + 1;
  if (target === "indexer") {
    await killIndexer();
    startIndexer();
  } else if (target === "reader") {
    reader?.kill("SIGKILL");
  } else if (target === "server") {
    await server.kill();
    await server.restart();
  } else if (target === "node") {
    await net.act(0, "kill");
    await net.act(0, "restart");
  } else sending = startSenders();
  say(`killed the ${target} after ${done} calls`);
}

/** Each entry of the module's map, as the node tells it, beside its row. */
async function compareDeeds(rows: SqlDatabase): Promise<string[]> {
  const found = await rows.query(
    `select '0x' || encode(key, 'hex') as key, '0x' || encode(owner, 'hex') as owner, label, since::int, grade, value::text as worth,
       '0x' || encode(last_owner, 'hex') as "lastOwner" from state_deeds_deeds t order by t.key`,
  );
  let at = 0;
  for (let cursor: string | undefined; ; ) {
    const page = await client.entries(deeds, "deeds", { limit: 1_000, cursor });
    for (const { key, value } of page.entries) {
      const { owner, label, since, grade, value: worth, lastOwner } = value;
      const wanted = JSON.stringify({ key, owner, label, since, grade, worth: `${worth}`, lastOwner });
      const is = JSON.stringify(found[at++]);
      if (is !== wanted) return [`deeds[${at - 1}]: ${is}, expected ${wanted}`];
    }
    cursor = page.cursor;
    if (cursor !== undefined) continue;
    say(`${at} entries of the map deeds compared`);
    return at === found.length ? [] : [`deeds: ${found.length} rows, ${at} expected`];
  }
}

/** What the reader has, in the order in which it came, beside the events of the ledger in theirs. */
async function compareReceived(rows: SqlDatabase): Promise<string[]> {
  const received = await rows.query(
    "select height::text, tx_hash, event, fields->>'deed' as deed from reader.received order by n",
  );
  const wanted = await rows.query(
    `select e.height::text, '0x' || encode(e.tx_hash, 'hex') as tx_hash, e.name as event, '0x' || encode(substr(e.data, 1, 32), 'hex') as deed
       from events e where e.module = 'deeds' order by e.height, e.tx_index, e.event_index`,
  );
  const wrong = wanted.findIndex((row, i) => JSON.stringify(row) !== JSON.stringify(received[i]));
  if (wrong < 0 && received.length === wanted.length) return [];
  const shown = (row: unknown) => JSON.stringify(row);
  return [
    `the reader: ${received.length} events, ${wanted.length} expected; event ${wrong}: ${shown(received[wrong])}, expected ${shown(wanted[wrong])}`,
  ];
}

let sending: Promise<unknown> = Promise.resolve();
try {
  startIndexer();
  const db = await openPostgres(server.url);
  await until(
    async () => (await db.query("select to_regclass('quorate.cursor')::text as name"))[0]?.name ?? undefined,
    "a schema",
    120_000,
  );
  await useSchema(db, "quorate");
  await db.execute(`
create table seen (op text, height bigint, tx_index integer, event_index integer);
create function see() returns trigger language plpgsql as $$ begin
  insert into quorate.seen values (tg_op, coalesce(new.height, old.height), coalesce(new.tx_index, old.tx_index), coalesce(new.event_index, old.event_index));
  return null; end $$;
create trigger seen after insert or delete or update on events for each row execute function see();`);
  await db.close();
  startReader();
  sending = startSenders();
  for (let n = 0; n < KILLS; n++) {
    const due = ((n + 1) * Number(perAccount) * NAMES.length) / (KILLS + 1);
    await until(async () => (await countDone()) >= due, `${due} calls`, 1_800_000);
    await kill(TARGETS[n % TARGETS.length] ?? "indexer");
  }
  await until(async () => (await countDone()) >= Number(perAccount) * NAMES.length, "all calls", 1_800_000);
  await sending;
  const { height } = await client.call("chain_getHead");
  say(`${done} calls in ${height} blocks`);
  const rows = await openPostgres(server.url);
  await useSchema(rows, "quorate");
  const hasEnded = () => indexer?.exitCode !== null && indexer?.exitCode !== undefined;
  const cursor = async () =>
    Number((await rows.query("select height::text as height from cursor"))[0]?.height);
  await until(async () => hasEnded() || (await cursor()) >= height, "the index at the head", 600_000);
  say(`indexed up to ${height}`);
  problems.push(...(await compareWithLedger(rows, client)));
  problems.push(...(await compareDeeds(rows)));
  const received = async () =>
    Number((await rows.query("select count(*)::int as count from reader.received"))[0]?.count);
  const [{ count: made } = { count: 0 }] = await rows.query(
    "select count(*)::int as count from events where module = 'deeds'",
  );
  await until(async () => (await received()) >= Number(made), "the reader at the head", 600_000).catch(
    (error) => problems.push(`${error}: ${readerOutput}`),
  );
  problems.push(...(await compareReceived(rows)));
  say(`the reader has ${await received()} events of ${made}`);
  const [events] = await rows.query("select count(*)::int as count from events");
  const seen = await rows.query(
    "select op, count(*)::int, count(distinct (height, tx_index, event_index))::int as places from seen group by op",
  );
  say(`events: ${events?.count} rows; ${JSON.stringify(seen)}`);
  const outcomes = await rows.query(
    "select module, success, fault, count(*)::int from transactions join receipts using (height, tx_index) group by 1, 2, 3 order by 1, 2, 3",
  );
  say(`receipts: ${JSON.stringify(outcomes)}`);
  const [once] = seen;
  if (
    seen.length !== 1 ||
    once?.op !== "INSERT" ||
    once.count !== events?.count ||
    once.places !== events?.count
  )
    problems.push("an event was not inserted exactly once");
  const differing = await rows.query(`
    select count(*)::int as count from state_deeds_deeds d
    join (select distinct on (deed) deed, "to" from event_deeds_changed_hands order by deed, height desc, tx_index desc) e on e.deed = d.key
    where d.owner <> e."to"`);
  if (differing[0]?.count !== 0)
    problems.push(`${differing[0]?.count} deeds have another owner than their last event says`);
  await rows.close();
} catch (error) {
  problems.push(`${String(error)}\n${output}`);
} finally {
  generation++;
  isOver = true;
  reader?.kill("SIGKILL");
  await killIndexer();
  await server.stop();
  await net.remove();
  rmSync(folder, { recursive: true, force: true });
}
say(
  `killed: ${Object.entries(killed)
    .map(([target, times]) => `${target} ${times}`)
    .join(", ")}`,
);
for (const problem of problems) say(`WRONG: ${problem}`);
say(
  problems.length === 0
    ? "every row equals the ledger's, each event once and in order"
    : `${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
