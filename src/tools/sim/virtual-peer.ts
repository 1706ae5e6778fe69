/** A peer as a replica on a virtual network sees it: there are no addresses, no wires and no waits to tell of. */
import type { ValidatorId } from "../../consensus/engine.ts";
import type { PeerView } from "../../node/ports.ts";

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
