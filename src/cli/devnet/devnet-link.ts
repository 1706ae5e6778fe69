/**
 * From a node to the devnet that runs it: the orders of the control socket, and the one token that all nodes of a
 * devnet take, so that a page can go on giving orders when the node that served it is killed.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { makeRpcToken, RPC_TOKEN_FILE, readRpcToken } from "../../node/home/rpc-token.ts";
import type { DevnetOrder, DevnetOrders, DevnetStanding } from "../../rpc/operator-api.ts";
import { writeWhole } from "../../storage/durable-file.ts";
import { askDevnet, type DevnetReport } from "./devnet-control.ts";

/** New at each start of the devnet, readable by its user alone. @returns the token and what removes it */
export function makeDevnetToken(dir: string): { readonly token: string; readonly remove: () => void } {
  const token = makeRpcToken();
  const path = join(dir, RPC_TOKEN_FILE);
  rmSync(path, { force: true });
  writeWhole(path, token, { mode: 0o600, flag: "wx" });
  return { token, remove: () => rmSync(path, { force: true }) };
}

/** Links one of a devnet's nodes to the devnet in a folder. */
export function linkToDevnet(dir: string): {
  readonly token: string | undefined;
  readonly orders: DevnetOrders;
} {
  const status = async () => show(await askDevnet<DevnetReport>(dir, "GET", "/status"));
  const obey = async (order: DevnetOrder) => {
    const path = pathOf(order);
    await askDevnet(dir, "POST", path);
    return status();
  };
  return { token: readRpcToken(dir), orders: { status, obey } };
}

function pathOf({ order, node, groups = [] }: DevnetOrder): string {
  if (order === "heal") return "/heal";
  if (order === "partition") {
    if (groups.length === 0) throw new Error('partition: groups are missing, such as ["0,1", "2,3"]');
    return `/partition/${groups.map(encodeURIComponent).join("/")}`;
  }
  if (node === undefined) throw new Error(`${order}: the node's index is missing`);
  return `/nodes/${node}/${order}`;
}

function show({ quorum, partition, nodes }: DevnetReport): DevnetStanding {
  return {
    quorum,
    partition,
    nodes: nodes.map(({ index, name, state, rpcUrl, height, cutOffFrom }) => ({
      index,
      name,
      state,
      rpcUrl,
      height,
      cutOffFrom,
    })),
  };
}
