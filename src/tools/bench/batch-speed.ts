/**
 * How many signatures a second are judged together, in batches of several sizes, beside the native library one by one: in
 * slices that take turns, by processor time, so that neighbours on the machine disturb all alike. Every signature is by
 * another key, which is the dearest case; keys recur from batch to batch, as those of senders do.
 */
import { setTimeout as pause } from "node:timers/promises";
import { assert, must } from "../../base/assert.ts";
import { ED25519, nativeName, verifySignature } from "../../crypto/keys.ts";
import { median } from "./statistics.ts";
import { makeSigned, type SignedMessage } from "./verify-speed.ts";

const BATCH_SIZES = [8, 64, 512] as const;

const SLICE_MS = 100;
const PAUSE_MS = 5;
const EACH_SIZE = "every size is measured in every round";

export interface BatchSpeeds {
  /** The library that signed and verified: "sodium-native" or "node:crypto". */
  readonly library: string;
  /** Checks a second of one core, by the library. */
  readonly single: number;
  /** Undefined where there is no WebAssembly. */
  readonly batches:
    | readonly { readonly size: number; readonly perSecond: number; readonly ratio: number }[]
    | undefined;
}

/** Takes medians over `rounds` of one slice each. A ratio is the median of the rounds' own. */
export async function measureBatches(rounds: number, signal?: AbortSignal): Promise<BatchSpeeds> {
  const signed = makeSigned(Math.max(...BATCH_SIZES));
  const { verifyEach } = ED25519;
  const sizes = verifyEach === undefined ? [] : BATCH_SIZES;
  const singles: number[] = [];
  const together = sizes.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    const single = sliceOf(signed, 32, singly);
    const speeds = sizes.map((size) => sliceOf(signed, size, jointly));
    await pause(PAUSE_MS, undefined, signal === undefined ? {} : { signal });
    if (round < 0) continue; // nothing was compiled yet
    singles.push(single);
    for (const [i, each] of together.entries()) each.push(must(speeds[i], EACH_SIZE));
  }
  const batches = sizes.map((size, i) => {
    const own = must(together[i], EACH_SIZE);
    const ratios = own.map((speed, round) => speed / must(singles[round], "every round has both"));
    return { size, perSecond: median(own), ratio: median(ratios) };
  });
  return { library: nativeName, single: median(singles), batches: verifyEach && batches };
}

/** Microseconds of processor time of one check by the library: the median of the rounds. */
export async function measureCheckUs(rounds: number, signal?: AbortSignal): Promise<number> {
  const signed = makeSigned();
  const each: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const perSecond = sliceOf(signed, 32, singly);
    await pause(PAUSE_MS, undefined, signal === undefined ? {} : { signal });
    if (round >= 0) each.push(1e6 / perSecond);
  }
  return median(each);
}

function singly(signed: readonly SignedMessage[]): boolean {
  return signed.every(({ publicKey, message, signature }) => verifySignature(publicKey, message, signature));
}

function jointly(signed: readonly SignedMessage[]): boolean {
  return must(ED25519.verifyEach, "Ed25519 is verified jointly")(signed).verdicts.every(Boolean);
}

/** Signatures a second of processor time. */
function sliceOf(
  signed: readonly SignedMessage[],
  size: number,
  judge: (signed: readonly SignedMessage[]) => boolean,
): number {
  const before = process.cpuUsage();
  let [count, spentMs] = [0, 0];
  while (spentMs < SLICE_MS) {
    const from = count % signed.length;
    assert(judge(signed.slice(from, from + size)), "signatures of ours are valid");
    count += size;
    const { user, system } = process.cpuUsage(before);
    spentMs = (user + system) / 1_000;
  }
  return (1_000 * count) / spentMs;
}
