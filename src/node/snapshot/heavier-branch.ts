/**
 * Before the snapshot of a mined chain is taken: whether a peer shows a chain with more work that does not hold the block whose
 * state it has. Its headers prove themselves, and so does a lighter chain's: what the heaviest is, several must be asked.
 */
import { byteText, equalBytes, type Hash } from "../../base/bytes.ts";
import { LOCATOR_HASHES_MAX } from "../../base/limits.ts";
import type { HeadAndWork, MinedProof } from "../../chain/snapshot/snapshot-headers.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { decodeBranchAnswer, encodeBranchQuestion } from "../../p2p/sync/branch-wire.ts";

/** Answers of one peer that are read: of 2,000 headers at most each. */
const ANSWERS_MAX = 64;

export interface HeavierPorts {
  readonly proof: Pick<MinedProof, "weigh">;
  readonly peers: () => readonly string[];
  readonly request: (peerId: string, question: Uint8Array) => Promise<Uint8Array>;
}

export interface HeavierBranch {
  readonly peerId: string;
  /** The last block that it has in common with the snapshot's chain. */
  readonly fork: bigint;
}

/**
 * @param headers of the snapshot, from block 1 on
 * @param base height of the block whose state it has
 */
export async function heavierBranch(
  headers: readonly HeadAndWork[],
  base: bigint,
  ports: HeavierPorts,
): Promise<HeavierBranch | undefined> {
  const found = await Promise.all(
    ports.peers().map(async (peerId) => {
      try {
        const fork = await forkOf(headers, base, (locator) => headsOf(peerId, locator, ports), ports.proof);
        return fork === undefined ? undefined : { peerId, fork };
      } catch {
        return undefined; // it is silent, or answers what is none: the others tell
      }
    }),
  );
  return found.find((one) => one !== undefined);
}

async function headsOf(
  peerId: string,
  locator: readonly Hash[],
  { request }: HeavierPorts,
): Promise<readonly BlockHead[]> {
  const answer = decodeBranchAnswer(
    "heads",
    await request(peerId, encodeBranchQuestion({ kind: "heads", locator })),
  );
  return answer.ok ? answer.value.heads : [];
}

/** Where a heavier chain of this peer leaves the snapshot's below its block; undefined: it has none. */
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
