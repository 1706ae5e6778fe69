/**
 * Tables that follow from declarations: one for each event and one for each map of the state, of the modules that every
 * chain has and of those that the genesis names. A map has two: what holds now, and each value that an entry has had
 * with the height from which on it held, by which blocks of a mined chain are undone.
 */
import { must } from "../base/assert.ts";
import { byteAt, EMPTY } from "../base/bytes.ts";
import type { FieldForms, ModuleForm } from "../chain/modules/module-form.ts";
import type { OwnModule } from "../chain/modules/module-set.ts";
import { codecOf, codecOfFields, PLAIN_VALUES } from "../chain/modules/value-codec.ts";
import type { TypeForm } from "../chain/modules/value-types.ts";
import { moduleKey } from "../chain/state/state-keys.ts";
import type { Event } from "../chain/types/receipt.ts";
import { decode } from "../codec/reader.ts";
import { BUILT_IN_EVENTS, BUILT_IN_MAPS } from "./built-in-tables.ts";
import { type Column, columnsOfFields, columnsOfValue, type ValueColumn } from "./columns.ts";
import { bytesField, type CopyField, NULL } from "./copy-text.ts";
import { tableName } from "./sql-names.ts";

export interface EventTable {
  readonly name: string;
  /** The declared name of the event. */
  readonly event: string;
  readonly module: number;
  readonly kind: number;
  readonly columns: readonly Column[];
  /** The declared fields of an event of this kind. */
  readonly fields: (event: Event) => readonly CopyField[];
}

/** What an event's row has besides: where it was emitted. */
export const EVENT_PLACE: readonly Column[] = [
  { name: "height", type: "bigint" },
  { name: "tx_index", type: "integer" },
  { name: "event_index", type: "integer" },
  { name: "tx_hash", type: "bytea" },
];

export interface MapTable {
  readonly name: string;
  /** The name of the table with each value that an entry has had. */
  readonly history: string;
  /** The column that holds the encoded key, and is the primary key. */
  readonly keyColumn: string;
  /** What state keys of this map begin with. */
  readonly prefix: Uint8Array;
  readonly columns: readonly Column[];
  /** The encoded key, then the declared fields of key and value. Of a deleted entry the value's are null. */
  readonly fields: (stateKey: Uint8Array, value: Uint8Array | undefined) => readonly CopyField[];
}

export interface MapForm {
  readonly name: string;
  readonly keyColumn: string;
  readonly prefix: Uint8Array;
  readonly key?: TypeForm | undefined;
  readonly value: TypeForm;
}

export interface EventForm {
  readonly module: number;
  readonly kind: number;
  /** The name of the table. */
  readonly name: string;
  readonly event: string;
  readonly fields: FieldForms;
}

export interface DeclaredTables {
  readonly events: readonly EventTable[];
  readonly maps: readonly MapTable[];
}

/** @param own declared modules of the chain */
export function declaredTables(own: readonly Pick<OwnModule, "id" | "form">[]): DeclaredTables {
  return {
    events: [...BUILT_IN_EVENTS, ...own.flatMap(eventForms)].map(eventTable),
    maps: [...BUILT_IN_MAPS, ...own.flatMap(mapForms)].map(mapTable),
  };
}

function eventForms({ id, form }: { readonly id: number; readonly form: ModuleForm }): readonly EventForm[] {
  return form.events.map(({ name, fields }, i) => ({
    module: id,
    kind: i + 1,
    name: tableName("event", form.name, name),
    event: name,
    fields,
  }));
}

function mapForms({ id, form }: { readonly id: number; readonly form: ModuleForm }): readonly MapForm[] {
  return form.state.map(({ name, key, value }, i) => ({
    name: tableName("state", form.name, name),
    keyColumn: "entry_key",
    prefix: moduleKey(id, i, EMPTY),
    key,
    value,
  }));
}

function eventTable({ module, kind, name, event, fields }: EventForm): EventTable {
  const columns = columnsOfFields(fields, new Set(EVENT_PLACE.map((column) => column.name)));
  const codec = codecOfFields(fields);
  return {
    name,
    event,
    module,
    kind,
    columns,
    fields({ data }) {
      const value = read(data, name, codec);
      return columns.map((column) => column.field(value));
    },
  };
}

function mapTable({ name, keyColumn, prefix, key, value }: MapForm): MapTable {
  const taken = new Set([keyColumn, "height", "deleted"]);
  const keyColumns = key === undefined || keyColumn !== "entry_key" ? [] : columnsOfValue("key", key, taken);
  for (const column of keyColumns) taken.add(column.name);
  const valueColumns = columnsOfValue("value", value, taken);
  return {
    name,
    history: name.startsWith("state_") ? name.replace("state_", "history_") : `history_${name}`,
    keyColumn,
    prefix,
    columns: [...keyColumns, ...valueColumns],
    fields: (stateKey, bytes) => {
      const rest = stateKey.subarray(prefix.length);
      return [
        bytesField(rest),
        ...fieldsOf(keyColumns, name, key, rest),
        ...(bytes === undefined ? valueColumns.map(() => NULL) : fieldsOf(valueColumns, name, value, bytes)),
      ];
    },
  };
}

function fieldsOf(
  columns: readonly ValueColumn[],
  name: string,
  type: TypeForm | undefined,
  bytes: Uint8Array,
): readonly CopyField[] {
  if (type === undefined || columns.length === 0) return [];
  const value = read(bytes, name, codecOf(type));
  return columns.map((column) => column.field(value));
}

/** The state and the events of an executed block were written by the declaration's own codec. */
function read(bytes: Uint8Array, name: string, codec: ReturnType<typeof codecOf>): unknown {
  const value = decode(bytes, name, (reader) => codec.read(reader, PLAIN_VALUES));
  return must(value.ok ? { value: value.value } : undefined, `what is stored as ${name} decodes`).value;
}

/** Finds the map that a state key belongs to: by its first byte, of a declared module by its first three. */
export class MapsByPrefix {
  readonly #byPrefix: ReadonlyMap<number, MapTable>;

  constructor(maps: readonly MapTable[]) {
    this.#byPrefix = new Map(maps.map((map) => [prefixNumber(map.prefix), map]));
  }

  /** Undefined for a part of the state that has no table. */
  find(stateKey: Uint8Array): MapTable | undefined {
    return this.#byPrefix.get(prefixNumber(stateKey));
  }
}

const DECLARED = byteAt(moduleKey(0, 0, EMPTY), 0);

function prefixNumber(key: Uint8Array): number {
  const first = byteAt(key, 0);
  return first === DECLARED ? (first << 16) | (byteAt(key, 1) << 8) | byteAt(key, 2) : first;
}
