/** Values above the store: what is read from memory is what the store would say, before, during and after a write. */
import { describe, expect, it } from "vitest";
import { byteText, utf8 } from "../../../src/base/bytes.ts";
import { KEPT_VALUE_BYTES_MAX, KeptValues } from "../../../src/chain/state/kept-values.ts";

const A = utf8("a");
const B = utf8("b");

function setUp(countMax?: number) {
  const store = new Map([
    [byteText(A), Uint8Array.of(1)],
    [byteText(B), Uint8Array.of(2)],
  ]);
  const reads: string[] = [];
  const values = new KeptValues((key) => {
    reads.push(byteText(key));
    return store.get(byteText(key));
  }, countMax);
  const diffOf = (key: Uint8Array, value: Uint8Array | undefined) =>
    new Map([[byteText(key), { key, value }]]);
  return { store, reads, values, diffOf };
}

describe("kept values of the state", () => {
  it("ask the store once for a value that is there, and each time for one that is not", () => {
    const { reads, values } = setUp();
    for (let i = 0; i < 3; i++) expect(values.get(A)).toEqual(Uint8Array.of(1));
    expect(reads).toEqual(["a"]);
    for (let i = 0; i < 2; i++) expect(values.get(utf8("c"))).toBeUndefined();
    expect(reads).toEqual(["a", "c", "c"]);
  });

  it("are what the store says while it is being written, whichever of both it says", () => {
    const { store, values, diffOf } = setUp();
    values.get(A);
    values.get(B);
    const diff = diffOf(A, Uint8Array.of(9));
    values.suspend(diff);
    expect(values.get(A)).toEqual(Uint8Array.of(1));
    store.set(byteText(A), Uint8Array.of(9));
    expect(values.get(A)).toEqual(Uint8Array.of(9));
    values.resume(diff);
    expect(values.get(A)).toEqual(Uint8Array.of(9));
    expect(values.get(B)).toEqual(Uint8Array.of(2));
  });

  it("do not keep what was read before a write and is gone after it", () => {
    const { store, values, diffOf } = setUp();
    const diff = diffOf(A, undefined);
    values.suspend(diff);
    values.get(A); // the store still has it
    store.delete(byteText(A));
    values.resume(diff);
    expect(values.get(A)).toBeUndefined();
  });

  it("are bounded: the oldest makes room, and long ones are not kept", () => {
    const { store, reads, values } = setUp(1);
    values.get(A);
    values.get(B);
    values.get(A);
    expect(reads).toEqual(["a", "b", "a"]);
    store.set("c", new Uint8Array(KEPT_VALUE_BYTES_MAX + 1));
    values.get(utf8("c"));
    values.get(utf8("c"));
    expect(reads).toEqual(["a", "b", "a", "c", "c"]);
  });
});
