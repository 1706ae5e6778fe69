/**
 * A declared module run once more for the checkers: its code on a map, apart from the ledger's state, overlays and
 * receipts. The code is the same one, so a module that is not deterministic gives something else here.
 */
import { asAddress, asHash, byteText } from "../../base/bytes.ts";
import { type Module, ModuleFault } from "../../chain/modules/module.ts";
import type { ByteText } from "./checkers/raw-bytes.ts";

export interface NaiveCall {
  readonly payload: Uint8Array;
  readonly sender: Uint8Array;
  readonly fee: bigint;
  readonly txid: Uint8Array;
  readonly height: bigint;
  readonly timeMs: bigint;
}

export interface NaiveEvent {
  readonly kind: number;
  readonly data: Uint8Array;
}

export interface NaiveOutcome {
  /** The code of the fault, or 0 for success. */
  readonly code: number;
  readonly events: readonly NaiveEvent[];
}

/** @param state changed by a call that succeeds. @returns undefined for a payload that is none of the module's */
export function callNaively(
  module: Module,
  { payload, sender, txid, ...call }: NaiveCall,
  state: Map<ByteText, Uint8Array>,
): NaiveOutcome | undefined {
  const decoded = module.decodeCall(payload);
  if (!decoded.ok) return undefined;
  const written = new Map<ByteText, Uint8Array | undefined>();
  const events: NaiveEvent[] = [];
  const get = (key: Uint8Array) => {
    const id = byteText(key);
    return written.has(id) ? written.get(id) : state.get(id);
  };
  try {
    module.execute(decoded.value, {
      ...call,
      sender: asAddress(sender),
      txid: asHash(txid),
      state: {
        get,
        put: (key, value) => void written.set(byteText(key), value.slice()),
        delete: (key) => void written.set(byteText(key), undefined),
      },
      emit: (kind, data) => void events.push({ kind, data }),
    });
  } catch (error) {
    if (error instanceof ModuleFault) return { code: error.code, events: [] };
    throw error;
  }
  for (const [id, value] of written) {
    if (value === undefined) state.delete(id);
    else state.set(id, value);
  }
  return { code: 0, events };
}
