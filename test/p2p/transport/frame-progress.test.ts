/** The bytes of frames that are not whole, by lengths alone, however they are cut. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameProgress } from "../../../src/p2p/transport/frame-progress.ts";

function lengthOf(bytes: number): number[] {
  return bytes < 0x80 ? [bytes] : [(bytes & 0x7f) | 0x80, ...lengthOf(bytes >>> 7)];
}

describe("the progress of frames on a stream", () => {
  it("is what came of the last frame that is not whole, wherever the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }),
        (frames, cuts) => {
          const stream = Uint8Array.from(
            frames.flatMap((bytes) => [...lengthOf(bytes), ...new Array(bytes).fill(0xff)]),
          );
          const heldAt: number[] = [0];
          for (const bytes of frames) {
            for (const _ of lengthOf(bytes)) heldAt.push(0);
            for (let got = 1; got <= bytes; got++) heldAt.push(got === bytes ? 0 : got);
          }
          const progress = new FrameProgress();
          let at = 0;
          for (const cut of cuts) {
            progress.push(stream.subarray(at, at + cut));
            at = Math.min(stream.length, at + cut);
            expect(progress.held).toBe(heldAt[at]);
          }
        },
      ),
    );
  });

  it("ends with a length that no reader takes", () => {
    const progress = new FrameProgress();
    progress.push(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x01));
    progress.push(new Uint8Array(1_000));
    expect(progress.held).toBe(0);
  });
});
