/** What the library notes of a peer's protocols reaches its store once while the peer is connected. */
import type { Peer, PeerData, PeerId, PeerStore } from "@libp2p/interface";
import { beforeEach, describe, expect, it } from "vitest";
import { noteProtocolsOnce } from "../../../src/p2p/transport/known-protocols.ts";

const ID = { toString: () => "peer" } as PeerId;
const HOUR_MS = 3_600_000;

let merged: PeerData[];
let store: PeerStore;
let forget: (peerId: string) => void;
let nowMs: number;

beforeEach(() => {
  merged = [];
  nowMs = 0;
  let protocols = new Set<string>();
  const peer = (): Peer => ({ id: ID, protocols: [...protocols] }) as unknown as Peer;
  store = {
    merge: async (_: PeerId, data: PeerData) => {
      merged.push(data);
      for (const each of data.protocols ?? []) protocols.add(each);
      return peer();
    },
    patch: async (_: PeerId, data: PeerData) => {
      protocols = new Set(data.protocols);
      return peer();
    },
    save: async () => peer(),
    delete: async () => undefined,
  } as unknown as PeerStore;
  forget = noteProtocolsOnce(store, () => nowMs);
});

describe("a protocol of a peer", () => {
  it("is noted once, and again after the peer was gone", async () => {
    const first = await store.merge(ID, { protocols: ["/a"] });
    expect(await store.merge(ID, { protocols: ["/a"] })).toBe(first);
    expect(merged).toHaveLength(1);
    const both = await store.merge(ID, { protocols: ["/a", "/b"] });
    expect(both.protocols).toEqual(["/a", "/b"]);
    await store.merge(ID, { protocols: ["/b"] });
    expect(merged).toHaveLength(2);
    forget("peer");
    await store.merge(ID, { protocols: ["/b"] });
    expect(merged).toHaveLength(3);
  });

  it("is noted each hour, since the store drops what is not written for six", async () => {
    for (let minutes = 0; minutes < 600; minutes += 10) {
      nowMs = (minutes * HOUR_MS) / 60;
      await store.merge(ID, { protocols: ["/a"] });
    }
    expect(merged).toHaveLength(10);
  });

  it("is noted again after the peer itself said that it does not speak it", async () => {
    await store.merge(ID, { protocols: ["/gossip"] });
    await store.patch(ID, { protocols: ["/x"] });
    expect((await store.merge(ID, { protocols: ["/gossip"] })).protocols).toEqual(["/x", "/gossip"]);
    await store.save(ID, { protocols: ["/x"] });
    await store.merge(ID, { protocols: ["/gossip"] });
    await store.delete(ID);
    await store.merge(ID, { protocols: ["/gossip"] });
    expect(merged).toHaveLength(4);
  });

  it("goes to the store with whatever else is said of the peer", async () => {
    await store.merge(ID, { protocols: ["/a"] });
    await store.merge(ID, { protocols: ["/a"], tags: { kept: {} } });
    await store.merge(ID, { multiaddrs: [] });
    expect(merged).toHaveLength(3);
  });
});
