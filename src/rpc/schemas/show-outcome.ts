/**
 * What a receipt says of its transaction, as JSON: apart from everything that executes, so that a verifier in a browser
 * takes in no more than names of faults and forms of events.
 */
import { hex0x } from "../../base/bytes.ts";
import { MINTED } from "../../chain/execution/coinbase.ts";
import { findOutcomes } from "../../chain/modules/built-in-outcomes.ts";
import type { Description, Json, ReceiptReader } from "../../chain/modules/module.ts";
import type { Event, Receipt } from "../../chain/types/receipt.ts";
import { COINBASE_MODULE } from "../../chain/types/transaction.ts";
import { Reader } from "../../codec/reader.ts";

/** What tells the outcomes of modules, by the number of each. */
interface Outcomes {
  find(id: number): ReceiptReader | undefined;
}

const BUILT_IN: Outcomes = { find: findOutcomes };

/** The part of a receipt that needs no block: also of a simulation. */
export function showOutcome(
  { status, code, fee, events }: Receipt,
  module: number,
  modules: Outcomes = BUILT_IN,
) {
  return {
    status,
    code,
    fault: code === 0 ? null : (modules.find(module)?.faultName(code) ?? null),
    fee: fee.toString(),
    events: events.map((event) => showEvent(event, modules)),
  };
}

function showEvent(event: Event, modules: Outcomes) {
  return {
    module: moduleName(event.module, modules),
    kind: event.kind,
    data: hex0x(event.data),
    decoded: describe(describeEvent(event, modules)),
  };
}

/** What an event's module says of it, or undefined where nobody here can read it. */
export function describeEvent(event: Event, modules: Outcomes): Description | undefined {
  const { module, kind, data } = event;
  if (module !== COINBASE_MODULE) return modules.find(module)?.describeEvent(event);
  if (kind !== MINTED || data.length !== 40) return undefined;
  const amount = new Reader(data.subarray(32)).u64().toString();
  return { type: "minted", to: hex0x(data.subarray(0, 32)), amount };
}

export function moduleName(id: number, modules: Outcomes): string {
  if (id === COINBASE_MODULE) return "coinbase";
  return modules.find(id)?.name ?? `module-${id}`;
}

export function describe(description: Description | undefined): Record<string, Json> | null {
  return description === undefined ? null : { ...description };
}
