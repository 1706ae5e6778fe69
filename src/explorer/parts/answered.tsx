/** What a question that is under way, or failed, looks like; else its answer. */
import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { printable } from "../../base/printable.ts";
import type { Query } from "../live/query.ts";
import { Note } from "./layout.tsx";

export function Answered<T>({
  query,
  children,
}: {
  readonly query: ReadonlySignal<Query<T>>;
  readonly children: (value: T) => ComponentChildren;
}) {
  const { value } = query;
  if (value.state === "loading") return <p class="notice quiet">asking the node …</p>;
  if (value.state === "failed") return <Note tone="warn">{printable(value.reason)}</Note>;
  return <>{children(value.value)}</>;
}
