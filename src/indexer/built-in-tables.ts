/**
 * Tables of the modules that every chain has, by their declarations like any other. The two maps whose keys are one value have that
 * value as their key's column; governance has its events as tables, and none of its maps (ADR 40.2).
 */
import { must } from "../base/assert.ts";
import { parseHex } from "../base/bytes.ts";
import { BUILT_IN_FORMS } from "../chain/modules/built-in-forms.ts";
import type { EventForm, MapForm } from "./declared-tables.ts";
import { tableName } from "./sql-names.ts";

/** The tables of modules that every chain has, by module and map. */
const TABLES: Readonly<Record<string, { readonly name?: string; readonly keyColumn: string }>> = {
  "bank.accounts": { name: "accounts", keyColumn: "address" },
  "anchor.first": { keyColumn: "digest" },
  "anchor.senders": { keyColumn: "entry_key" },
  "coinbase.maturing": { keyColumn: "entry_key" },
};

export const BUILT_IN_EVENTS: readonly EventForm[] = BUILT_IN_FORMS.flatMap(({ id, form }) =>
  form.events.map(({ name: event, fields }, i) => ({
    ...{ module: id, kind: i + 1, name: tableName("event", form.name, event) },
    ...{ event, fields },
  })),
);

export const BUILT_IN_MAPS: readonly MapForm[] = BUILT_IN_FORMS.flatMap(({ form }) =>
  form.state.flatMap(({ name: map, key, value, prefix }) => {
    const table = TABLES[`${form.name}.${map}`];
    if (table === undefined) return [];
    const { name = tableName("state", form.name, map), keyColumn } = table;
    const bytes = must(parseHex(prefix ?? ""), "a fixed prefix is hex");
    return [{ name, keyColumn, prefix: bytes, key, value }];
  }),
);
