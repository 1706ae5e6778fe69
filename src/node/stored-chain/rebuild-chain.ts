/**
 * Makes a chain anew from the blocks of a stored one: state, tree, receipts and indexes follow from executing them. What
 * no block says is taken over: checkpoints, evidence, the record of reorganisations, and how far the journal of votes was durable, so that a journal that
 * was put back from a copy is still noticed.
 */
import { must } from "../../base/assert.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { KV_SCAN_STEP } from "../../base/limits.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { ChainStore } from "../../chain/store.ts";
import { withBody } from "../../chain/types/block.ts";
import {
  CHECKPOINT_RANGE,
  checkpointKey,
  EVIDENCE_RANGE,
  REORG_RANGE,
  STAMP_KEY,
} from "../../storage/database-keys.ts";
import type { Kv, KvOperation } from "../../storage/kv.ts";
import { syncedLazily } from "./lazy-sync.ts";
import { openLedger } from "./open-ledger.ts";

export interface RebuildPorts {
  readonly from: Kv;
  /** An empty database. */
  readonly into: Kv;
  readonly progress?: (done: number, total: number) => void;
}

export type RebuildFault = "pruned" | "damaged-database" | "invalid-block";

/**
 * @param height of the new head, at most the stored one's
 * @returns the transactions that were executed
 * @throws Error when a disk fails
 */
export async function rebuildChain(
  genesis: Genesis,
  height: bigint,
  { from, into, progress }: RebuildPorts,
): Promise<Verdict<number, RebuildFault>> {
  const stored = new ChainStore(from, genesis.limits);
  const lowest = stored.lowestBody();
  if (lowest > 1n) {
    const detail =
      `the blocks below ${lowest} are not here (pruned, or the chain began from a snapshot), so the state cannot be made ` +
      "from them: empty the home (quorate reset) and fetch the chain or a snapshot again";
    return refuse("pruned", detail);
  }
  const lazy = syncedLazily(into);
  const chain = await openLedger(genesis, lazy);
  let transactions = 0;
  for (let at = 1n; at <= height; at++) {
    const hash = stored.hashAt(at);
    const [head, body, seal] =
      hash === undefined ? [] : [stored.head(hash), stored.body(hash), stored.seal(hash)];
    if (head === undefined || body === undefined || seal === undefined)
      return refuse("damaged-database", `block ${at} is not whole in the database`);
    const result = await chain.importBlock({ block: withBody(head, body), seal });
    if (result.kind !== "imported") {
      const why = result.kind === "invalid" ? result.fault.detail : `it is ${result.kind}`;
      return refuse("invalid-block", `the stored block ${at} cannot be executed: ${why}`);
    }
    transactions += body.length;
    progress?.(Number(at), Number(height));
  }
  await chain.settled();
  await takeOver(from, lazy, height);
  await lazy.flush();
  return accept(transactions);
}

async function takeOver(from: Kv, into: Kv, height: bigint): Promise<void> {
  const stamp = from.get(STAMP_KEY);
  if (stamp !== undefined) await into.write([{ kind: "put", key: STAMP_KEY, value: stamp }], { sync: false });
  await copyRange(from, into, { from: CHECKPOINT_RANGE.from, to: checkpointKey(height + 1n) });
  await copyRange(from, into, EVIDENCE_RANGE);
  await copyRange(from, into, REORG_RANGE);
}

async function copyRange(
  from: Kv,
  into: Kv,
  range: { readonly from: Uint8Array; readonly to: Uint8Array },
): Promise<void> {
  for await (const step of stepsOf(from, range)) {
    const operations = step.map(([key, value]): KvOperation => ({ kind: "put", key, value }));
    await into.write(operations, { sync: false });
  }
}

/** The entries of a range, a bounded number at a time. */
export async function* stepsOf(
  kv: Kv,
  { from, to }: { readonly from: Uint8Array; readonly to: Uint8Array },
): AsyncGenerator<readonly (readonly [Uint8Array, Uint8Array])[]> {
  for (let at = from; ; ) {
    const step = await kv.entries({ from: at, to, limit: KV_SCAN_STEP });
    if (step.length > 0) yield step;
    if (step.length < KV_SCAN_STEP) return;
    const [last] = must(step.at(-1), "a full step has a last entry");
    at = new Uint8Array([...last, 0]);
  }
}
