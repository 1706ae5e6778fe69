/** The pages in memory must never differ from the store, whichever moment of a write a reader meets. */
import { describe, expect, it } from "vitest";
import { TopPages } from "../../../src/chain/state/top-pages.ts";

const TOP = "\0";
const DEEP = "\x10ab";

function storeOf(...pages: readonly (readonly [string, number])[]) {
  const held = new Map(pages.map(([id, byte]) => [id, Uint8Array.of(byte)]));
  const loads: string[] = [];
  const top = new TopPages((id) => {
    loads.push(id);
    return held.get(id);
  });
  return { held, loads, top };
}

describe("the top of the state tree in memory", () => {
  it("reads an upper page from the store once and a deep one every time", () => {
    const { loads, top } = storeOf([TOP, 1], [DEEP, 2]);
    for (let i = 0; i < 2; i++) expect([top.page(TOP)![0], top.page(DEEP)![0]]).toEqual([1, 2]);
    expect(loads).toEqual([TOP, DEEP, DEEP]);
  });

  it("shows the store as it is while a block is written, before and after the write takes effect", () => {
    const { held, top } = storeOf([TOP, 1]);
    top.page(TOP);
    const written = new Map([[TOP, Uint8Array.of(2)]]);
    top.suspend(written.keys());
    expect(top.page(TOP)).toEqual(Uint8Array.of(1));
    held.set(TOP, Uint8Array.of(2));
    expect(top.page(TOP)).toEqual(Uint8Array.of(2));
    top.resume(written);
    expect(top.page(TOP)).toEqual(Uint8Array.of(2));
  });

  it("forgets a page that the block removed", () => {
    const { held, top } = storeOf([TOP, 1]);
    top.page(TOP);
    top.suspend([TOP]);
    held.delete(TOP);
    top.resume(new Map([[TOP, undefined]]));
    expect(top.page(TOP)).toBeUndefined();
  });
});
