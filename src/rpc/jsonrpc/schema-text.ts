/** A JSON Schema as the short notation of docs/rpc.md: `{ height: integer, hash: hex }`, with descriptions as comments. */
import { must } from "../../base/assert.ts";

type Schema = Readonly<Record<string, unknown>>;

export function showType(schema: Schema, indent = ""): string {
  const {
    type,
    anyOf,
    oneOf = anyOf,
    enum: choices,
    pattern,
  } = schema as {
    type?: string | readonly string[];
    anyOf?: readonly Schema[];
    oneOf?: readonly Schema[];
    enum?: readonly unknown[];
    pattern?: string;
  };
  if ("const" in schema) return JSON.stringify(schema.const);
  if (choices !== undefined) return choices.map((choice) => JSON.stringify(choice)).join(" | ");
  if (oneOf !== undefined) return [...new Set(oneOf.map((one) => showType(one, indent)))].join(" | ");
  if (type === "object") return showObject(schema, indent);
  if (type === "array") return showArray((schema.items ?? {}) as Schema, indent);
  if (type === "string")
    return pattern === undefined ? "string" : pattern.startsWith("^0x") ? "hex" : "decimal";
  if (Array.isArray(type)) return type.join(" | ");
  return typeof type === "string" ? type : "any";
}

function showArray(items: Schema, indent: string): string {
  const inner = showType(items, indent);
  return inner.includes(" | ") && !inner.startsWith("{") ? `(${inner})[]` : `${inner}[]`;
}

function showObject(schema: Schema, indent: string): string {
  const { properties, required } = schema as {
    properties?: Readonly<Record<string, Schema>>;
    required?: readonly string[];
  };
  if (properties === undefined) return "{ [name]: any }";
  const names = Object.keys(properties);
  if (names.length === 0) return "{}";
  const lines = names.map((name) => {
    const property = must(properties[name], "the name is one of the properties");
    const optional = required?.includes(name) ? "" : "?";
    const note = property.description === undefined ? "" : ` // ${property.description}`;
    return `${indent}  ${name}${optional}: ${showType(property, `${indent}  `)}${note}`;
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}
