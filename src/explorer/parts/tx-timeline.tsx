/** A transaction's way: received, in the pool, in a block, final; with the times that are known here. */
import type { TxView } from "../live/ledger.ts";
import { showTime } from "./basics.tsx";

export function TxTimeline({ view: { status, place, confirmations } }: { readonly view: TxView }) {
  const steps = [
    { name: "received", isDone: true, word: status === "pending" ? "waits in the pool" : "" },
    {
      name: "in a block",
      isDone: place !== undefined,
      word: place === undefined ? "" : showTime(place.timeMs),
    },
    {
      name: "final",
      isDone: status === "final",
      word: status === "included" ? `${confirmations} deep so far` : "",
    },
  ];
  return (
    <ol class="timeline" aria-label="where the transaction is">
      {steps.map(({ name, isDone, word }) => (
        <li key={name} class={isDone ? "done" : ""}>
          <b>{name}</b> <span class="quiet">{isDone ? word : "not yet"}</span>
        </li>
      ))}
    </ol>
  );
}
