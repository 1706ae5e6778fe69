/**
 * What the index of events holds of a block: one key for each module, each event of a module and each account that
 * stands in it, without a value. A key says that something may be at its height: whoever asks reads the block. So keys of
 * abandoned blocks do no harm, and a key is written only once a block. Keys lie in eras of 4,096 heights, which go as a
 * whole. Layout: storage/database-keys.ts, bucket 0x11.
 */
import { byteText, type Hash, parseBytes32 } from "../../base/bytes.ts";
import type { Json } from "../../chain/modules/module.ts";
import type { ModuleSet } from "../../chain/modules/module-set.ts";
import { decodeReceipt } from "../../chain/types/receipt.ts";
import { isCoinbase, type SignedTransaction } from "../../chain/types/transaction.ts";
import { accountSubject, eventIndexKey, eventSubject } from "../../storage/database-keys.ts";
import type { KvOperation } from "../../storage/kv.ts";

/** What of a block is indexed. */
export interface IndexedBlock {
  readonly height: bigint;
  readonly transactions: readonly SignedTransaction[];
  /** The encoded receipts, in the order of the transactions. */
  readonly receipts: readonly Uint8Array[];
}

const EMPTY_VALUE = new Uint8Array(0);
/** The kind of a module's key that says: any event of it. Modules number their events from 1 on. */
export const ANY_KIND = 0;

export function indexOperations(
  { height, transactions, receipts }: IndexedBlock,
  modules: ModuleSet,
): KvOperation[] {
  const subjects = new Map<string, Uint8Array>();
  const add = (subject: Uint8Array) => subjects.set(byteText(subject), subject);
  for (const bytes of receipts) {
    const receipt = decodeReceipt(bytes);
    if (!receipt.ok) continue;
    for (const { module, kind } of receipt.value.events) {
      add(eventSubject(module, kind));
      add(eventSubject(module, ANY_KIND));
    }
  }
  for (const tx of transactions) for (const account of accountsIn(tx, modules)) add(accountSubject(account));
  return [...subjects.values()].map((subject) => ({
    kind: "put",
    key: eventIndexKey(subject, height),
    value: EMPTY_VALUE,
  }));
}

/** Its sender, and every value of its call that may be an account. */
function accountsIn(tx: SignedTransaction, modules: ModuleSet): Hash[] {
  const accounts: Hash[] = [tx.from as Uint8Array as Hash];
  if (isCoinbase(tx)) return accounts;
  const module = modules.find(tx.module);
  const call = module?.decodeCall(tx.payload);
  if (module !== undefined && call?.ok === true) collect(module.describeCall(call.value) as Json, accounts);
  return accounts;
}

function collect(value: Json | undefined, into: Hash[]): void {
  if (typeof value === "string") {
    const bytes = value.length === SHOWN_LENGTH && value.startsWith("0x") ? parseBytes32(value) : undefined;
    if (bytes !== undefined) into.push(bytes as Hash);
  } else if (typeof value === "object" && value !== null) {
    for (const each of Object.values(value)) collect(each, into);
  }
}

/** The length of a shown value in characters: 0x and 64 digits. */
const SHOWN_LENGTH = 66;
