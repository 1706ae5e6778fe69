/**
 * Values of declared types from their bytes to JSON text at once, for whoever shows many of them: the text is that of the value's
 * JSON (value-codec.ts), without the objects between. Replays of events pass here.
 */
import { hex0x } from "../../base/bytes.ts";
import type { Reader } from "../../codec/reader.ts";
import type { FieldForms } from "./module-form.ts";
import { codecOf, PLAIN_VALUES } from "./value-codec.ts";
import type { TypeForm } from "./value-types.ts";

/** Fails the reader for bytes that no value has. */
type TextReader = (reader: Reader) => string;

const made = new WeakMap<FieldForms, TextReader>();

/** Reads named fields as the bytes have them, into a JSON object. */
export function textOfFields(fields: FieldForms): TextReader {
  const known = made.get(fields) ?? structText(fields);
  made.set(fields, known);
  return known;
}

function textOf(type: TypeForm): TextReader {
  switch (type.kind) {
    case "hash":
    case "address":
      return (reader) => `"${hex0x(reader.raw(32))}"`;
    case "uint":
      if (type.bits === 64) return (reader) => `"${reader.u64()}"`;
      break;
    case "struct":
      return structText(type.fields);
  }
  const codec = codecOf(type);
  return (reader) => JSON.stringify(codec.toJson(codec.read(reader, PLAIN_VALUES)));
}

function structText(fields: FieldForms): TextReader {
  const parts = Object.entries(fields).map(([name, type], i) => ({
    start: `${i === 0 ? "{" : ","}${JSON.stringify(name)}:`,
    read: textOf(type),
  }));
  if (parts.length === 0) return () => "{}";
  return (reader) => {
    let text = "";
    for (const { start, read } of parts) text += start + read(reader);
    return `${text}}`;
  };
}
