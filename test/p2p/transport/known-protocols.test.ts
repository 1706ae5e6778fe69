/** What the library notes of a peer's protocols reaches its store once while the peer is connected. */
import type { Peer, PeerData, PeerId, PeerStore } from "@libp2p/interface";
import { expect, it } from "vitest";
import { noteProtocolsOnce } from "../../../src/p2p/transport/known-protocols.ts";

const ID = { toString: () => "peer" } as PeerId;

function storeOfOne(): { readonly store: PeerStore; readonly merged: PeerData[] } {
  const merged: PeerData[] = [];
  const protocols = new Set<string>();
  const merge = async (_: PeerId, data: PeerData): Promise<Peer> => {
    merged.push(data);
    for (const each of data.protocols ?? []) protocols.add(each);
    return { id: ID, protocols: [...protocols] } as unknown as Peer;
  };
  return { store: { merge } as unknown as PeerStore, merged };
}

it("a protocol of a peer is noted once, and again after the peer was gone", async () => {
  const { store, merged } = storeOfOne();
  const forget = noteProtocolsOnce(store);
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

it("the store of peers gets everything else that is to be noted", async () => {
  const { store, merged } = storeOfOne();
  noteProtocolsOnce(store);
  await store.merge(ID, { protocols: ["/a"] });
  await store.merge(ID, { protocols: ["/a"], tags: { kept: {} } });
  await store.merge(ID, { multiaddrs: [] });
  expect(merged).toHaveLength(3);
});
