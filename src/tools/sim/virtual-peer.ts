/** A peer as a replica on a virtual network sees it: there are no addresses, no wires and no waits to tell of. */
import type { ValidatorId } from "../../consensus/engine.ts";
import type { PeerView } from "../../node/ports.ts";
import type { NodeId } from "./schedule.ts";

export function virtualPeer(peerId: string, name: string, validator?: ValidatorId): PeerView {
  return {
    peerId,
    name,
    address: "virtual",
    direction: "outbound",
    validator,
    connectedAtMs: 0,
    latencyMs: undefined,
    bytesIn: 0,
    bytesOut: 0,
    height: undefined,
  };
}

export function peerIdOf(node: NodeId): string {
  return `peer${node}`;
}

export function nodeOf(peerId: string): NodeId {
  return Number(peerId.slice(4));
}
