/**
 * The schema in SQL: tables of the chain, of declared events and maps, views, and the steps by which an older one becomes
 * this one. docs/sql.md describes it; ADR 30 says why it is so.
 */
import type { Column } from "./columns.ts";
import { type DeclaredTables, EVENT_PLACE, type EventTable, type MapTable } from "./declared-tables.ts";
import { quoted } from "./sql-names.ts";

/** A table whose rows belong to one block each and never change. */
export interface BlockTable {
  readonly name: string;
  readonly columns: readonly Column[];
}

export const BLOCKS: BlockTable = {
  name: "blocks",
  columns: columns({
    height: "bigint primary key",
    hash: "bytea not null unique",
    parent_hash: "bytea not null",
    time_ms: "bigint not null",
    epoch: "bigint not null",
    proposer: "integer",
    view: "bigint",
    signers: "smallint[]",
    bits: "bigint",
    work: "numeric",
    tx_count: "integer not null",
    body_bytes: "integer not null",
    tx_root: "bytea not null",
    state_root: "bytea not null",
    receipts_root: "bytea not null",
    seal: "bytea not null",
  }),
};

export const TRANSACTIONS: BlockTable = {
  name: "transactions",
  columns: columns({
    height: "bigint not null",
    tx_index: "integer not null",
    tx_hash: "bytea not null",
    sender: "bytea not null",
    nonce: "numeric(20) not null",
    fee: "numeric(20) not null",
    valid_until_height: "numeric(20)",
    module: "text not null",
    call: "text",
    args: "jsonb",
    payload: "bytea not null",
    signature: "bytea not null",
  }),
};

export const RECEIPTS: BlockTable = {
  name: "receipts",
  columns: columns({
    height: "bigint not null",
    tx_index: "integer not null",
    tx_hash: "bytea not null",
    success: "boolean not null",
    code: "integer not null",
    fault: "text",
    fee: "numeric(20) not null",
    events: "integer not null",
  }),
};

export const EVENTS: BlockTable = {
  name: "events",
  columns: columns({
    height: "bigint not null",
    tx_index: "integer not null",
    event_index: "integer not null",
    tx_hash: "bytea not null",
    module: "text not null",
    kind: "smallint not null",
    name: "text not null",
    data: "bytea not null",
  }),
};

/** Makes what holds the version, wherever it is not. */
export function versionTable(): string {
  return "create table if not exists schema_version (version integer primary key, applied_at timestamptz not null default now());";
}

/** The step from each version to the next, from 0, an empty schema, on. */
export const MIGRATIONS: readonly ((declared: DeclaredTables) => string)[] = [
  (declared) => `${chainTables()}\n${declaredSchema(declared)}`,
  // The events of one transaction by its hash: a look through all of them before.
  () => "create index events_hash on events (tx_hash);",
];

/** The version of the schema that this program writes: as many as there are steps. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The tables of declared events and maps, those that are not there yet: a module's new version may have more of them. */
export function declaredSchema({ events, maps }: DeclaredTables): string {
  return [...events.map(eventTable), ...maps.map(mapTables)].join("\n");
}

function chainTables(): string {
  return `
create table indexed_chain (
  one boolean primary key default true check (one),
  genesis_hash bytea not null, chain_id numeric(20) not null, consensus text not null, genesis text not null
);
create table cursor (
  one boolean primary key default true check (one),
  height bigint not null, block_hash bytea not null, updated_at timestamptz not null default now()
);
${create(BLOCKS, ["time timestamptz generated always as (to_timestamp(time_ms / 1000.0)) stored"])}
create index blocks_time on blocks (time_ms);
${create(TRANSACTIONS, ["primary key (height, tx_index)"])}
create unique index transactions_hash on transactions (tx_hash);
create index transactions_sender on transactions (sender, height);
${create(RECEIPTS, ["primary key (height, tx_index)"])}
create index receipts_hash on receipts (tx_hash);
${create(EVENTS, ["primary key (height, tx_index, event_index)"])}
create index events_module on events (module, name, height);
`;
}

function eventTable({ name, columns: declared }: EventTable): string {
  const place = EVENT_PLACE.map(({ name: column, type }) => ({ name: column, type: `${type} not null` }));
  return create({ name, columns: [...place, ...declared] }, ["primary key (height, tx_index, event_index)"]);
}

/** An address or hash is what people look for. */
function mapTables({ name, history, keyColumn, columns: declared }: MapTable): string {
  const key = quoted(keyColumn);
  const now = [
    { name: keyColumn, type: "bytea primary key" },
    ...declared,
    { name: "height", type: "bigint not null" },
  ];
  const then = [
    { name: keyColumn, type: "bytea not null" },
    ...declared,
    { name: "height", type: "bigint not null" },
    { name: "deleted", type: "boolean not null" },
  ];
  return `${create({ name, columns: now }, [])}
${create({ name: history, columns: then }, [`primary key (${key}, height)`])}
create index if not exists ${quoted(`${history}_height`)} on ${quoted(history)} (height);`;
}

function create({ name, columns: all }: BlockTable, more: readonly string[]): string {
  const parts = [...all.map((column) => `${quoted(column.name)} ${column.type}`), ...more];
  return `create table if not exists ${quoted(name)} (\n  ${parts.join(",\n  ")}\n);`;
}

function columns(types: Readonly<Record<string, string>>): readonly Column[] {
  return Object.entries(types).map(([name, type]) => ({ name, type }));
}

/** Made anew whenever a database is opened for writing: they hold nothing. */
export const VIEWS = `
create or replace view balances as
  select '0x' || encode(address, 'hex') as address, balance, nonce, height as changed_at
  from accounts;
create or replace view balance_history as
  select '0x' || encode(h.address, 'hex') as address, h.height, b.time,
    coalesce(h.balance, 0) as balance,
    coalesce(h.balance, 0) - coalesce(lag(h.balance) over (partition by h.address order by h.height), 0) as change,
    coalesce(h.nonce, 0) as nonce
  from history_accounts h join blocks b using (height);
create or replace view transfers as
  select e.height, b.time, '0x' || encode(e.tx_hash, 'hex') as tx_hash,
    '0x' || encode(e."from", 'hex') as sender, '0x' || encode(e."to", 'hex') as recipient, e.amount
  from event_bank_transferred e join blocks b using (height);
create or replace view transaction_list as
  select t.height, b.time, t.tx_index, '0x' || encode(t.tx_hash, 'hex') as tx_hash,
    '0x' || encode(t.sender, 'hex') as sender, t.module, t.call, t.args, t.fee, r.success, r.fault
  from transactions t join receipts r using (height, tx_index) join blocks b using (height);
`;
