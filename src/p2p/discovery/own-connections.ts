/**
 * The peers that passed the handshake and the dials under way, each with the reason it was opened for: what the plan
 * of outbound connections starts from. It decides nothing and opens nothing.
 */
import { type KnownAddress, keyOf } from "./address-entry.ts";
import { groupOf, parseAddress } from "./address-groups.ts";
import type { Dial, OwnConnection, Role } from "./outbound-slots.ts";

/** A dial without an outcome by then is taken to have none. */
const DIALLING_MS = 15_000;

/** A peer that passed the handshake. */
export interface PresentPeer {
  readonly peerId: string;
  /** Where it is, as libp2p says it, without /p2p. */
  readonly multiaddr: string;
  /** The role that this node gave it. Undefined for a connection that the peer opened, unless it is static. */
  readonly role: Role | undefined;
  readonly key: KnownAddress["key"];
  readonly group: string | undefined;
  readonly connectedAtMs: number;
  nextAskMs: number;
}

interface Pending {
  readonly dial: Dial;
  readonly atMs: number;
}

export class OwnConnections {
  readonly #present = new Map<string, PresentPeer>();
  readonly #pending = new Map<string, Pending>();

  find(peerId: string): PresentPeer | undefined {
    return this.#present.get(peerId);
  }

  present(): readonly PresentPeer[] {
    return [...this.#present.values()];
  }

  dialled(dial: Dial, nowMs: number): void {
    this.#pending.set(dial.peer.peerId, { dial, atMs: nowMs });
  }

  /** The dial to this peer came to nothing. */
  failed(peerId: string): Dial | undefined {
    const dial = this.#pending.get(peerId)?.dial;
    this.#pending.delete(peerId);
    return dial;
  }

  connected(
    connection: {
      readonly peerId: string;
      readonly multiaddr: string;
      readonly direction: "inbound" | "outbound";
      readonly isStatic: boolean;
    },
    nowMs: number,
  ): PresentPeer {
    const { peerId, direction, isStatic } = connection;
    const multiaddr = connection.multiaddr.replace(/\/p2p\/[^/]*$/, "");
    const planned = this.failed(peerId)?.role ?? "outbound";
    const chosen = direction === "outbound" ? planned : undefined;
    const address = parseAddress(multiaddr);
    const peer: PresentPeer = {
      peerId,
      multiaddr,
      role: isStatic ? "static" : chosen,
      key: keyOf({ peerId, multiaddr }),
      group: address === undefined ? undefined : groupOf(address),
      connectedAtMs: nowMs,
      nextAskMs: nowMs,
    };
    this.#present.set(peerId, peer);
    return peer;
  }

  disconnected(peerId: string): PresentPeer | undefined {
    const peer = this.#present.get(peerId);
    this.#present.delete(peerId);
    return peer;
  }

  /** Those of our choice, the dials under way among them. */
  own(
    nowMs: number,
    lastBlockAtMs: (peerId: string) => number | undefined,
  ): (OwnConnection & { key: string })[] {
    for (const [peerId, { atMs }] of this.#pending) {
      if (nowMs - atMs > DIALLING_MS) this.#pending.delete(peerId);
    }
    const pending = [...this.#pending.values()].map(({ dial: { peer, key, group, role } }) => {
      return { peerId: peer.peerId, key, group, role, connectedAtMs: undefined, lastBlockAtMs: undefined };
    });
    const present = this.present().flatMap(({ peerId, key, group, role, connectedAtMs }) =>
      role === undefined
        ? []
        : [{ peerId, key, group, role, connectedAtMs, lastBlockAtMs: lastBlockAtMs(peerId) }],
    );
    return [...present, ...pending];
  }
}
