/** The vote book: cells filled as votes come, views with their reasons, bounded, in any order of events. */
import { expect, it } from "vitest";
import { EMPTY_BOOK, readEvents, type VoteEvent, viewSpans } from "../../src/explorer/model/vote-matrix.ts";

const vote = (type: string, seq: number, from: number, t: number, view = 0): VoteEvent => ({
  type,
  seq,
  view,
  from,
  t,
});

it("the book of votes fills a height's cells with milliseconds after its first vote, each vote once", () => {
  const book = readEvents(EMPTY_BOOK, [
    vote("pre-prepare", 5, 0, 100),
    vote("prepare", 5, 1, 103),
    vote("prepare", 5, 1, 150),
    { type: "prepared", seq: 5, view: 0, t: 110 },
    vote("commit", 5, 2, 112),
    { type: "committed", seq: 5, view: 0, t: 120 },
  ]);
  const [height] = book.heights;
  expect(height).toMatchObject({ seq: 5, preparedMs: 10, committedMs: 20 });
  expect([...height!.cells.prepare]).toEqual([[1, 3]]);
  expect([...height!.cells.commit]).toEqual([[2, 12]]);
});

it("the book of votes begins a height anew in a later view, and takes no vote of an earlier one into it", () => {
  const book = readEvents(EMPTY_BOOK, [
    vote("pre-prepare", 5, 0, 100),
    vote("pre-prepare", 5, 1, 900, 1),
    vote("prepare", 5, 2, 901, 0),
  ]);
  expect(book.heights).toHaveLength(1);
  expect(book.heights[0]).toMatchObject({ view: 1, startMs: 900 });
  expect(book.heights[0]!.cells.prepare.size).toBe(0);
});

it("the book of votes keeps the last heights, the newest first, whatever the order", () => {
  const events = Array.from({ length: 40 }, (_, i) => vote("commit", i, 0, i));
  const { heights } = readEvents(EMPTY_BOOK, [...events.slice(20), ...events.slice(0, 20)]);
  expect(heights.map(({ seq }) => seq)).toEqual([39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28]);
  expect(readEvents(EMPTY_BOOK, [vote("commit", Number.NaN, 0, 1)]).heights).toEqual([]);
});

it("the book of votes tells of each view who asked for it and why, and of those asked for in vain", () => {
  const book = readEvents(EMPTY_BOOK, [
    { type: "view-change", from: 2, view: 1, t: 10 },
    { type: "view-change", from: 0, view: 1, t: 11, reason: "request-timeout" },
    { type: "view-change", from: 0, view: 3, t: 12 },
    { type: "new-view", from: 1, view: 1, t: 20 },
    { type: "equivocation", from: 3, seq: 9, t: 30 },
  ]);
  expect(book.views).toEqual([{ view: 1, fromMs: 20, reason: "request-timeout", askedBy: [0, 2] }]);
  expect([...book.asked.keys()]).toEqual([3]);
  expect(book.notes[0]!.words).toBe("equivocation by #3 at height 9");
  expect(viewSpans(book, 1)).toHaveLength(1);
  expect(viewSpans(EMPTY_BOOK, 4)).toMatchObject([{ view: 4, fromMs: undefined }]);
});

it("the book of votes begins the story of the views anew where a lower one is entered: views count from 0 in each epoch", () => {
  const enter = (view: number, t: number): VoteEvent => ({ type: "new-view", view, t });
  const book = readEvents(EMPTY_BOOK, [enter(3, 10), enter(1, 20), enter(1, 25), enter(2, 30)]);
  expect(book.views.map(({ view, fromMs }) => [view, fromMs])).toEqual([
    [1, 20],
    [2, 30],
  ]);
});
