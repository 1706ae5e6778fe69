/**
 * The library notes in its store of peers, for each stream that is opened by a peer or to it, that the peer speaks the stream's
 * protocol: a lock, a read, a comparison and a write for what the first stream said. Here that is done once while a peer
 * is connected, and again each hour: the store drops what was not written for six, and gossip is not told that such
 * a peer is gone.
 */
import type { Peer, PeerData, PeerId, PeerStore } from "@libp2p/interface";
import { dropOldest } from "../../base/drop-oldest.ts";
import { CONNECTIONS_MAX } from "../../base/limits.ts";

const NOTED_MS = 3_600_000;

interface KnownPeer {
  readonly protocols: ReadonlySet<string>;
  /** What the store gave for it last. */
  readonly peer: Peer;
  readonly notedAtMs: number;
}

/** @returns what forgets a peer, by its id: to be called when it is gone */
export function noteProtocolsOnce(store: PeerStore, now: () => number): (peerId: string) => void {
  const known = new Map<string, KnownPeer>();
  forgetChanged(store, known);
  const merge = store.merge.bind(store);
  store.merge = async (id, data, options) => {
    const peerId = id.toString();
    const protocols = protocolsAlone(data);
    const held = known.get(peerId);
    const isFresh = held !== undefined && now() - held.notedAtMs < NOTED_MS;
    if (isFresh && protocols?.every((each) => held.protocols.has(each)) === true) return held.peer;
    const peer = await merge(id, data, options);
    if (protocols === undefined) known.delete(peerId);
    else {
      known.set(peerId, { protocols: new Set(peer.protocols), peer, notedAtMs: now() });
      if (known.size > CONNECTIONS_MAX) dropOldest(known);
    }
    return peer;
  };
  return (peerId) => void known.delete(peerId);
}

/** What else writes may take protocols away: what was noted before and meanwhile says nothing any more. */
function forgetChanged(store: PeerStore, known: Map<string, KnownPeer>): void {
  const { patch, save } = store;
  const remove = store.delete;
  const around = async <T>(id: PeerId, work: () => Promise<T>): Promise<T> => {
    known.delete(id.toString());
    try {
      return await work();
    } finally {
      known.delete(id.toString());
    }
  };
  store.patch = (id, ...rest) => around(id, () => patch.call(store, id, ...rest));
  store.save = (id, ...rest) => around(id, () => save.call(store, id, ...rest));
  store.delete = (id, ...rest) => around(id, () => remove.call(store, id, ...rest));
}

/** The protocols, or undefined where the data says more than these. */
function protocolsAlone(data: PeerData): readonly string[] | undefined {
  return Object.keys(data).every((key) => key === "protocols") ? data.protocols : undefined;
}
