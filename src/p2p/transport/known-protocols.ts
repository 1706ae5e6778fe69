/**
 * The library notes in its store of peers, for each stream that is opened by a peer or to it, that the peer speaks the stream's
 * protocol: a lock, a read, a comparison and a write for what the first stream said. Here that is done once while a peer
 * is connected.
 */
import type { Peer, PeerData, PeerId, PeerStore } from "@libp2p/interface";
import { dropOldest } from "../../base/drop-oldest.ts";
import { CONNECTIONS_MAX } from "../../base/limits.ts";

interface KnownPeer {
  readonly protocols: Set<string>;
  /** What the store gave for it last. */
  readonly peer: Peer;
}

/** @returns what forgets a peer, by its id: to be called when it is gone */
export function noteProtocolsOnce(store: PeerStore): (peerId: string) => void {
  const known = new Map<string, KnownPeer>();
  const merge = store.merge.bind(store);
  store.merge = async (id, data, options) => {
    const peerId = id.toString();
    const protocols = protocolsAlone(data);
    const held = known.get(peerId);
    if (held !== undefined && protocols?.every((each) => held.protocols.has(each)) === true) return held.peer;
    const peer = await merge(id as PeerId, data, options);
    if (protocols === undefined) known.delete(peerId);
    else {
      known.set(peerId, { protocols: new Set(peer.protocols), peer });
      if (known.size > CONNECTIONS_MAX) dropOldest(known);
    }
    return peer;
  };
  return (peerId) => void known.delete(peerId);
}

/** The protocols, or undefined where the data says more than these. */
function protocolsAlone(data: PeerData): readonly string[] | undefined {
  return Object.keys(data).every((key) => key === "protocols") ? data.protocols : undefined;
}
