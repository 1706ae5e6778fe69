/**
 * The rows of a long table: only those in sight, and some around, are in the page; empty rows stand for the others, so
 * that the scroll bar is true. A block of ten thousand transactions scrolls as one of ten.
 */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Fewer are all drawn. */
const PLAIN_MAX = 120;
/** Height of a row in pixels, as the style sheet has it (tr.even). */
const ROW_PX = 38;
/** Rows drawn above and below what is in sight. */
const MARGIN = 20;

export function LongRows<T>(props: {
  readonly items: readonly T[];
  /** A row's cells. */
  readonly cells: (item: T, index: number) => ComponentChildren;
  readonly keyOf: (item: T) => string;
}) {
  const { items, cells, keyOf } = props;
  const isLong = items.length > PLAIN_MAX;
  const body = useRef<HTMLTableSectionElement>(null);
  const [first, setFirst] = useState(0);
  const [seen, setSeen] = useState(PLAIN_MAX);
  useLayoutEffect(() => {
    const box = body.current?.closest<HTMLElement>(".scroll");
    if (!isLong || box === null || box === undefined) return undefined;
    box.classList.add("tall");
    const look = () => {
      setFirst(Math.max(0, Math.floor(box.scrollTop / ROW_PX) - MARGIN));
      setSeen(Math.ceil(box.clientHeight / ROW_PX) + 2 * MARGIN);
    };
    look();
    box.addEventListener("scroll", look, { passive: true });
    return () => {
      box.removeEventListener("scroll", look);
      box.classList.remove("tall");
    };
  }, [isLong]);
  const from = isLong ? Math.min(first, Math.max(0, items.length - seen)) : 0;
  const to = isLong ? Math.min(items.length, from + seen) : items.length;
  return (
    <tbody ref={body}>
      {from === 0 ? null : <Gap rows={from} />}
      {items.slice(from, to).map((item, i) => (
        <tr
          key={keyOf(item)}
          class={isLong ? "even" : undefined}
          aria-rowindex={isLong ? from + i + 2 : undefined}
        >
          {cells(item, from + i)}
        </tr>
      ))}
      {to === items.length ? null : <Gap rows={items.length - to} />}
    </tbody>
  );
}

function Gap({ rows }: { readonly rows: number }) {
  return (
    <tr>
      <td class="gap" colSpan={99} style={{ height: `${rows * ROW_PX}px` }} />
    </tr>
  );
}
