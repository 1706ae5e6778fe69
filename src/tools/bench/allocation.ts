/**
 * What a committed transfer makes all validators of a network allocate, in the network of cost.ts after its warm-up; and what
 * decoding and hashing the same transfer once at each of them allocates, which no validator can do without.
 */
import { assert } from "../../base/assert.ts";
import { decodeTransaction } from "../../chain/types/transaction.ts";
import { type Allocated, AllocationMeter } from "./allocation-meter.ts";
import { type CostOptions, type CostRun, measureCost } from "./cost.ts";
import { AdmissionLoad } from "./filled-pool.ts";

export interface AllocationRun {
  readonly cost: CostRun;
  readonly allocated: Allocated;
  /** Bytes of heap that decoding and hashing one transfer takes, its own bytes among them. */
  readonly decodeBytes: number;
}

/** Transfers that are decoded for the limit, and how often all are. */
const DECODED = 400;
const DECODED_TIMES = 25;
const TX_BYTES_MAX = 16_384;

export async function measureAllocation(options: CostOptions): Promise<AllocationRun> {
  let meter: AllocationMeter | undefined;
  let allocated: Allocated | undefined;
  const cost = await measureCost(options, {
    begins: () => {
      meter = new AllocationMeter();
    },
    ends: () => {
      allocated = meter?.stop();
    },
  });
  assert(allocated !== undefined, "a run that ends has begun");
  return { cost, allocated, decodeBytes: measureDecoding() };
}

/** Bytes of heap a transfer. */
function measureDecoding(): number {
  const { transfers } = new AdmissionLoad(DECODED);
  const decodeAll = () => {
    for (const { bytes } of transfers)
      assert(decodeTransaction(bytes.slice(), TX_BYTES_MAX).ok, "transfers of ours decode");
  };
  decodeAll(); // compiled before it counts
  const meter = new AllocationMeter();
  for (let i = 0; i < DECODED_TIMES; i++) decodeAll();
  return meter.stop().heap / (DECODED * DECODED_TIMES);
}
