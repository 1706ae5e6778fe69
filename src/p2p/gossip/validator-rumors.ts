/**
 * Rumors between validators. They are all connected to each other, since their votes go by direct mail; so the first of
 * them that has a transaction sends it to all the others, and none of these needs to pass it on to a third. It does after
 * a while, to who has not said by then that it has it (IDONTWANT, gathered: one message for many): for the rumor of a
 * validator that sends it to some only, and for where two of them cannot reach each other. Blocks a validator has by
 * its votes, before anybody can announce them, so it is sent no announcement; one that was away asks for them.
 * To everybody else rumors go as gossipsub sends them. Source: GossipSub 1.2, IDONTWANT; docs/adr/0044-04.
 */
import type { Scheduler } from "../../base/scheduler.ts";
import {
  type Forwarding,
  IDONTWANT_BYTES_MIN,
  type RawMessage,
  type WaitingMessages,
} from "./delayed-forwards.ts";
import type { GossipTopic } from "./rumor.ts";

/** After so long a validator's rumor is passed on to the validators that have not said that they have it. */
export const FORWARD_TO_VALIDATORS_AFTER_MS = 600;
/** What this node has is told to validators together, at the latest after so long. */
export const GATHERED_MS = 200;
/** Message ids in one IDONTWANT: the receiver reads no more. */
export const GATHERED_IDS_MAX = 512;

interface Rpc {
  readonly subscriptions: readonly [];
  readonly messages: readonly RawMessage[];
  readonly control: object | undefined;
}

/** What of gossipsub is replaced and used. Peers are peer ids in base58. */
export interface Spreading extends Forwarding {
  readonly mesh: ReadonlyMap<string, ReadonlySet<string>>;
  /** Who has subscribed to a topic. */
  readonly topics: ReadonlyMap<string, ReadonlySet<string>>;
  readonly idontwants: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
  sendIDontWants(id: Uint8Array, topic: string, source: string): void;
  selectPeersToPublish(topic: string, flood?: boolean): { readonly tosend: Set<string> };
  sendRpcInBatch(peers: Set<string>, rpc: Rpc): void;
}

export interface ValidatorRumorParts {
  readonly scheduler: Pick<Scheduler, "after">;
  readonly waiting: WaitingMessages;
  /** Whether a peer proved to be a validator of today. */
  isMember(peerId: string): boolean;
  /** What a topic brings, by its name. */
  topicOf(name: string): GossipTopic | undefined;
}

export function spareValidators(gossip: Spreading, parts: ValidatorRumorParts): void {
  new ValidatorRumors(gossip, parts).install();
}

type Forward = Forwarding["forwardMessage"];

class ValidatorRumors {
  readonly #gossip: Spreading;
  readonly #parts: ValidatorRumorParts;
  /** Ids of messages that this node has, by the validator that is to be told. */
  readonly #gathered = new Map<string, Uint8Array[]>();
  #isGathering = false;

  constructor(gossip: Spreading, parts: ValidatorRumorParts) {
    this.#gossip = gossip;
    this.#parts = parts;
  }

  install(): void {
    const gossip = this.#gossip;
    const { topicOf, isMember } = this.#parts;
    const forward = gossip.forwardMessage.bind(gossip);
    const declare = gossip.sendIDontWants.bind(gossip);
    const select = gossip.selectPeersToPublish.bind(gossip);
    gossip.forwardMessage = (...args) => this.#forward(forward, ...args);
    gossip.sendIDontWants = (id, name, source) => {
      const topic = topicOf(name);
      const isSpared = topic === "blocks" || (topic === "transactions" && isMember(source));
      const members = isSpared ? this.#members(name, source) : [];
      if (members.length === 0) return declare(id, name, source);
      this.#declare(this.#others(name, source), [id]);
      if (topic === "transactions") for (const peer of members) this.#gather(id, peer);
    };
    gossip.selectPeersToPublish = (name, flood) => {
      const selected = select(name, flood);
      if (topicOf(name) !== "blocks") return selected;
      for (const peer of selected.tosend) if (isMember(peer)) selected.tosend.delete(peer);
      return selected;
    };
  }

  #forward(forward: Forward, ...[id, message, source, exclude]: Parameters<Forward>): void {
    const topic = this.#parts.topicOf(message.topic);
    if (topic === "blocks") {
      forward(id, message, source, union(exclude, this.#members(message.topic, source)));
    } else if (topic !== "transactions") {
      forward(id, message, source, exclude);
    } else if (source !== undefined && this.#parts.isMember(source)) {
      this.#forwardLater(forward, id, message, source, exclude);
    } else {
      forward(id, message, source, exclude);
      this.#sendBeyondMesh(id, message, source);
    }
  }

  /** A validator's rumor: to others as ever, to validators after a while. */
  #forwardLater(
    forward: Forward,
    id: string,
    message: RawMessage,
    source: string,
    exclude?: Set<string>,
  ): void {
    const { waiting } = this.#parts;
    const members = this.#members(message.topic, source);
    if (members.length > 0) {
      const isAnnounced = (message.data?.length ?? 0) >= IDONTWANT_BYTES_MIN;
      if (!isAnnounced) for (const peer of members) this.#gather(Buffer.from(id, "base64"), peer);
      waiting.hold(message, FORWARD_TO_VALIDATORS_AFTER_MS, (own) => {
        const others = this.#others(own.topic, source);
        forward(id, own, source, union(exclude, others));
      });
    }
    forward(id, message, source, union(exclude, members));
  }

  /** This node is the first of the validators that this message reaches, as far as it knows: a mesh may not name all of them. */
  #sendBeyondMesh(id: string, message: RawMessage, source: string | undefined): void {
    const { mesh, topics, idontwants } = this.#gossip;
    const subscribed = [...(topics.get(message.topic) ?? [])];
    const beyond = subscribed.filter(
      (peer) =>
        peer !== source &&
        mesh.get(message.topic)?.has(peer) !== true &&
        idontwants.get(peer)?.has(id) !== true &&
        this.#parts.isMember(peer),
    );
    if (beyond.length === 0) return;
    this.#gossip.sendRpcInBatch(new Set(beyond), {
      subscriptions: [],
      messages: [message],
      control: undefined,
    });
  }

  /** Validators in the mesh of a topic. */
  #members(name: string, but?: string): readonly string[] {
    return this.#meshOf(name, but).filter((peer) => this.#parts.isMember(peer));
  }

  #others(name: string, but?: string): readonly string[] {
    return this.#meshOf(name, but).filter((peer) => !this.#parts.isMember(peer));
  }

  #meshOf(name: string, but: string | undefined): readonly string[] {
    return [...(this.#gossip.mesh.get(name) ?? [])].filter((peer) => peer !== but);
  }

  #gather(id: Uint8Array, peer: string): void {
    const ids = this.#gathered.get(peer) ?? [];
    // What is beyond them is sent once more than it need be.
    if (ids.length < GATHERED_IDS_MAX) ids.push(id);
    this.#gathered.set(peer, ids);
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#parts.scheduler.after(GATHERED_MS, () => {
      this.#isGathering = false;
      for (const [to, messageIDs] of this.#gathered) this.#declare([to], messageIDs);
      this.#gathered.clear();
    });
  }

  #declare(peers: readonly string[], messageIDs: readonly Uint8Array[]): void {
    if (peers.length === 0) return;
    const control = { graft: [], prune: [], ihave: [], iwant: [], idontwant: [{ messageIDs }] };
    this.#gossip.sendRpcInBatch(new Set(peers), { subscriptions: [], messages: [], control });
  }
}

function union(one: ReadonlySet<string> | undefined, other: readonly string[]): Set<string> {
  return new Set([...(one ?? []), ...other]);
}
