/** Goal: a node can say since when each validator is away. Method: a list of peers that the test edits. */
import { expect, it } from "vitest";
import { Presence } from "../../../src/node/metrics/presence.ts";
import type { PeerView } from "../../../src/node/ports.ts";

it("counts from the last disconnect, and for who never came from the start", () => {
  let now = 1_000;
  const peers: PeerView[] = [];
  const presence = new Presence(
    () => peers,
    () => now,
  );
  presence.start();
  const peer = { peerId: "a", validator: 2 } as PeerView;
  peers.push(peer);
  presence.connected("a");
  expect(presence.awaySinceMs(2)).toBeUndefined();
  expect(presence.awaySinceMs(3)).toBe(1_000);
  now = 5_000;
  peers.pop();
  presence.disconnected("a");
  now = 9_000;
  expect(presence.awaySinceMs(2)).toBe(5_000);
  peers.push({ ...peer, peerId: "b" });
  presence.connected("b");
  presence.disconnected("a");
  expect(presence.awaySinceMs(2)).toBeUndefined();
});
