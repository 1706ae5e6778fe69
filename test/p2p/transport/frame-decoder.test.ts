/** Frames cut out of whatever pieces they come in, by a model that has all the bytes at once. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { concatBytes, hex } from "../../../src/base/bytes.ts";
import { FRAME_START_BYTES, FrameDecoder } from "../../../src/p2p/transport/frame-decoder.ts";

const UNASKED = 200;
const BYTES_MAX = 10_000_000;

function lengthOf(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    bytes.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 0x80) return Uint8Array.from(bytes);
  }
}

function framed(frame: Uint8Array): Uint8Array {
  return concatBytes(lengthOf(frame.length), frame);
}

function rig(isWanted: (start: Uint8Array, bytes: number) => boolean = () => true) {
  const frames: Uint8Array[] = [];
  const decoder = new FrameDecoder({ bytesMax: BYTES_MAX, unaskedMax: UNASKED, isWanted });
  return { frames, decoder, push: (chunk: Uint8Array) => decoder.push(chunk, (frame) => frames.push(frame)) };
}

it("the decoder of frames gives the frames that are wanted, in order, whatever pieces they come in", () => {
  const frame = fc.record({ bytes: fc.integer({ min: 1, max: 600 }), fill: fc.nat(255) });
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }),
      (sent, cuts) => {
        const whole = sent.map(({ bytes, fill }) => new Uint8Array(bytes).fill(fill));
        const asked: number[] = [];
        const { frames, decoder, push } = rig((start, bytes) => {
          expect(start.length).toBe(FRAME_START_BYTES);
          asked.push(bytes);
          return (start[0] ?? 0) % 2 === 0;
        });
        const stream = concatBytes(...whole.map(framed));
        for (let at = 0, i = 0; at < stream.length; i++) {
          const next = at + (cuts[i % cuts.length] ?? 1);
          push(stream.subarray(at, next));
          at = next;
        }
        const wanted = whole.filter((one) => one.length <= UNASKED || (one[0] ?? 0) % 2 === 0);
        expect(frames.map(hex)).toEqual(wanted.map(hex));
        expect(asked).toEqual(whole.map((one) => one.length).filter((bytes) => bytes > UNASKED));
        expect(decoder.awaited).toBe(0);
      },
    ),
    { numRuns: 100 },
  );
});

it("the decoder of frames awaits a large frame's first bytes, then all of it or nothing", () => {
  for (const isWanted of [true, false]) {
    const { decoder, frames, push } = rig(() => isWanted);
    push(lengthOf(5_000).subarray(0, 1));
    expect(decoder.awaited).toBe(1);
    push(lengthOf(5_000).subarray(1));
    push(new Uint8Array(FRAME_START_BYTES - 1));
    expect(decoder.awaited).toBe(FRAME_START_BYTES);
    push(new Uint8Array(1));
    expect(decoder.awaited).toBe(isWanted ? 5_000 : 1);
    push(new Uint8Array(5_000 - FRAME_START_BYTES));
    expect(decoder.awaited).toBe(0);
    expect(frames.length).toBe(isWanted ? 1 : 0);
  }
});

it("the decoder of frames holds no more than twice what came of a frame, and no piece of it for itself", () => {
  const { frames, push } = rig();
  push(lengthOf(100_000));
  for (let i = 0; i < 99_999; i++) push(Uint8Array.of(i & 255));
  expect(frames).toEqual([]);
  push(Uint8Array.of(7));
  expect(frames[0]?.length).toBe(100_000);
  expect(frames[0]?.buffer.byteLength).toBe(100_000);
});

it.each([
  ["of 0", [0]],
  ["not in its shortest form", [0x80, 0]],
  ["of more than four bytes", [0x80, 0x80, 0x80, 0x80]],
  ["above the bound", [...lengthOf(BYTES_MAX + 1)]],
])("the decoder of frames refuses a length %s before anything of the frame is here", (_, bytes) => {
  expect(() => rig().push(Uint8Array.from(bytes))).toThrow(Error);
});
