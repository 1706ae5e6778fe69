/** Blocks of the ledger as rows of every table, in COPY's text format. */
import { must } from "../base/assert.ts";

import type { Description } from "../chain/modules/module.ts";
import type { ModuleSet } from "../chain/modules/module-set.ts";
import { blockTimeMs } from "../chain/types/block-time.ts";
import { decodeReceipt, type Receipt } from "../chain/types/receipt.ts";
import { workOf } from "../chain/types/target.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import { decodeCommitCertificate } from "../consensus/pbft/certificate.ts";
import { describeCall } from "../rpc/schemas/show.ts";
import { moduleName } from "../rpc/schemas/show-outcome.ts";
import {
  booleanField,
  bytesField,
  type CopyField,
  copyLine,
  jsonField,
  NULL,
  numberField,
  textField,
} from "./copy-text.ts";
import { type DeclaredTables, type EventTable, MapsByPrefix, type MapTable } from "./declared-tables.ts";
import type { LedgerBlock } from "./verified-ledger.ts";

/** Lines of COPY by table. */
export interface BatchRows {
  readonly blocks: string[];
  readonly transactions: string[];
  readonly receipts: string[];
  readonly events: string[];
  readonly declaredEvents: ReadonlyMap<EventTable, string[]>;
  /** The rows of histories, from which what holds now follows. */
  readonly histories: ReadonlyMap<MapTable, string[]>;
}

export class RowMaker {
  readonly #modules: ModuleSet;
  readonly #maps: MapsByPrefix;
  readonly #events: ReadonlyMap<number, EventTable>;

  constructor(modules: ModuleSet, declared: DeclaredTables) {
    this.#modules = modules;
    this.#maps = new MapsByPrefix(declared.maps);
    this.#events = new Map(declared.events.map((table) => [eventNumber(table), table]));
  }

  rowsOf(blocks: readonly LedgerBlock[]): BatchRows {
    const declaredEvents = new Map<EventTable, string[]>();
    const histories = new Map<MapTable, string[]>();
    const rows = { blocks: [], transactions: [], receipts: [], events: [], declaredEvents, histories };
    for (const block of blocks) {
      this.#addBlock(rows, block);
      this.#addChanges(histories, block);
    }
    return rows;
  }

  #addBlock(rows: BatchRows, { sealed, receipts }: LedgerBlock): void {
    const { block, seal } = sealed;
    rows.blocks.push(copyLine(blockFields(block, seal)));
    for (const [index, tx] of block.transactions.entries()) {
      const receipt = openReceipt(must(receipts[index], "each transaction of a block has a receipt"));
      const place = [numberField(block.summary.height), numberField(index)];
      rows.transactions.push(copyLine([...place, ...this.#transactionFields(tx)]));
      rows.receipts.push(copyLine([...place, ...this.#receiptFields(receipt, tx.module)]));
      this.#addEvents(rows, place, receipt);
    }
  }

  #transactionFields(tx: SignedTransaction): readonly CopyField[] {
    const call = describeCall(tx, this.#modules);
    const { type, ...args } = call ?? ({} as Description);
    return [
      bytesField(tx.id),
      bytesField(tx.from),
      numberField(tx.nonce),
      numberField(tx.fee),
      tx.validUntilHeight === 0n ? NULL : numberField(tx.validUntilHeight),
      moduleName(tx.module, this.#modules),
      typeof type === "string" ? textField(type) : NULL,
      call === undefined ? NULL : jsonField({ ...args }),
      bytesField(tx.payload),
      bytesField(tx.signature),
    ];
  }

  #receiptFields({ txid, status, code, fee, events }: Receipt, module: number): readonly CopyField[] {
    const fault = code === 0 ? undefined : this.#modules.find(module)?.faultName(code);
    return [
      bytesField(txid),
      booleanField(status === "success"),
      numberField(code),
      fault === undefined ? NULL : textField(fault),
      numberField(fee),
      numberField(events.length),
    ];
  }

  #addEvents(rows: BatchRows, place: readonly CopyField[], { txid, events }: Receipt): void {
    for (const [index, event] of events.entries()) {
      const at = [...place, numberField(index), bytesField(txid)];
      const table = this.#events.get(eventNumber(event));
      const name = table === undefined ? `${event.kind}` : table.event;
      const module = moduleName(event.module, this.#modules);
      rows.events.push(copyLine([...at, module, numberField(event.kind), name, bytesField(event.data)]));
      if (table === undefined) continue;
      const lines = listIn(rows.declaredEvents as Map<EventTable, string[]>, table);
      lines.push(copyLine([...at, ...table.fields(event)]));
    }
  }

  #addChanges(histories: Map<MapTable, string[]>, { sealed, diff }: LedgerBlock): void {
    const height = numberField(sealed.block.summary.height);
    for (const { key, value } of diff.values()) {
      const map = this.#maps.find(key);
      if (map === undefined) continue;
      const deleted = booleanField(value === undefined);
      listIn(histories, map).push(copyLine([...map.fields(key, value), height, deleted]));
    }
  }
}

function eventNumber({ module, kind }: { readonly module: number; readonly kind: number }): number {
  return (module << 8) | kind;
}

function listIn<K>(lists: Map<K, string[]>, key: K): string[] {
  const found = lists.get(key) ?? [];
  lists.set(key, found);
  return found;
}

function openReceipt(bytes: Uint8Array): Receipt {
  const receipt = decodeReceipt(bytes);
  return must(receipt.ok ? receipt.value : undefined, "a receipt that was made here decodes");
}

function blockFields(
  { hash, header, summary }: LedgerBlock["sealed"]["block"],
  seal: Uint8Array,
): readonly CopyField[] {
  const certificate = seal.length === 0 ? undefined : decodeCommitCertificate(seal);
  const signed = certificate?.ok === true ? certificate.value : undefined;
  const isMined = header.bits !== 0;
  return [
    numberField(summary.height),
    bytesField(shown(hash)),
    bytesField(shown(header.previousHash)),
    numberField(blockTimeMs({ header, summary })),
    numberField(summary.epoch),
    isMined ? NULL : numberField(summary.proposer),
    signed === undefined ? NULL : numberField(signed.view),
    signed === undefined ? NULL : `{${signed.signatures.map(({ signer }) => signer).join(",")}}`,
    isMined ? numberField(header.bits) : NULL,
    isMined ? numberField(workOf(header.bits)) : NULL,
    numberField(summary.txCount),
    numberField(summary.bodyBytes),
    bytesField(summary.txRoot),
    bytesField(summary.stateRoot),
    bytesField(summary.receiptsRoot),
    bytesField(seal),
  ];
}

/** Block hashes stand in the database as everywhere where people read them: byte-reversed. */
export function shown(hash: Uint8Array): Uint8Array {
  return hash.toReversed();
}
