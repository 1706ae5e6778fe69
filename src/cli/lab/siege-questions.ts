/**
 * What attackers of a siege ask of peers: each question is small and its answer takes a node long to make. Heads from
 * block 0 on, whole blocks, the pool's list, transactions by short hashes that nobody has, and a comparison of states.
 */
import { asHash } from "../../base/bytes.ts";
import { encodeBranchQuestion } from "../../p2p/sync/branch-wire.ts";
import { encodeQuestion } from "../../p2p/sync/repair-wire.ts";
import type { SiegeTask } from "./siege-task.ts";

const BLOCK_BYTES = 4 * 1024 * 1024;
/** A claim of a pool that is not there, so that the answerer looks at the whole of its own. */
const FALSE_POOL = { poolCount: 1, poolChecksum: new Uint8Array(32).fill(0xff) };
/** Salts of the short hashes: each makes the answerer hash its pool anew. */
const SALTS = 8n;

/**
 * The questions to be asked in turn. A chain without validators has branches, and heads instead of blocks by
 * height.
 */
export function dearQuestions({
  genesisHash,
  validators,
}: Pick<SiegeTask, "genesisHash" | "validators">): readonly Uint8Array[] {
  const own =
    validators.length > 0
      ? encodeQuestion({ kind: "blocks", from: 1n, bytesMax: BLOCK_BYTES })
      : encodeBranchQuestion({ kind: "heads", locator: [genesisHash] });
  const unknown = { height: 0n, headHash: asHash(new Uint8Array(32)) };
  const questions: Uint8Array[] = [];
  for (let salt = 1n; salt <= SALTS; salt++) {
    questions.push(
      own,
      encodeQuestion({ kind: "pool", feeMin: 0n, salt }),
      encodeQuestion({ kind: "transactions", salt, shortHashes: [salt] }),
      encodeQuestion({ kind: "compare", digest: { ...unknown, ...FALSE_POOL }, feeMin: 0n }),
    );
  }
  return questions;
}
