/** The small pieces that every page is made of: links to what has a hash, ages and times, amounts, panels, notes. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { printable } from "../../base/printable.ts";
import { clock } from "../live/feed.ts";
import { shorten, showAge, showAmount } from "../model/format.ts";
import { href, type PageName } from "../model/routes.ts";

interface WithChildren {
  readonly children?: ComponentChildren;
}

/** The page's heading, which takes the focus when the reader comes here. */
export function Heading({ children, aside }: WithChildren & { readonly aside?: ComponentChildren }) {
  return (
    <header class="heading">
      <h1 tabIndex={-1}>{children}</h1>
      {aside === undefined ? null : <div class="aside">{aside}</div>}
    </header>
  );
}

export function Panel({
  title,
  aside,
  children,
  wide = false,
}: WithChildren & { readonly title: string; readonly aside?: ComponentChildren; readonly wide?: boolean }) {
  return (
    <section class={wide ? "panel wide" : "panel"} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {aside === undefined ? null : <div class="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

/** Long tables scroll in their own box, which the keyboard reaches too. */
export function Scroll({ children, label }: WithChildren & { readonly label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
    <section class="scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

/** One figure with its name. */
export function Figure({
  name,
  children,
  note,
  tone,
}: WithChildren & {
  readonly name: string;
  readonly note?: ComponentChildren;
  readonly tone?: Tone | undefined;
}) {
  return (
    <div class={`figure ${tone ?? ""}`}>
      <dt>{name}</dt>
      <dd>
        <span class="value">{children}</span>
        {note === undefined ? null : <span class="note">{note}</span>}
      </dd>
    </div>
  );
}

export type Tone = "good" | "warn" | "bad" | "quiet";

export function Badge({ tone = "quiet", children }: WithChildren & { readonly tone?: Tone }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

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

/** How long ago, kept up to date; the time itself in the reader's zone when pointed at. */
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

/** Names and values in two columns. */
export function Facts({ children }: WithChildren) {
  return <dl class="facts">{children}</dl>;
}

export function Fact({ name, children }: WithChildren & { readonly name: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Note({ tone = "quiet", children }: WithChildren & { readonly tone?: Tone }) {
  return (
    <p class={`notice ${tone}`} role={tone === "bad" ? "alert" : undefined}>
      {children}
    </p>
  );
}
