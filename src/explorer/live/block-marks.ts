/**
 * Marks for lists of blocks: each block that is shown is asked for with its proof, some in a request, and checked one
 * at a time between frames, the newest first. What scrolled away before its turn is not checked.
 */
import { signal } from "@preact/signals";
import { showHash } from "../../base/bytes.ts";
import { verifyHead } from "../../sdk/verify-block.ts";
import { askAll, orUndefined } from "./asked-nodes.ts";
import { record, trustedFor } from "./checks.ts";

export type Mark = "open" | "holds" | "fails";

/** Marks that are remembered, and blocks that wait for theirs. */
const MARKS_MAX = 2_000;
const WAITING_MAX = 40;
const ASKED_AT_ONCE = 8;

/** What was found out about blocks, by block hash. */
export const marks = signal<ReadonlyMap<string, Mark>>(new Map());
let waiting: { readonly hash: string; readonly height: number }[] = [];
let isRunning = false;

/** Asks for marks of these blocks; those that have one cost nothing. */
export function wantMarks(blocks: readonly { readonly hash: string; readonly height: number }[]): void {
  const known = marks.peek();
  const fresh = blocks.filter(({ hash }) => !known.has(hash) && !waiting.some((one) => one.hash === hash));
  if (fresh.length === 0) return;
  waiting = [...fresh, ...waiting].sort((a, b) => b.height - a.height).slice(0, WAITING_MAX);
  if (!isRunning) void run();
}

async function run(): Promise<void> {
  isRunning = true;
  try {
    while (waiting.length > 0) {
      const turn = waiting.splice(0, ASKED_AT_ONCE);
      const proofs = await askAll(
        turn.map(({ hash }) => ({ method: "chain_getFinalityProof", params: { block: hash } }) as const),
      );
      const shown = proofs.map((proof) => orUndefined(proof)?.summary);
      const trusted = await trustedFor(shown);
      for (const [i, { hash, height }] of turn.entries()) {
        const proof = proofs[i];
        // Null: a reorganisation took it off meanwhile.
        if (proof === undefined || proof === null || proof instanceof Error) continue;
        const verdict = verifyHead(proof, trusted);
        const isRight = verdict.ok && showHash(verdict.value.head.hash) === hash;
        const words = verdict.ok
          ? isRight
            ? verdict.value.words
            : "the proof is of another block"
          : verdict.fault.detail;
        record(`block ${height}`, [{ what: verdict.ok ? verdict.value.by : "proof", holds: isRight, words }]);
        const kept = [...marks.peek()].slice(-MARKS_MAX);
        marks.value = new Map([...kept, [hash, isRight ? "holds" : "fails"]]);
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
  } catch {
    // The node is gone, or refuses: marks stay open and are wanted again at the next drawing.
    waiting = [];
  } finally {
    isRunning = false;
  }
}
