/**
 * How many transfers a second the pool admits, from their bytes on (decoded, hashed, checked, signatures judged together),
 * by how many come together and how many it holds, beside the same signatures judged alone in the same groups. In slices
 * that take turns, by processor time, so that neighbours on the machine disturb all alike.
 */
import { setTimeout as pause } from "node:timers/promises";
import { assert, must } from "../../base/assert.ts";
import { BATCH_MIN } from "../../crypto/batch-verification.ts";
import { ED25519, nativeName, type SignatureClaim, verifySignature } from "../../crypto/keys.ts";
import { AdmissionLoad, FilledPool } from "./filled-pool.ts";
import { median } from "./statistics.ts";

export interface AdmissionOptions {
  /** How many transfers come together, each number in turn. */
  readonly batches: readonly number[];
  /** How many transfers the pools hold before. */
  readonly held: readonly number[];
  readonly rounds: number;
  /** Transfers of a slice. */
  readonly transfers: number;
}

export interface AdmissionSpeeds {
  /** The library that signed and verified: "sodium-native" or "node:crypto". */
  readonly library: string;
  /** Checks a second by the library, one by one. */
  readonly single: number;
  readonly batches: readonly BatchAdmission[];
}

interface BatchAdmission {
  /** How many came together. */
  readonly size: number;
  /** Signatures a second judged in the same groups, and nothing else done. */
  readonly verified: number;
  readonly pools: readonly PoolAdmission[];
}

interface PoolAdmission {
  readonly held: number;
  readonly perSecond: number;
  /** The median of the rounds' own, to verification in the same groups. */
  readonly ratio: number;
}

const PAUSE_MS = 5;
/** Rounds before those that count: nothing was compiled yet. */
const WARM_ROUNDS = 2;
const EVERY_ROUND = "every round has every figure";

/** The rounds of one size of batch. */
interface Samples {
  readonly size: number;
  readonly verified: number[];
  readonly pools: readonly { readonly pool: FilledPool; readonly speeds: number[] }[];
}

export async function measureAdmission(
  { batches, held, rounds, transfers }: AdmissionOptions,
  signal?: AbortSignal,
): Promise<AdmissionSpeeds> {
  const load = new AdmissionLoad(transfers);
  const pools = held.map((count) => new FilledPool(load, count));
  const singles: number[] = [];
  const samples = batches.map(
    (size): Samples => ({ size, verified: [], pools: pools.map((pool) => ({ pool, speeds: [] })) }),
  );
  for (let round = -WARM_ROUNDS; round < rounds; round++) {
    singles.push(speedOf(transfers, () => judge(load.claims, 1)));
    for (const { size, verified, pools: rows } of samples) {
      verified.push(speedOf(transfers, () => judge(load.claims, size)));
      for (const { pool, speeds } of rows) {
        pool.prepare();
        speeds.push(speedOf(transfers, () => pool.admit(size)));
        pool.reset();
      }
      await pause(PAUSE_MS, undefined, signal === undefined ? {} : { signal });
    }
  }
  return {
    library: nativeName,
    single: median(singles.slice(WARM_ROUNDS)),
    batches: samples.map(summaryOf),
  };
}

function summaryOf({ size, verified, pools }: Samples): BatchAdmission {
  const limits = verified.slice(WARM_ROUNDS);
  return {
    size,
    verified: median(limits),
    pools: pools.map(({ pool: { held }, speeds }) => {
      const own = speeds.slice(WARM_ROUNDS);
      const ratios = own.map((speed, round) => speed / must(limits[round], EVERY_ROUND));
      return { held, perSecond: median(own), ratio: median(ratios) };
    }),
  };
}

/** Judges all claims in groups as admission does: together where they are enough for that. */
function judge(claims: readonly SignatureClaim[], size: number): void {
  const { verifyEach } = ED25519;
  for (let from = 0; from < claims.length; from += size) {
    const group = claims.slice(from, from + size);
    const isGood =
      verifyEach === undefined || group.length < BATCH_MIN
        ? group.every(({ publicKey, message, signature }) => verifySignature(publicKey, message, signature))
        : verifyEach(group).verdicts.every(Boolean);
    assert(isGood, "signatures of ours are valid");
  }
}

/** So many a second of processor time. */
function speedOf(count: number, work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (1e6 * count) / Math.max(1, user + system);
}
