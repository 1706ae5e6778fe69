/**
 * Counts what goes over the network and what was refused, as plain numbers for the metrics and for `net_peers`.
 * Bytes are those of our own layouts; noise, yamux and gossipsub add theirs.
 */

/** What a byte or a message belongs to. */
export type Channel = "hello" | "mail" | "transactions" | "blocks" | "evidence" | "request" | "clock";

/** Why something was refused or dropped: a closed list, so that it can label a metric. */
export type Rejection =
  | "peer-not-allowed"
  | "peer-blocked"
  | "peer-banned"
  | "inbound-full"
  | "inbound-evicted"
  | "peer-connections"
  | "hello-malformed"
  | "hello-wire-version"
  | "hello-chain-id"
  | "hello-genesis"
  | "hello-claim"
  | "hello-timeout"
  | "mail-before-hello"
  | "mail-not-validator"
  | "mail-malformed"
  | "mail-streams"
  | "mail-unfinished"
  | "mail-too-large"
  | "mail-unasked"
  | "mail-dropped"
  | "gossip-before-hello"
  | "gossip-malformed"
  | "gossip-rejected"
  | "gossip-ignored"
  | "gossip-known"
  | "gossip-too-large"
  | "gossip-unsent"
  | "request-before-hello"
  | "request-malformed"
  | "request-refused"
  | "request-busy"
  | "request-budget"
  | "gossip-budget"
  | "peer-paused"
  | "muxer-frame"
  | "muxer-flood"
  | "memory"
  | "library-error"
  | "repair-fault";

export interface NetworkCounters {
  readonly bytesIn: Record<Channel, number>;
  readonly bytesOut: Record<Channel, number>;
  readonly messagesIn: Record<Channel, number>;
  readonly messagesOut: Record<Channel, number>;
  readonly rejected: Partial<Record<Rejection, number>>;
  dialFailures: number;
}

export interface Traffic {
  bytesIn: number;
  bytesOut: number;
}

const NO_TRAFFIC: Readonly<Traffic> = { bytesIn: 0, bytesOut: 0 };

export class Meter {
  readonly counters: NetworkCounters = {
    bytesIn: zeroes(),
    bytesOut: zeroes(),
    messagesIn: zeroes(),
    messagesOut: zeroes(),
    rejected: {},
    dialFailures: 0,
  };
  readonly #byPeer = new Map<string, Traffic>();

  received(peerId: string, channel: Channel, bytes: number, messages = 1): void {
    this.counters.bytesIn[channel] += bytes;
    this.counters.messagesIn[channel] += messages;
    this.#trafficOf(peerId).bytesIn += bytes;
  }

  sent(peerId: string, channel: Channel, bytes: number, messages = 1): void {
    this.counters.bytesOut[channel] += bytes;
    this.counters.messagesOut[channel] += messages;
    this.#trafficOf(peerId).bytesOut += bytes;
  }

  rejected(reason: Rejection, count = 1): void {
    this.counters.rejected[reason] = (this.counters.rejected[reason] ?? 0) + count;
  }

  /** Bytes exchanged with a peer since it connected. */
  traffic(peerId: string): Readonly<Traffic> {
    return this.#byPeer.get(peerId) ?? NO_TRAFFIC;
  }

  /** Forgets a peer that left; the totals stay. */
  forget(peerId: string): void {
    this.#byPeer.delete(peerId);
  }

  #trafficOf(peerId: string): Traffic {
    let traffic = this.#byPeer.get(peerId);
    if (traffic === undefined) {
      traffic = { bytesIn: 0, bytesOut: 0 };
      this.#byPeer.set(peerId, traffic);
    }
    return traffic;
  }
}

function zeroes(): Record<Channel, number> {
  return { hello: 0, mail: 0, transactions: 0, blocks: 0, evidence: 0, request: 0, clock: 0 };
}
