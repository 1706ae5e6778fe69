/** A connected peer as the network shows it, to JSON-RPC and to the node's own parts. */
import { must } from "../base/assert.ts";
import type { PeerClock } from "./clock-offset.ts";
import type { Traffic } from "./transport/meter.ts";
import type { Session } from "./transport/sessions.ts";
import type { HelloStorage } from "./transport/wire.ts";

export interface P2pPeer {
  readonly peerId: string;
  readonly name: string | undefined;
  readonly address: string;
  readonly direction: "inbound" | "outbound";
  readonly validator: number | undefined;
  readonly connectedAtMs: number;
  readonly latencyMs: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** The height of its head as it told it: nobody has checked it. */
  readonly height: bigint | undefined;
  /** How its clock differs from this node's. Undefined while that is not measured. */
  readonly clock?: PeerClock | undefined;
  /** What it stores, as it said at the handshake. Undefined for a peer of the release before. */
  readonly storage?: HelloStorage | undefined;
  /** The highest rules that its program knows. Undefined for a peer of the release before. */
  readonly rules?: number | undefined;
}

/** @param name by which this node knows the peer; the one that it gave itself where there is none */
export function viewOf(
  session: Session,
  name: string | undefined,
  noted: Readonly<Traffic> & Pick<P2pPeer, "height" | "clock">,
): P2pPeer {
  const { connection, peerId } = session;
  const { hello, validator, atMs, roundTripMs } = must(session.admitted, "a connected peer was admitted");
  return {
    peerId,
    name: name ?? hello.name,
    address: connection.remoteAddr.toString(),
    direction: connection.direction,
    validator,
    connectedAtMs: atMs,
    latencyMs: connection.rtt ?? roundTripMs,
    storage: hello.storage,
    rules: hello.rules,
    ...noted,
  };
}
