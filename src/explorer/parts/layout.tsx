/** What every page is laid out of: a heading, panels, figures, facts, badges, notes. They know no chain and no node. */
import type { ComponentChildren } from "preact";

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

/** What `explain` calls the state of the chain: its codes in words, and a node without a vote follows the others. */
export function StateBadge({ ok, state }: { readonly ok: boolean; readonly state: string }) {
  return (
    <Badge tone={ok ? "good" : "bad"}>{state === "no-engine" ? "following" : state.replace("-", " ")}</Badge>
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

/** How much of something is there. */
export function Bar({
  done,
  of,
  label,
}: {
  readonly done: number;
  readonly of: number;
  readonly label: string;
}) {
  return (
    <div class="bar" role="img" aria-label={label}>
      <span class="executed" style={{ width: `${Math.min(100, (100 * done) / of)}%` }} />
    </div>
  );
}

/** The names of a table's columns; one that stands in a list of its own is of numbers, to the right. */
export function Columns({ names }: { readonly names: readonly (string | readonly [string])[] }) {
  return (
    <thead>
      <tr>
        {names.map((name) =>
          typeof name === "string" ? (
            <th key={name}>{name}</th>
          ) : (
            <th key={name[0]} class="right">
              {name}
            </th>
          ),
        )}
      </tr>
    </thead>
  );
}
