/**
 * A transaction's way from received to final: each stage as this node saw it, with the milliseconds since the one before.
 * What it did not see or has forgotten is left empty; what is proved is the block, not these times.
 */
import type { Timeline, TxView } from "../live/ledger.ts";
import { showTime } from "./basics.tsx";

interface Stage {
  readonly name: string;
  readonly isDone: boolean;
  readonly atMs: number | null;
  readonly word?: string;
}

export function TxTimeline({ view }: { readonly view: TxView }) {
  const stages = stagesOf(view);
  return (
    <ol class="timeline" aria-label="where the transaction is">
      {stages.map(({ name, isDone, atMs, word }, i) => {
        const before = stages.slice(0, i).findLast((stage) => stage.atMs !== null)?.atMs ?? null;
        return (
          <li key={name} class={isDone ? "done" : ""}>
            <b>{name}</b>{" "}
            <span class="quiet" title={atMs === null ? undefined : showTime(atMs)}>
              {word ?? (isDone ? wordsOf(atMs, before) : "not yet")}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function wordsOf(atMs: number | null, beforeMs: number | null): string {
  if (atMs === null) return "not seen here";
  return beforeMs === null ? showTime(atMs) : `+${atMs - beforeMs} ms`;
}

/** Stages of votes only where there are any. */
function stagesOf({ status, place, confirmations, timeline, proof }: TxView): readonly Stage[] {
  const at = (stage: Exclude<keyof Timeline, "height">) => timeline?.[stage] ?? null;
  const isIn = place !== undefined || status !== "pending";
  const isMined = proof?.headers !== undefined;
  const votes: Stage[] = isMined
    ? []
    : (["proposed", "prepared", "committed"] as const).map((name) => ({
        name,
        isDone: isIn || at(name) !== null,
        atMs: at(name),
      }));
  const blockMs = at("included") ?? place?.timeMs ?? null;
  return [
    { name: "received", isDone: true, atMs: at("received") },
    { name: "in the pool", isDone: true, atMs: at("pooled") },
    ...votes,
    { name: "in a block", isDone: isIn, atMs: blockMs },
    {
      name: "final",
      isDone: status === "final",
      atMs: at("final") ?? (status === "final" && !isMined ? blockMs : null),
      ...(status === "included" ? { word: `${confirmations} deep so far` } : {}),
      ...(status === "final" && isMined ? { word: `${confirmations} deep` } : {}),
    },
  ];
}
