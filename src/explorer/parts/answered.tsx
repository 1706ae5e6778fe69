/** What a question that is under way, or failed, looks like; else its answer. */
import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { printable } from "../../base/printable.ts";
import type { Query } from "../live/query.ts";
import { Heading, Note } from "./layout.tsx";

export function Answered<T>({
  query,
  title,
  children,
}: {
  /** The title of a page whose heading comes with the answer. It stands until then, and where there is none. */
  readonly title?: string;
  readonly query: ReadonlySignal<Query<T>>;
  readonly children: (value: T) => ComponentChildren;
}) {
  const { value } = query;
  if (value.state === "done") return <>{children(value.value)}</>;
  return (
    <>
      {title === undefined ? null : <Heading>{title}</Heading>}
      {value.state === "loading" ? (
        <Note>asking the node …</Note>
      ) : (
        <Note tone="warn">{printable(value.reason)}</Note>
      )}
    </>
  );
}
