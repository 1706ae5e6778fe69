/**
 * Columns of declared values: the type that a module declares decides the type in SQL, struct by struct, so that a
 * table can be made from a declaration alone. docs/sql.md has the table of types.
 */
import type { Json } from "../chain/modules/module.ts";
import { codecOf } from "../chain/modules/value-codec.ts";
import type { TypeForm } from "../chain/modules/value-types.ts";
import {
  booleanField,
  type CopyField,
  hexField,
  jsonField,
  NULL,
  numberField,
  textField,
} from "./copy-text.ts";
import { columnName } from "./sql-names.ts";

export interface Column {
  readonly name: string;
  /** The type of the column in SQL. */
  readonly type: string;
}

/** A column that is filled from a declared value. */
export interface ValueColumn extends Column {
  readonly field: (value: unknown) => CopyField;
}

/** The columns of named fields, in their order. @param taken names that the table has already */
export function columnsOfFields(
  fields: Readonly<Record<string, TypeForm>>,
  taken: ReadonlySet<string>,
): readonly ValueColumn[] {
  return Object.entries(fields).flatMap(([name, type]) => columnsAt([name], type, (v) => at(v, name), taken));
}

/** The columns of one value: those of its fields, if it is a struct, else one called `name`. */
export function columnsOfValue(
  name: string,
  type: TypeForm,
  taken: ReadonlySet<string>,
): readonly ValueColumn[] {
  if (type.kind === "struct") return columnsOfFields(type.fields, taken);
  return columnsAt([name], type, (value) => value, taken);
}

function columnsAt(
  path: readonly string[],
  type: TypeForm,
  pick: (value: unknown) => unknown,
  taken: ReadonlySet<string>,
): readonly ValueColumn[] {
  if (type.kind === "struct") {
    return Object.entries(type.fields).flatMap(([name, inner]) =>
      columnsAt([...path, name], inner, (value) => at(pick(value), name), taken),
    );
  }
  let name = columnName(path);
  while (taken.has(name)) name = `${name}_`;
  const write = fieldOf(type);
  return [{ name, type: sqlType(type), field: (value) => write(pick(value)) }];
}

function at(value: unknown, name: string): unknown {
  return value === null || value === undefined ? undefined : (value as Record<string, unknown>)[name];
}

function sqlType(type: TypeForm): string {
  switch (type.kind) {
    case "bool":
      return "boolean";
    case "hash":
    case "address":
    case "bytes":
      return "bytea";
    case "height":
    case "time":
      return "bigint";
    case "uint":
      return UINTS[type.bits];
    case "text":
    case "choice":
      return "text";
    case "option":
      return isPlain(type.item) ? sqlType(type.item) : "jsonb";
    case "list":
    case "struct":
      return "jsonb";
  }
}

const UINTS = { 8: "smallint", 16: "integer", 32: "bigint", 64: "numeric(20)" } as const;

function isPlain({ kind }: TypeForm): boolean {
  return kind !== "list" && kind !== "option" && kind !== "struct";
}

function fieldOf(type: TypeForm): (value: unknown) => CopyField {
  switch (type.kind) {
    case "bool":
      return (value) => booleanField(value as boolean);
    case "hash":
    case "address":
    case "bytes":
      return (value) => hexField(value as string);
    case "height":
    case "time":
    case "uint":
      return (value) => numberField(value as number | bigint);
    case "text":
    case "choice":
      return (value) => textField(value as string);
    case "option": {
      const write = isPlain(type.item) ? fieldOf(type.item) : jsonOf(type.item);
      return (value) => (value === null || value === undefined ? NULL : write(value));
    }
    case "list":
    case "struct":
      return jsonOf(type);
  }
}

function jsonOf(type: TypeForm): (value: unknown) => CopyField {
  const codec = codecOf(type);
  return (value) => jsonField(codec.toJson(value) as Json);
}
