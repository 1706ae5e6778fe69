/**
 * Which events a reader wants: a filter, checked against what the modules of the chain declare, so that a misspelt name
 * is refused instead of matching nothing for ever. It says of an event whether it is wanted, and shows it.
 */
import { type Address, hex0x } from "../../base/bytes.ts";
import { didYouMean } from "../../base/suggest.ts";
import type { Json } from "../../chain/modules/module.ts";
import type { ModuleSet } from "../../chain/modules/module-set.ts";
import { findModule } from "../../chain/modules/registry.ts";
import { COINBASE_MODULE } from "../../chain/types/transaction.ts";
import { CallError } from "../errors.ts";
import type { ModuleEventsQuery } from "../event-index-api.ts";

export interface ModuleEventsFilter {
  readonly module?: string | undefined;
  readonly event?: string | undefined;
  readonly fields?: Readonly<Record<string, string | number | boolean | null>> | undefined;
}

/** @throws CallError INVALID_PARAMS for a module, event or field that this chain has not */
export function eventsQuery(filter: ModuleEventsFilter, modules: ModuleSet): ModuleEventsQuery {
  const { module: name, event, fields = {} } = filter;
  if (name === undefined) {
    if (event !== undefined)
      throw wrong("filter.event needs filter.module: names of events are a module's own");
    return { kind: "events", module: undefined, event, eventKind: undefined, fields: shownFields(fields) };
  }
  const module = moduleNumber(name, modules);
  const declared = modules.find(module)?.form?.events;
  if (declared === undefined) {
    return { kind: "events", module, event, eventKind: undefined, fields: shownFields(fields) };
  }
  const named = event === undefined ? declared : declared.filter((each) => each.name === event);
  if (named.length === 0) {
    const names = declared.map((each) => each.name);
    throw wrong(
      `module ${name} has no event "${event}"${didYouMean(event ?? "", names)}; it has ${names.join(", ") || "none"}`,
    );
  }
  const known = new Set(named.flatMap((each) => Object.keys(each.fields)));
  for (const field of Object.keys(fields)) {
    if (known.has(field)) continue;
    const of = event === undefined ? `no event of module ${name}` : `${name}.${event}`;
    throw wrong(`${of} has a field "${field}"${didYouMean(field, known)}; there is ${[...known].join(", ")}`);
  }
  const eventKind = event === undefined ? undefined : declared.findIndex((each) => each.name === event) + 1;
  return { kind: "events", module, event, eventKind, fields: shownFields(fields) };
}

/** Whether an event is wanted that its module describes so: undefined where nobody here can read it. */
export function isWanted(
  { event, fields }: ModuleEventsQuery,
  described: Readonly<Record<string, Json>> | undefined,
): boolean {
  if (event !== undefined && event !== String(described?.type ?? null)) return false;
  return fields.every(
    ([field, value]) =>
      described !== undefined &&
      field !== "type" &&
      Object.hasOwn(described, field) &&
      shownValue(described[field]) === value,
  );
}

function shownFields(fields: NonNullable<ModuleEventsFilter["fields"]>): [string, string][] {
  return Object.entries(fields).map(([name, value]) => [name, shownValue(value)]);
}

/** Numbers may be given as texts, hex in capitals: what is compared is text. */
function shownValue(value: Json | undefined): string {
  if (typeof value === "object") return JSON.stringify(value);
  const shown = String(value);
  return /^0x[0-9a-fA-F]*$/.test(shown) ? shown.toLowerCase() : shown;
}

/** Names of the modules of every chain, by their numbers. */
function builtInNames(): [string, number][] {
  const names: [string, number][] = [["coinbase", COINBASE_MODULE]];
  for (let id = 0; id <= BUILT_IN_IDS_MAX; id++) {
    const module = findModule(id);
    if (module !== undefined && id !== COINBASE_MODULE) names.push([module.name, id]);
  }
  return names;
}

const BUILT_IN_IDS_MAX = 255;

function moduleNumber(name: string, modules: ModuleSet): number {
  const numbers = new Map([
    ...builtInNames(),
    ...modules.own().map(({ name: own, id }): [string, number] => [own, id]),
  ]);
  const number = numbers.get(name);
  if (number !== undefined) return number;
  throw wrong(
    `this chain has no module "${name}"${didYouMean(name, numbers.keys())}; it has ${[...numbers.keys()].join(", ")}`,
  );
}

function wrong(detail: string): CallError {
  return new CallError("INVALID_PARAMS", detail);
}

/** Whether a transaction, as it is shown, was sent by an account or names it, however deep in its call. */
export function concerns(
  { from, call }: { readonly from: string; readonly call: Readonly<Record<string, unknown>> | null },
  account: Address,
): boolean {
  const shown = hex0x(account);
  return from === shown || holds(call, shown);
}

function holds(value: unknown, text: string): boolean {
  if (typeof value !== "object" || value === null) return value === text;
  return Object.values(value).some((each) => holds(each, text));
}
