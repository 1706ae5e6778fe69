/**
 * Drills on a network that nobody depends on: methods of a dev chain, for callers on the node's machine. Another
 * chain does not have them at all (methodsOf in method-table.ts).
 */
import { z } from "zod";
import type { NodeApi } from "../api.ts";
import { CallError } from "../errors.ts";
import { method } from "../jsonrpc/method.ts";
import { PEER } from "./examples.ts";

export const setPartition = method({
  name: "devnet_setPartition",
  summary:
    "Cuts this node off from exactly these nodes, as by a broken cable, until the next call; an empty list heals. It lasts until the node restarts.",
  kind: "admin",
  params: z.strictObject({
    blocked: z
      .array(z.union([z.string(), z.number()]))
      .max(1_000)
      .meta({
        description: "validators by name or index, any node by peer id; this node itself counts for nothing",
      }),
  }),
  result: z.strictObject({ blocked: z.array(z.string()).meta({ description: "peer ids" }) }),
  examples: [
    { name: "away from node3", params: { blocked: ["node3"] }, result: { blocked: [PEER] } },
    { name: "healed", params: { blocked: [] }, result: { blocked: [] } },
  ],
  call({ api }, { blocked }) {
    const own = api.info().peerId;
    const peerIds = blocked.map((word) => peerIdOf(api, word)).filter((peerId) => peerId !== own);
    api.blockPeers([...new Set(peerIds)]);
    return { blocked: [...api.blockedPeers()] };
  },
});

function peerIdOf(api: NodeApi, word: string | number): string {
  const { members } = api.validators();
  const found = members.find(
    (member, index) => member.peerId === word || member.name === word || String(index) === String(word),
  );
  if (found !== undefined) return found.peerId;
  if (typeof word === "string" && PEER_ID.test(word)) return word;
  const names = members.map((member) => member.name).join(", ");
  const known = names === "" ? "give peer ids" : `there are ${names}`;
  throw new CallError("INVALID_PARAMS", `blocked: no validator ${JSON.stringify(word)}; ${known}`);
}

const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;
