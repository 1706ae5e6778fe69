/**
 * What the page knows of its node from second to second: one batch of questions a second, heads and engine events by
 * WebSocket, put into signals at most once a frame however fast they come. When the node is gone the last answers stay
 * and `link` says since when; the page tries again by itself.
 *
 * This folder: what the page asks nodes for, as signals, and what it checks of the answers. Not here: how it looks.
 */
import { batch, computed, signal } from "@preact/signals";
import type { ResultOf } from "../../sdk/node-calls.ts";
import { addHead } from "../model/traffic.ts";
import { askAll, client, nodeNow, orUndefined } from "./asked-nodes.ts";

export type ShownHeader = ResultOf<"chain_getHead">;

export type Link =
  | { readonly state: "none" }
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  | { readonly state: "gone"; readonly sinceMs: number; readonly reason: string };

export interface NodeStanding {
  readonly info: ResultOf<"node_info">;
  readonly status: ResultOf<"node_status">;
  readonly explain: ResultOf<"consensus_explain">;
  readonly validators: ResultOf<"consensus_getValidators">;
  readonly pool: ResultOf<"mempool_status">;
  /** Undefined on a node that runs no engine. */
  readonly consensus: ResultOf<"consensus_getState"> | undefined;
}

/** An event as the node announces it on the topic `consensus`. */
export interface ShownEvent {
  readonly t: number;
  readonly type: string;
  readonly seq?: number | string;
  readonly view?: number | string;
  readonly digest?: string;
  readonly from?: number;
  readonly reason?: string;
  readonly detail?: string;
  readonly minSeq?: number | string;
  readonly maxSeq?: number | string;
}

export const link = signal<Link>({ state: client === undefined ? "none" : "connecting" });
export const isLive = computed(() => link.value.state === "live");
export const standing = signal<NodeStanding | undefined>(undefined);
/** The last heads, the newest first. Their number is bounded. */
export const heads = signal<readonly ShownHeader[]>([]);
/** The clock of the node, each second. */
export const clock = signal(nodeNow());
/** Ticks when lists that follow the chain should ask again: at most once a second. */
export const revision = signal(0);

type EngineListener = (events: readonly ShownEvent[]) => void;
const engineListeners = new Set<EngineListener>();

/** Told of engine events, once a frame. Returns what ends it. */
export function onEngineEvents(listener: EngineListener): () => void {
  engineListeners.add(listener);
  return () => engineListeners.delete(listener);
}

const POLL_MS = 1_000;
const HIDDEN_POLL_MS = 10_000;
/** Heads asked for when the page opens. */
const HEADS_AT_START = 60;
/** Events that wait for a frame; beyond it the oldest is forgotten (a page in the background draws no frames). */
const WAITING_MAX = 5_000;

let waitingHeads: ShownHeader[] = [];
let waitingEvents: ShownEvent[] = [];
let frame = 0;

/** Starts asking; called once. */
export function startFeed(): void {
  setInterval(() => {
    clock.value = nodeNow();
  }, 1_000);
  if (client === undefined) return;
  void pollForever();
  void subscribe("newHeads", (head: ShownHeader) => keep(waitingHeads, head));
  void subscribe("consensus", (event: ShownEvent) => keep(waitingEvents, event));
}

function keep<T>(waiting: T[], item: T): void {
  waiting.push(item);
  if (waiting.length > WAITING_MAX) waiting.shift();
  if (frame === 0) frame = requestAnimationFrame(flush);
}

/** All that came since the last frame in one change of the page. */
function flush(): void {
  frame = 0;
  const [newHeads, events] = [waitingHeads, waitingEvents];
  [waitingHeads, waitingEvents] = [[], []];
  batch(() => {
    if (newHeads.length > 0) heads.value = newHeads.reduce(addHead, heads.value);
    if (events.length > 0) for (const listener of engineListeners) listener(events);
  });
}

async function subscribe<T>(topic: "newHeads" | "consensus", listener: (event: T) => void): Promise<void> {
  for (;;) {
    try {
      await client?.subscribe<T>(topic, listener, { onResume: () => void fillHeads() });
      return;
    } catch {
      await pause(POLL_MS);
    }
  }
}

async function pollForever(): Promise<void> {
  for (;;) {
    try {
      await poll();
    } catch (error) {
      const { value } = link;
      const reason = error instanceof Error ? error.message : String(error);
      link.value =
        value.state === "gone" ? { ...value, reason } : { state: "gone", sinceMs: Date.now(), reason };
    }
    await pause(document.hidden ? HIDDEN_POLL_MS : POLL_MS);
  }
}

async function poll(): Promise<void> {
  const [info, status, explain, validators, pool, consensus] = await askAll([
    { method: "node_info" },
    { method: "node_status" },
    { method: "consensus_explain" },
    { method: "consensus_getValidators" },
    { method: "mempool_status" },
    { method: "consensus_getState" },
  ]);
  const answers = [info, status, explain, validators, pool] as const;
  const refused = answers.find((answer) => answer instanceof Error);
  if (refused !== undefined) throw refused;
  const wasMissing = standing.value === undefined || link.value.state !== "live";
  const before = standing.value?.status;
  const now = { info, status, explain, validators, pool, consensus: orUndefined(consensus) } as NodeStanding;
  batch(() => {
    standing.value = now;
    if (!isLive.peek()) link.value = { state: "live" };
    if (before?.headHash !== now.status.headHash || wasMissing || before.mempool !== now.status.mempool)
      revision.value++;
  });
  if (wasMissing || (heads.value[0]?.height ?? 0) < now.status.height) await fillHeads();
}

/** The last heads, where the subscription has not told them. */
async function fillHeads(): Promise<void> {
  const height = standing.value?.status.height ?? 0;
  const from = Math.max(0, height - HEADS_AT_START + 1);
  const [range] = await askAll([{ method: "chain_getBlockRange", params: { from, to: height } }]);
  const found = orUndefined(range) ?? [];
  heads.value = found.reduce<readonly ShownHeader[]>(
    addHead,
    heads.value.filter((head) => head.height < from),
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
