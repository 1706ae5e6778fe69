/** Goal: what peers say of a transition is remembered while it may matter, costs one place, and is no more than their word. */
import { expect, it } from "vitest";
import { asHash, hex0x } from "../../../src/base/bytes.ts";
import { fault } from "../../../src/base/fault.ts";
import { TransitionWatch } from "../../../src/node/assembly/transition-watch.ts";
import { alice, bob, build, extend, openChain, transfer } from "../../chain/fixtures.ts";

const unaccepted = fault("unaccepted-transition", "not told to accept");
const id = new Uint8Array(32).fill(0x3b);

it("a transition that was missed is remembered for the block behind the head, and forgotten when the head goes on", async () => {
  const chain = await openChain();
  const watch = new TransitionWatch(chain);
  const next = build(chain);
  const under = (extra: Uint8Array, over: object = {}, previousHash = next.header.previousHash) => ({
    ...next,
    header: { ...next.header, previousHash },
    summary: { ...next.summary, extra, ...over },
  });
  expect(watch.missed()).toBeUndefined();
  for (const [head, why] of [
    [under(id), fault("bad-signature", "no transition")],
    [under(id, { height: 2n }), unaccepted],
    [under(id, {}, asHash(new Uint8Array(32).fill(9))), unaccepted],
    [under(id.subarray(1)), unaccepted],
  ] as const) {
    watch.refused(head, "peer", why);
    expect(watch.missed()).toBeUndefined();
  }
  watch.refused(under(id), "peer1", unaccepted);
  const newest = new Uint8Array(32).fill(0x4c);
  watch.refused(under(newest), "peer2", unaccepted);
  for (const _ of [1, 2]) expect(watch.missed()).toEqual({ id: hex0x(newest), height: 1n, peerId: "peer2" });
  await extend(chain, transfer(alice, bob.publicKey, 1n));
  expect(watch.missed()).toBeUndefined();
});
