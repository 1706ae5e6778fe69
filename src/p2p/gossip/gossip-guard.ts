/**
 * Stands between gossipsub and its streams: one RPC of a peer in a turn of the event loop, so that votes have theirs
 * between; no reading on while a peer owes (the stream is paused, and with it, by yamux's window, the sender); control
 * entries beyond the budget are dropped. Batches are passed on a moment later (delayed-forwards.ts), and validators are spared what
 * they have (validator-rumors.ts). The library has no place for this, so five of its methods are replaced; gossipsub must be created with
 * `awaitRpcHandler`.
 */
import type { GossipSub } from "@chainsafe/libp2p-gossipsub";
import type { PeerId, Stream } from "@libp2p/interface";
import type { Scheduler } from "../../base/scheduler.ts";
import type { Meter } from "../transport/meter.ts";
import { delayForwards, WaitingMessages } from "./delayed-forwards.ts";
import type { GossipBudgets } from "./gossip-budget.ts";
import type { GossipTopic } from "./rumor.ts";
import { type Spreading, spareValidators } from "./validator-rumors.ts";

interface Parts {
  readonly budgets: GossipBudgets;
  readonly scheduler: Scheduler;
  readonly meter: Meter;
  /** What the peer sends is not wanted, again and again. */
  sendAway(peerId: string): void;
  /** What a topic brings, by its name. */
  topicOf(name: string): GossipTopic | undefined;
  /** Whether a peer proved to be a validator of today. */
  isMember(peerId: string): boolean;
}

interface Rpc {
  readonly subscriptions?: readonly unknown[];
  readonly messages?: readonly unknown[];
  readonly control?: { readonly graft?: readonly unknown[]; readonly prune?: readonly unknown[] };
}

interface Frame {
  readonly byteLength: number;
}

interface Inner extends Spreading {
  readonly streamsInbound: Map<string, { readonly rawStream: Stream }>;
  pipePeerReadStream(peer: PeerId, source: AsyncIterable<Frame>): Promise<void>;
  handleReceivedRpc(peer: PeerId, rpc: Rpc): Promise<void>;
}

export function guardGossip(gossip: GossipSub, parts: Parts): void {
  const inner = expectInner(gossip);
  const pipe = inner.pipePeerReadStream.bind(inner);
  inner.pipePeerReadStream = (peer, source) => {
    const peerId = peer.toString();
    return pipe(peer, readInTurns(peerId, source, inner.streamsInbound.get(peerId)?.rawStream, parts));
  };
  const handle = inner.handleReceivedRpc.bind(inner);
  inner.handleReceivedRpc = (peer, rpc) => handle(peer, affordable(peer.toString(), rpc, parts));
  const waiting = new WaitingMessages(parts.scheduler);
  spareValidators(inner, { ...parts, waiting });
  delayForwards(inner, { waiting, mayWait: (name) => parts.topicOf(name) === "transactions" });
}

/** The message, without its control entries when there have been too many. */
function affordable(peerId: string, rpc: Rpc, { budgets, scheduler, meter }: Parts): Rpc {
  const { subscriptions = [], messages = [], control } = rpc;
  const nowMs = scheduler.now();
  budgets.messages(peerId, messages.length, nowMs);
  const count = subscriptions.length + (control?.graft?.length ?? 0) + (control?.prune?.length ?? 0);
  if (count === 0 || budgets.control(peerId, count, nowMs)) return rpc;
  meter.rejected("gossip-budget");
  const { control: _, ...rest } = rpc;
  return { ...rest, messages, subscriptions: [] };
}

/** Reads the next frame only when the last one is judged and paid for; the stream flows only while it is waited for. */
async function* readInTurns(
  peerId: string,
  source: AsyncIterable<Frame>,
  stream: Stream | undefined,
  { budgets, scheduler, sendAway, meter }: Parts,
): AsyncIterable<Frame> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      let isHere = false;
      const next = iterator.next().finally(() => {
        isHere = true;
      });
      // A failure is thrown below, when it is awaited; until then nobody has missed it.
      next.catch(() => undefined);
      await new Promise((resolve) => setImmediate(resolve));
      const { waitMs, isTooOften } = budgets.due(peerId, scheduler.now());
      if (isTooOften) sendAway(peerId);
      if (waitMs > 0) {
        meter.rejected("gossip-budget");
        pause(stream);
        await new Promise<void>((resolve) => scheduler.after(waitMs, resolve));
      }
      if (!isHere) resume(stream);
      const { done, value } = await next;
      if (done === true) return;
      pause(stream);
      budgets.received(peerId, value.byteLength, scheduler.now());
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** A stream that has ended can be neither paused nor resumed, which it says by throwing. */
function pause(stream: Stream | undefined): void {
  try {
    stream?.pause();
  } catch {
    // It has ended: nothing more comes.
  }
}

function resume(stream: Stream | undefined): void {
  try {
    stream?.resume();
  } catch {
    // It has ended: nothing more comes.
  }
}

/** @throws Error when the library is not made as this file expects */
function expectInner(gossip: GossipSub): Inner {
  const inner = gossip as unknown as Partial<Inner>;
  const isAsExpected =
    inner.streamsInbound instanceof Map &&
    typeof inner.pipePeerReadStream === "function" &&
    inner.mesh instanceof Map &&
    inner.topics instanceof Map &&
    inner.idontwants instanceof Map &&
    typeof inner.forwardMessage === "function" &&
    typeof inner.sendIDontWants === "function" &&
    typeof inner.selectPeersToPublish === "function" &&
    typeof inner.sendRpcInBatch === "function" &&
    typeof inner.handleReceivedRpc === "function";
  if (!isAsExpected)
    throw new Error("@libp2p/gossipsub is not made as expected: it must be the pinned version");
  return inner as Inner;
}
