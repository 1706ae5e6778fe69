/**
 * The small pieces that pages show of a chain: links to what has a hash, ages and times, amounts, text of others.
 *
 * This folder: what several pages show: lists, marks, panels, the frame around all (shell.tsx). Not here: whole pages.
 */
import { useState } from "preact/hooks";
import { printable } from "../../base/printable.ts";
import { clock } from "../live/feed.ts";
import { shorten, showAge, showAmount } from "../model/format.ts";
import { href, type PageName } from "../model/routes.ts";

/** A link to what a hash names, the hash cut in the middle; whole where there is room. */
export function HashLink({
  to,
  hash,
  whole = false,
}: {
  readonly to: PageName;
  readonly hash: string;
  readonly whole?: boolean;
}) {
  return (
    <a class="hash" href={href(to, hash)} title={printable(hash)}>
      {whole ? printable(hash) : shorten(hash)}
    </a>
  );
}

export function HeightLink({ height }: { readonly height: number }) {
  return <a href={href("block", height)}>{showAmount(height)}</a>;
}

export function Amount({ children }: { readonly children: string | number }) {
  return <span class="amount">{showAmount(children)}</span>;
}

/**
 * Shows how long ago a time was, and keeps it up to date. Pointing at it shows the time itself in the
 * reader's zone.
 */
export function Age({ timeMs }: { readonly timeMs: number }) {
  return (
    <time dateTime={isoOf(timeMs)} title={showTime(timeMs)}>
      {showAge(clock.value - timeMs)}
    </time>
  );
}

/** A time in the reader's zone, with the age beside it. */
export function Time({ timeMs }: { readonly timeMs: number }) {
  return (
    <span>
      <time dateTime={isoOf(timeMs)}>{showTime(timeMs)}</time>{" "}
      <span class="quiet">({showAge(clock.value - timeMs)})</span>
    </span>
  );
}

const FORMAT = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "long",
});

export function showTime(timeMs: number): string {
  return isShowable(timeMs) ? FORMAT.format(timeMs) : `${timeMs} ms`;
}

function isoOf(timeMs: number): string {
  return isShowable(timeMs) ? new Date(timeMs).toISOString() : "";
}

/** Dates end 8.64e15 ms from 1970; a node may send anything. */
function isShowable(timeMs: number): boolean {
  return Number.isFinite(timeMs) && Math.abs(timeMs) <= 8.64e15;
}

/** Text of others: what acts or hides is written out. */
export function Text({ children }: { readonly children: string }) {
  return <>{printable(children)}</>;
}

/** A value that can be copied. */
export function Copy({ text }: { readonly text: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1_500);
  };
  if (navigator.clipboard === undefined) return null;
  return (
    <button type="button" class="copy" onClick={() => void copy()} aria-label={isDone ? "copied" : "copy"}>
      {isDone ? "copied" : "copy"}
    </button>
  );
}
