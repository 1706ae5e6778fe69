/**
 * A long run on real processes: a devnet, a PostgreSQL server and `quorate index --follow`, while module calls are sent.
 * Indexer, server, node and sender are killed in turn, 12 times in all; at the end the rows must be those of the
 * ledger one by one, and each must have been inserted once and never deleted. Exit code 1 when anything is not so.
 *
 *   npm run build && npm run index:kills [-- CALLS [NODES]]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hex0x, utf8 } from "../../src/base/bytes.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { openPostgres } from "../../src/indexer/postgres.ts";
import { useSchema } from "../../src/indexer/sql-index.ts";
import { Client, type Wallet } from "../../src/sdk/client.ts";
import { COMMAND, Devnet, until } from "../e2e/processes.ts";
import { deeds } from "../indexer/deeds.ts";
import { PostgresServer } from "../indexer/postgres-server.ts";
import { compareWithLedger } from "../indexer/rows-of-ledger.ts";

const CALLS = Number(process.argv[2] ?? 50_000);
const NODES = Number(process.argv[3] ?? 1);
const KILLS = 12;
const TARGETS = ["indexer", "server", "node", "sender"] as const;
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
  } else if (target === "server") {
    await server.kill();
    await server.restart();
  } else if (target === "node") {
    await net.act(0, "kill");
    await net.act(0, "restart");
  } else sending = startSenders();
  say(`killed the ${target} after ${done} calls`);
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
  const [events] = await rows.query("select count(*)::int as count from events");
  const seen = await rows.query(
    "select op, count(*)::int, count(distinct (height, tx_index, event_index))::int as places from seen group by op",
  );
  say(`events: ${events?.count} rows; ${JSON.stringify(seen)}`);
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
