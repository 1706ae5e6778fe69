/**
 * Real nodes of src/p2p on loopback for the tests: free ports, made-up keys, everything received kept in lists.
 */
import { type Address, asHash, type Hash, text, utf8 } from "../../src/base/bytes.ts";
import type { Relay } from "../../src/base/fault.ts";
import type { LogFields, Logger, LogLevel } from "../../src/base/log.ts";
import type { Scheduler } from "../../src/base/scheduler.ts";
import { createSigner, type Signer } from "../../src/crypto/keys.ts";
import type { GossipTopic } from "../../src/p2p/gossip/rumor.ts";
import { P2pNetwork } from "../../src/p2p/network.ts";
import type { P2pOptions } from "../../src/p2p/network-ports.ts";
import { peerIdFromSeed } from "../../src/p2p/transport/identity.ts";
import type { StaticPeer } from "../../src/p2p/transport/redial.ts";

export const GENESIS = asHash(new Uint8Array(32).fill(7));
export const OTHER_GENESIS = asHash(new Uint8Array(32).fill(8));

export const REAL_TIME: Scheduler = {
  now: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Real time in which every delay is `speed` times shorter, to see time-outs happen. */
export function quickened(speed: number): Scheduler {
  return { now: REAL_TIME.now, after: (delayMs, task) => REAL_TIME.after(delayMs / speed, task) };
}

export function seedOf(index: number, kind = 0): Uint8Array {
  const seed = new Uint8Array(32).fill(100 + index);
  seed[0] = kind;
  return seed;
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export class TestNode implements Logger {
  readonly network: P2pNetwork;
  readonly mail: { from: string; bytes: Uint8Array }[] = [];
  /** Sizes of messages that were too long to be read unasked. */
  readonly announced: number[] = [];
  awaits: (bytes: number) => boolean = () => true;
  readonly rumors: { topic: GossipTopic; from: string; bytes: Uint8Array }[] = [];
  readonly connected: string[] = [];
  readonly disconnected: string[] = [];
  /** The lowest blocks that peers said they have, in the order in which they came. */
  readonly lowest: bigint[] = [];
  readonly lines: LogLine[] = [];
  judge: (topic: GossipTopic, bytes: Uint8Array) => Relay | Promise<Relay> = () => "accept";
  answer: (from: string, bytes: Uint8Array) => Promise<Uint8Array> = async (_, bytes) => bytes;
  height = 0n;

  constructor(options: P2pOptions, scheduler: Scheduler = REAL_TIME) {
    this.network = new P2pNetwork(options, {
      scheduler,
      logger: this,
      headHeight: () => this.height,
      jitter: () => 0.5,
    });
  }

  log(level: LogLevel, _component: string, message: string, fields: LogFields = {}): void {
    this.lines.push({ level, message, fields });
  }

  start(): Promise<void> {
    return this.network.start({
      mailReceived: (from, _author, bytes) => {
        this.mail.push({ from, bytes });
        return undefined;
      },
      mailAnnounced: (_from, _author, message) => {
        this.announced.push(message.bytes);
        return { isAwaited: this.awaits(message.bytes), pause: undefined };
      },
      rumorReceived: async (topic, from, bytes) => {
        this.rumors.push({ topic, from, bytes });
        return this.judge(topic, bytes);
      },
      requestReceived: (from, bytes) => this.answer(from, bytes),
      peerConnected: (peerId, lowestBody) => {
        this.connected.push(peerId);
        if (lowestBody !== undefined) this.lowest.push(lowestBody);
      },
      peerDisconnected: (peerId) => this.disconnected.push(peerId),
    });
  }
}

export interface Setup {
  readonly genesisHash?: Hash;
  readonly chainId?: bigint;
  readonly listen?: string;
  readonly staticPeers?: readonly StaticPeer[];
  readonly allowlist?: readonly string[];
  readonly validatorCount?: number;
  readonly signer?: Signer | undefined;
}

/** Validators 0..n-1 in the order of their numbers, whatever their keys are. */
export function validatorKeys(count: number): Address[] {
  return Array.from({ length: count }, (_, i) => createSigner(seedOf(i, 1)).publicKey);
}

export function nodeOptions(index: number, setup: Setup = {}): P2pOptions {
  const count = setup.validatorCount ?? 4;
  return {
    identitySeed: seedOf(index),
    listen: setup.listen ?? "/ip4/127.0.0.1/tcp/0",
    genesisHash: setup.genesisHash ?? GENESIS,
    chainId: setup.chainId ?? 1n,
    name: `node${index}`,
    staticPeers: setup.staticPeers ?? [],
    allowlist: setup.allowlist ?? Array.from({ length: count }, (_, i) => peerIdFromSeed(seedOf(i))),
    validators: validatorKeys(count),
    signer: "signer" in setup ? setup.signer : createSigner(seedOf(index, 1)),
  };
}

/** Where a started node can be dialled. */
export function addressOf(node: TestNode): StaticPeer {
  return { name: "a peer", peerId: node.network.peerId, multiaddr: node.network.addresses[0]! };
}

/** Starts `count` nodes; each dials those that started before it. */
export async function startNodes(count: number, open: (node: TestNode) => void): Promise<TestNode[]> {
  const nodes: TestNode[] = [];
  for (let i = 0; i < count; i++) {
    const node = new TestNode(nodeOptions(i, { staticPeers: nodes.map(addressOf), validatorCount: count }));
    open(node);
    await node.start();
    nodes.push(node);
  }
  await until(() => nodes.every((node) => node.network.peers().length === count - 1), "all nodes connected");
  return nodes;
}

/**
 * Waits until what `node` publishes reaches `others`: gossipsub opens its streams some time after the handshake and
 * drops what is published before. Uses the topic of evidence; the others' lists of rumors are empty afterwards,
 * except for stragglers of this very kind, which {@link isWarmUp} knows.
 */
export async function warmUp(node: TestNode, others: readonly TestNode[]): Promise<void> {
  for (let i = 0; others.some((other) => other.rumors.length === 0); i++) {
    if (i === 400) throw new Error("no rumor arrives");
    node.network.publish("evidence", utf8(`${WARM_UP} ${i} of ${node.network.peerId}`));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (const other of others) other.rumors.length = 0;
}

const WARM_UP = "warm-up";

export function isWarmUp(rumor: { readonly bytes: Uint8Array }): boolean {
  return text(rumor.bytes).startsWith(WARM_UP);
}

/** Waits for a condition. @throws Error naming it when it does not hold within the deadline. */
export async function until(condition: () => boolean, what: string, deadlineMs = 8_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${deadlineMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
