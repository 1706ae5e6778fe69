/**
 * Room for the connections that others open. When all places are taken, a newcomer gets the place of the peer that
 * does least: those are kept that an attacker cannot outdo in numbers, of groups that it cannot choose, quick to
 * answer, the last to bring blocks or transactions, the longest here; of the rest the youngest of the largest group
 * goes. Peers that the operator names are never given up. As Bitcoin Core's SelectNodeToEvict; docs/adr/0011.
 */
import { must } from "../../base/assert.ts";
import { hex, utf8 } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";
import { parseAddress, scopeOf, speakerGroupOf } from "./address-groups.ts";

/** A peer with a connection that it opened. */
export interface InboundPeer {
  readonly peerId: string;
  readonly multiaddr: string;
  readonly connectedAtMs: number;
  readonly latencyMs: number | undefined;
  /** When it last brought a block, or a transaction, that was not known here. */
  readonly lastBlockAtMs: number | undefined;
  readonly lastTransactionAtMs: number | undefined;
}

export interface InboundPorts {
  /** Those without a handshake included. */
  inbound(): readonly InboundPeer[];
  /** Whether the peer is one that never has to give up its place. */
  isTrusted(peerId: string): boolean;
  evict(peerId: string): void;
}

/** One public group may hold a quarter of the places. */
const GROUP_SHARE = 4;
/** Each protection keeps a sixteenth of the peers, the one by latency twice as many. */
const PROTECTED_SHARE = 16;

export class InboundPlaces {
  readonly #countMax: number;
  readonly #salt: string;
  readonly #ports: InboundPorts;

  /** @param salt that peers cannot guess: which groups are kept follows from it */
  constructor(countMax: number, salt: string, ports: InboundPorts) {
    this.#countMax = countMax;
    this.#salt = salt;
    this.#ports = ports;
  }

  /** A stranger connects: gives up a peer for it if need be. @returns whether there is a place for it */
  makeRoom({ peerId, multiaddr }: { readonly peerId: string; readonly multiaddr: string }): boolean {
    const others = this.#ports.inbound().filter((peer) => peer.peerId !== peerId);
    const group = publicGroupOf(multiaddr);
    const neighbours = others.filter(
      (peer) => group !== undefined && publicGroupOf(peer.multiaddr) === group,
    );
    if (neighbours.length >= Math.ceil(this.#countMax / GROUP_SHARE)) return this.#giveUpOne(neighbours);
    return others.length < this.#countMax || this.#giveUpOne(others);
  }

  /** Many that came at once may be more than there are places. */
  trim(): void {
    const peers = this.#ports.inbound();
    if (peers.length > this.#countMax) this.#giveUpOne(peers);
  }

  #giveUpOne(peers: readonly InboundPeer[]): boolean {
    const strangers = peers.filter(({ peerId }) => !this.#ports.isTrusted(peerId));
    const loser = chooseEviction(strangers, (group) => rankOf(this.#salt, group));
    if (loser === undefined) return false;
    this.#ports.evict(loser.peerId);
    return true;
  }
}

/**
 * @param rank orders groups in a way that nobody outside can know
 * @returns whom to give up; undefined of nobody
 */
export function chooseEviction(
  peers: readonly InboundPeer[],
  rank: (group: string) => string,
): InboundPeer | undefined {
  const count = Math.floor(peers.length / PROTECTED_SHARE);
  let rest = withoutGroups(peers, rank, count);
  rest = without(rest, 2 * count, ({ latencyMs }) => latencyMs);
  rest = without(rest, count, ({ lastTransactionAtMs: atMs }) => atMs && -atMs);
  rest = without(rest, count, ({ lastBlockAtMs: atMs }) => atMs && -atMs);
  rest = without(rest, Math.floor(rest.length / 2), ({ connectedAtMs }) => connectedAtMs);
  return youngestOfLargestGroup(rest);
}

/** Leaves out the oldest peer of each of the first groups, in their secret order. */
function withoutGroups(
  peers: readonly InboundPeer[],
  rank: (group: string) => string,
  count: number,
): readonly InboundPeer[] {
  const groups = [...groupsOf(peers)].map(([group, members]) => ({ rank: rank(group), members }));
  groups.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const kept = new Set(groups.slice(0, count).map(({ members }) => members.sort(byAge)[0]));
  return peers.filter((peer) => !kept.has(peer));
}

/** The peers without the `count` whose values are lowest. One without a value stays. */
function without(
  peers: readonly InboundPeer[],
  count: number,
  measure: (peer: InboundPeer) => number | undefined,
): readonly InboundPeer[] {
  const valued = peers.flatMap((peer) => {
    const value = measure(peer);
    return value === undefined ? [] : [{ peer, value }];
  });
  valued.sort((a, b) => a.value - b.value);
  const kept = new Set(valued.slice(0, count).map(({ peer }) => peer));
  return peers.filter((peer) => !kept.has(peer));
}

function youngestOfLargestGroup(peers: readonly InboundPeer[]): InboundPeer | undefined {
  const groups = [...groupsOf(peers).values()].map((members) => members.sort(byAge));
  groups.sort((a, b) => b.length - a.length || byAge(youngestOf(b), youngestOf(a)));
  return groups[0]?.at(-1);
}

function byAge(a: InboundPeer, b: InboundPeer): number {
  return a.connectedAtMs - b.connectedAtMs;
}

/** The port says nothing of who called: all callers from one loopback or private host are one group. */
function groupsOf(peers: readonly InboundPeer[]): Map<string, InboundPeer[]> {
  const groups = new Map<string, InboundPeer[]>();
  for (const peer of peers) {
    const address = parseAddress(peer.multiaddr);
    const group = address === undefined ? "" : speakerGroupOf(address);
    groups.set(group, [...(groups.get(group) ?? []), peer]);
  }
  return groups;
}

function rankOf(salt: string, group: string): string {
  return hex(sha256(utf8(`${salt}|${group}`)));
}

function publicGroupOf(multiaddr: string): string | undefined {
  const address = parseAddress(multiaddr);
  if (address === undefined || scopeOf(address) !== "public") return undefined;
  return speakerGroupOf(address);
}

function youngestOf(members: readonly InboundPeer[]): InboundPeer {
  return must(members.at(-1), "a group has a member");
}
