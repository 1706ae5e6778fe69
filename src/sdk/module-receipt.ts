/**
 * A receipt with the types of a module's declaration: which declared fault it was, and the module's events with their fields. It is
 * read from code and bytes, not from what a node made of them; so it reads receipts that were proved too. In Node and in browsers.
 */
import { parseHex } from "../base/bytes.ts";
import type { DeclaredCode, EventType } from "../chain/modules/define-module.ts";
import { codecOfFields, PLAIN_VALUES } from "../chain/modules/value-codec.ts";
import type { FieldsOf } from "../chain/modules/value-types.ts";
import { decode } from "../codec/reader.ts";
import type { EventTypes } from "./event-types.ts";

/** A declared module with the types of its events and faults. */
interface DeclaredOutcomes<E, F> extends DeclaredCode {
  readonly events: E;
  readonly faults: F;
}

/** What of a receipt is read, as tx_getReceipt and Client.send show it. */
interface ShownReceipt {
  readonly status: "success" | "failed";
  readonly code: number;
  readonly fault: string | null;
  readonly events: readonly { readonly module: string; readonly kind: number; readonly data: string }[];
}

export interface ModuleReceipt<E extends EventTypes, F> {
  readonly status: "success" | "failed";
  /** The fault as the module declares it. Undefined where the call succeeded, or failed by none of its faults. */
  readonly fault: (keyof F & string) | undefined;
  /** The module's, in their order, told apart by `event`. */
  readonly events: readonly ReceiptEvent<E, keyof E & string>[];
}

type ReceiptEvent<E, N extends keyof E & string> = {
  [K in N]: E[K] extends EventType<infer Fields>
    ? { readonly event: K; readonly fields: FieldsOf<Fields> }
    : never;
}[N];

/**
 * @param module what defineModule made, or a module of quorate/built-in
 * @throws Error for an event that the declaration has not: the chain runs another version of the module
 * @example if (readReceipt(registry, sent.receipt).fault === "NotOwner") ...
 */
export function readReceipt<E extends EventTypes, F extends Readonly<Record<string, string>>>(
  module: DeclaredOutcomes<E, F>,
  { status, code, fault, events }: ShownReceipt,
): ModuleReceipt<E, F> {
  const { name } = module.declaration;
  const declared = Object.keys(module.faults)[code - 1];
  // A receipt of another module's call has codes of that module: the name says whose.
  const isOurs = declared !== undefined && fault?.replaceAll("_", "") === (name + declared).toUpperCase();
  return {
    status,
    fault: isOurs ? declared : undefined,
    events: events.filter((one) => one.module === name).map((one) => readEvent(module, one)) as ReceiptEvent<
      E,
      keyof E & string
    >[],
  };
}

function readEvent(
  { declaration: { name, events = {} } }: DeclaredCode,
  { kind, data }: ShownReceipt["events"][number],
) {
  const [event, type] = Object.entries(events)[kind - 1] ?? [];
  const bytes = parseHex(data);
  if (event === undefined || type === undefined || bytes === undefined)
    throw new Error(`the chain's module ${name} has an event ${kind} that this declaration has not`);
  const codec = codecOfFields(type.fields);
  const fields = decode(bytes, `${name}.${event}`, (reader) => codec.read(reader, PLAIN_VALUES));
  if (!fields.ok) throw new Error(`${fields.fault.detail}; the chain runs another version of the module`);
  return { event, fields: fields.value };
}
