import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { text, utf8 } from "../../../src/base/bytes.ts";
import { MAIL_FRAME_BYTES_TARGET } from "../../../src/base/limits.ts";
import { type Bundle, Outbox } from "../../../src/p2p/transport/outbox.ts";

const BOUNDS = { messagesMax: 5, bytesMax: 100, ageMsMax: 1_000 };

function texts(bundle: Bundle): string[] {
  return bundle.map((packet) => text(packet.bytes));
}

describe("the outbox", () => {
  it("gives letters in the order of posting, many at a time", () => {
    const outbox = new Outbox(BOUNDS);
    for (const packet of ["a", "b", "c"]) outbox.post(utf8(packet), 0);
    expect(texts(outbox.take())).toEqual(["a", "b", "c"]);
    expect([outbox.length, outbox.bytes]).toEqual([0, 0]);
  });

  it("drops the oldest beyond its bound of messages and of bytes", () => {
    const outbox = new Outbox(BOUNDS);
    const dropped = ["a", "b", "c", "d", "e", "f", "g"].map((packet) => outbox.post(utf8(packet), 0));
    expect(dropped).toEqual([0, 0, 0, 0, 0, 1, 1]);
    expect(outbox.post(new Uint8Array(97), 0)).toBe(2);
    expect(outbox.take().map((packet) => packet.bytes.length)).toEqual([1, 1, 1, 97]);
  });

  it("keeps the youngest even if it alone exceeds the bound", () => {
    const outbox = new Outbox(BOUNDS);
    outbox.post(utf8("a"), 0);
    expect(outbox.post(new Uint8Array(500), 0)).toBe(1);
    expect(outbox.take().length).toBe(1);
  });

  it("puts a bundle back before what was posted since", () => {
    const outbox = new Outbox(BOUNDS);
    outbox.post(utf8("a"), 0);
    outbox.post(utf8("b"), 0);
    const bundle = outbox.take();
    outbox.post(utf8("c"), 0);
    expect(outbox.putBack(bundle)).toBe(0);
    expect(texts(outbox.take())).toEqual(["a", "b", "c"]);
  });

  it("forgets what waited too long", () => {
    const outbox = new Outbox(BOUNDS);
    outbox.post(utf8("old"), 0);
    outbox.post(utf8("new"), 600);
    expect(outbox.expire(1_000)).toBe(0);
    expect(outbox.expire(1_001)).toBe(1);
    expect(texts(outbox.take())).toEqual(["new"]);
  });

  it("fills frames to their target and lets a larger letter travel alone", () => {
    const outbox = new Outbox();
    for (const size of [10, MAIL_FRAME_BYTES_TARGET, 10, 10]) outbox.post(new Uint8Array(size), 0);
    expect([outbox.take().length, outbox.take().length, outbox.take().length]).toEqual([1, 1, 2]);
  });

  it("counts its letters and bytes rightly whatever is done to it", () => {
    const action = fc.oneof(
      fc.nat(40).map((size) => ({ kind: "post" as const, size })),
      fc.constant({ kind: "take" as const }),
      fc.constant({ kind: "put-back" as const }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const outbox = new Outbox(BOUNDS);
        let taken: Bundle = [];
        for (const step of actions) {
          if (step.kind === "post") outbox.post(new Uint8Array(step.size), 0);
          else if (step.kind === "take") taken = outbox.take();
          else {
            outbox.putBack(taken);
            taken = [];
          }
          expect(outbox.length <= BOUNDS.messagesMax).toBe(true);
          expect(outbox.bytes <= BOUNDS.bytesMax || outbox.length === 1).toBe(true);
        }
        const rest = outbox.take();
        expect(outbox.length).toBe(0);
        expect(outbox.bytes).toBe(0);
        expect(rest.length).toBeLessThanOrEqual(BOUNDS.messagesMax);
      }),
    );
  });
});
