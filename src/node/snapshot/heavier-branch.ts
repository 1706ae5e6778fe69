/**
 * Before the snapshot of a mined chain is taken: whether a peer shows a chain with more work that does not hold the block whose
 * state it has. Its headers prove themselves, and so does a lighter chain's: what the heaviest is, several must be asked.
 */
import { byteText, equalBytes, type Hash } from "../../base/bytes.ts";
import { HEADS_FETCH_MS, HEADS_FETCH_MS_PER_HEAD, LOCATOR_HASHES_MAX } from "../../base/limits.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { HeadAndWork, MinedProof } from "../../chain/snapshot/snapshot-headers.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { decodeBranchAnswer, encodeBranchQuestion } from "../../p2p/sync/branch-wire.ts";
import { withDeadline } from "../../p2p/sync/catch-up.ts";

/** Answers of one peer that are read: of 2,000 headers at most each. */
const ANSWERS_MAX = 64;

export interface HeavierPorts {
  readonly proof: Pick<MinedProof, "weigh">;
  readonly peers: () => readonly string[];
  readonly request: (peerId: string, question: Uint8Array) => Promise<Uint8Array>;
  readonly scheduler: Scheduler;
}

export interface HeavierBranch {
  readonly peerId: string;
  /** The last block that it has in common with the snapshot's chain. */
  readonly fork: bigint;
}

/**
 * All are asked at once; the first that has one ends it, and who takes longer than its headers are worth is not waited for.
 * @param headers of the snapshot, from block 1 on
 * @param base height of the block whose state it has
 */
export function heavierBranch(
  headers: readonly HeadAndWork[],
  base: bigint,
  ports: HeavierPorts,
): Promise<HeavierBranch | undefined> {
  const asked = ports.peers().map(async (peerId): Promise<HeavierBranch> => {
    const fork = await forkOf(headers, base, askerOf(peerId, ports), ports.proof);
    if (fork === undefined) throw new Error("it has no heavier chain");
    return { peerId, fork };
  });
  // One is silent, or answers what is none: the others tell.
  return Promise.any(asked).catch(() => undefined);
}

/** Questions to one peer, whose answers may take a little all together, and more for each header. */
function askerOf(
  peerId: string,
  { request, scheduler }: HeavierPorts,
): (locator: readonly Hash[]) => Promise<readonly BlockHead[]> {
  let endMs = scheduler.now() + HEADS_FETCH_MS;
  return async (locator) => {
    const leftMs = Math.max(0, endMs - scheduler.now());
    const question = encodeBranchQuestion({ kind: "heads", locator });
    const answer = decodeBranchAnswer(
      "heads",
      await withDeadline(scheduler, leftMs, request(peerId, question)),
    );
    const heads = answer.ok ? answer.value.heads : [];
    endMs += heads.length * HEADS_FETCH_MS_PER_HEAD;
    return heads;
  };
}

/** Where a heavier chain of this peer leaves the snapshot's below its block, or undefined when it has none. */
async function forkOf(
  headers: readonly HeadAndWork[],
  base: bigint,
  ask: (locator: readonly Hash[]) => Promise<readonly BlockHead[]>,
  { weigh }: HeavierPorts["proof"],
): Promise<bigint | undefined> {
  const heights = new Map(headers.map(({ head }) => [byteText(head.hash), head.summary.height]));
  let heads = await ask(locatorOf(headers));
  const [[first], [lowest]] = [heads, headers];
  if (first === undefined || lowest === undefined) return undefined;
  const fork = heights.get(byteText(first.header.previousHash)) ?? 0n;
  const own = headers.at(-1)?.work ?? 0n;
  if (fork >= base) return undefined;
  // Below the first header there is block 0.
  let work = headers[Number(fork) - 1]?.work ?? lowest.work - (weigh(lowest.head) ?? 0n);
  let last = first.header.previousHash;
  for (let answers = 0; answers < ANSWERS_MAX && heads.length > 0; answers++) {
    for (const head of heads) {
      const added = weigh(head);
      if (added === undefined || !equalBytes(head.header.previousHash, last)) return undefined;
      work += added;
      last = head.hash;
      if (work > own) return fork;
    }
    heads = await ask([last]);
  }
  return undefined;
}

/** The last headers one by one, then at growing distances. */
function locatorOf(headers: readonly HeadAndWork[]): readonly Hash[] {
  const locator: Hash[] = [];
  for (let at = headers.length - 1, step = 1; at >= 0 && locator.length < LOCATOR_HASHES_MAX; at -= step) {
    const found = headers[at];
    if (found !== undefined) locator.push(found.head.hash);
    if (locator.length > 10) step *= 2;
  }
  return locator;
}
