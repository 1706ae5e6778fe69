/**
 * The votes of the last heights, cell by cell with their milliseconds, and the story of the views, from the events of
 * one node's engine. Pure; heights and views are numbers (below 2^53 by construction).
 */

/** An event as the topic `consensus` tells it. */
export interface VoteEvent {
  readonly t: number;
  readonly type: string;
  readonly seq?: number | string | undefined;
  readonly view?: number | string | undefined;
  readonly from?: number | undefined;
  readonly reason?: string | undefined;
  readonly detail?: string | undefined;
}

export const PHASES = ["pre-prepare", "prepare", "commit"] as const;
export type VotePhase = (typeof PHASES)[number];

export interface HeightVotes {
  readonly seq: number;
  /** The view of the last vote for this height. */
  readonly view: number;
  /** When the first vote in that view came, ms since the Unix epoch. */
  readonly startMs: number;
  /** When each vote came, by phase and validator, ms after the first. */
  readonly cells: Readonly<Record<VotePhase, ReadonlyMap<number, number>>>;
  /** Milliseconds until a quorum, as the engine says. */
  readonly preparedMs: number | undefined;
  readonly committedMs: number | undefined;
}

export interface ViewSpan {
  readonly view: number;
  /** When this node entered it. Undefined when that was before what is known. */
  readonly fromMs: number | undefined;
  /** Why it was asked for, by whom: this node's own reason, and the validators that asked. */
  readonly reason: string | undefined;
  readonly askedBy: readonly number[];
}

export interface VoteBook {
  /** The heights, the newest first. */
  readonly heights: readonly HeightVotes[];
  /** The views, the oldest first. The last is the view that this node is in. */
  readonly views: readonly ViewSpan[];
  /** Views asked for and not entered, with who asked. */
  readonly asked: ReadonlyMap<
    number,
    { readonly reason: string | undefined; readonly from: readonly number[] }
  >;
  /** Other events worth a line, newest first. */
  readonly notes: readonly { readonly t: number; readonly words: string }[];
}

export const EMPTY_BOOK: VoteBook = { heights: [], views: [], asked: new Map(), notes: [] };

const HEIGHTS_KEPT = 12;
const VIEWS_KEPT = 60;
const NOTES_KEPT = 30;
const ASKED_KEPT = 16;

/** The book with more events in it, in their order. */
export function readEvents(book: VoteBook, events: readonly VoteEvent[]): VoteBook {
  return events.reduce(readOne, book);
}

function readOne(book: VoteBook, event: VoteEvent): VoteBook {
  const { type, t } = event;
  const seq = Number(event.seq);
  const view = Number(event.view);
  switch (type) {
    case "pre-prepare":
    case "prepare":
    case "commit":
      return withHeight(book, seq, view, t, (height) => withVote(height, type, Number(event.from), t));
    case "prepared":
      return withHeight(book, seq, view, t, (height) => ({ ...height, preparedMs: t - height.startMs }));
    case "committed":
      return withHeight(book, seq, view, t, (height) => ({ ...height, committedMs: t - height.startMs }));
    case "view-change":
      return withAsked(book, view, Number(event.from), event.reason);
    case "new-view":
      return withView(book, view, t);
    case "checkpoint-stable":
      return book;
    default:
      return withNote(book, event);
  }
}

function withHeight(
  book: VoteBook,
  seq: number,
  view: number,
  t: number,
  change: (height: HeightVotes) => HeightVotes,
): VoteBook {
  if (!Number.isSafeInteger(seq)) return book;
  const found = book.heights.find((height) => height.seq === seq);
  const lowest = book.heights.at(-1)?.seq ?? 0;
  if (found === undefined && book.heights.length >= HEIGHTS_KEPT && seq < lowest) return book;
  // A vote in a later view begins the height anew.
  const own = found !== undefined && found.view >= view ? found : emptyHeight(seq, view, t);
  if (own.view !== view) return book;
  const heights = [change(own), ...book.heights.filter((height) => height.seq !== seq)];
  return { ...book, heights: heights.sort((a, b) => b.seq - a.seq).slice(0, HEIGHTS_KEPT) };
}

function emptyHeight(seq: number, view: number, startMs: number): HeightVotes {
  const cells = { "pre-prepare": new Map(), prepare: new Map(), commit: new Map() };
  return { seq, view, startMs, cells, preparedMs: undefined, committedMs: undefined };
}

function withVote(height: HeightVotes, phase: VotePhase, from: number, t: number): HeightVotes {
  if (height.cells[phase].has(from)) return height;
  const votes = new Map(height.cells[phase]).set(from, Math.max(0, t - height.startMs));
  return { ...height, cells: { ...height.cells, [phase]: votes } };
}

function withAsked(book: VoteBook, view: number, from: number, reason: string | undefined): VoteBook {
  const before = book.asked.get(view);
  const askers = [...new Set([...(before?.from ?? []), from])].sort((a, b) => a - b);
  const asked = new Map(book.asked).set(view, { reason: reason ?? before?.reason, from: askers });
  return { ...book, asked: new Map([...asked].slice(-ASKED_KEPT)) };
}

function withView(book: VoteBook, view: number, t: number): VoteBook {
  const last = book.views.at(-1)?.view ?? -1;
  if (last === view) return book;
  const { reason, from = [] } = book.asked.get(view) ?? {};
  // A lower one is of another epoch, whose views begin at 0.
  const views = [...(view < last ? [] : book.views), { view, fromMs: t, reason, askedBy: from }].slice(
    -VIEWS_KEPT,
  );
  return { ...book, views, asked: new Map([...book.asked].filter(([other]) => other > view)) };
}

function withNote(book: VoteBook, { type, t, from, seq, detail }: VoteEvent): VoteBook {
  const words = [
    type,
    from === undefined ? "" : `by #${from}`,
    seq === undefined ? "" : `at height ${seq}`,
    detail ?? "",
  ];
  const note = { t, words: words.filter((word) => word !== "").join(" ") };
  return { ...book, notes: [note, ...book.notes].slice(0, NOTES_KEPT) };
}

/** The spans to draw: the view that the node was in before the first that it was seen to enter, too. */
export function viewSpans({ views }: VoteBook, current: number): readonly ViewSpan[] {
  if (views.at(-1)?.view === current) return views;
  return [...views, { view: current, fromMs: undefined, reason: undefined, askedBy: [] }];
}
