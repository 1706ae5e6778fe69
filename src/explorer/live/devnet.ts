/**
 * The devnet that runs the nodes: how each process stands, asked of whichever node answers, and orders to it. Without
 * the operator's token nothing is asked.
 */
import { effect, signal } from "@preact/signals";
import type { DevnetOrder } from "../../rpc/operator-api.ts";
import { RpcError } from "../../rpc/rpc-error.ts";
import type { ResultOf } from "../../sdk/node-calls.ts";
import { clientOf, nodeUrls } from "./asked-nodes.ts";
import { token } from "./token.ts";

const LOOK_MS = 1_000;

export type DevnetView = ResultOf<"devnet_status">;

export type DevnetState =
  /** No token, or no devnet that runs the nodes. */
  { readonly kind: "none"; readonly why?: string } | { readonly kind: "known"; readonly view: DevnetView };

export const devnet = signal<DevnetState>({ kind: "none" });
/** The last order that was refused, and those that run. */
export const orderProblem = signal<string | undefined>(undefined);
export const ordersRunning = signal(0);

const clients = nodeUrls.map(clientOf);

/** Watches the devnet as long as a page shows it. @returns what ends it */
export function watchDevnet(): () => void {
  let isWanted = true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = async () => {
    clearTimeout(timer);
    if (token.value === undefined) devnet.value = { kind: "none" };
    else {
      const state = await ask((client) => client.call("devnet_status")).then(
        (view): DevnetState => ({ kind: "known", view }),
        (error: unknown): DevnetState => ({ kind: "none", why: wordsOf(error) }),
      );
      if (isWanted) devnet.value = state;
    }
    if (isWanted) timer = setTimeout(() => void look(), LOOK_MS);
  };
  const stop = effect(() => {
    if (token.value !== undefined) void look();
  });
  return () => {
    isWanted = false;
    clearTimeout(timer);
    stop();
  };
}

export async function giveOrder(order: DevnetOrder): Promise<void> {
  ordersRunning.value += 1;
  orderProblem.value = undefined;
  try {
    const { groups, ...rest } = order;
    const params = groups === undefined ? rest : { ...rest, groups: [...groups] };
    const view = await ask((client) => client.call("devnet_order", params), order.node);
    devnet.value = { kind: "known", view };
  } catch (error) {
    orderProblem.value = wordsOf(error);
  } finally {
    ordersRunning.value -= 1;
  }
}

type Asked = (typeof clients)[number];

/** Takes the first node that answers. One that is to be killed cannot tell that it was, so it is asked last. */
async function ask<T>(call: (client: Asked) => Promise<T>, target?: number): Promise<T> {
  const inOrder = clients.filter((_, i) => i !== target || clients.length <= 1);
  let last: unknown = new Error("no node to ask");
  for (const client of inOrder) {
    try {
      return await call(client);
    } catch (error) {
      if (error instanceof RpcError) throw error;
      last = error;
    }
  }
  throw last;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
