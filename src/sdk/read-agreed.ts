/**
 * `agreed`: f+1 nodes give the same value behind the same block, so at least one of them that does not lie. Nodes have the
 * newest state only: whoever is at another height is asked again, and an answer stays good for its own height.
 */

import { RpcError } from "../rpc/rpc-error.ts";
import type { Endpoint } from "./endpoint.ts";
import { faultsOf, Heard, judged, openTold, type StateReadPorts, type Told, visitsOf } from "./read-parts.ts";
import { NotAgreedError, type ReadAnswer } from "./read-types.ts";
import type { StateQuestion } from "./state-question.ts";
import { Disbelieved, visitUntilSettled } from "./visits.ts";

interface Vote<T> {
  readonly told: Told<T>;
  /** Endpoints by the name that the node gave itself: several URLs of one node count once. */
  readonly by: Map<string, Endpoint>;
}

/** What is asked of each node, and how its answers are read. */
export interface AgreedQuestion<T> {
  readonly calls: readonly { readonly method: string; readonly params: unknown }[];
  /** @throws Disbelieved, NotHere */
  readonly open: (said: readonly unknown[]) => Told<T>;
}

export async function readAgreed<T>(
  question: StateQuestion<T>,
  ports: StateReadPorts,
): Promise<ReadAnswer<T>> {
  const calls = [{ method: "state_query", params: { path: question.path } }];
  const open = ([said]: readonly unknown[]) => openTold(question, said);
  return { ...(await agree({ calls, open }, ports)), ...judged(question, "agreed", ["agreement"]) };
}

/** @throws RangeError where f is not known, or takes more nodes; NotAgreedError */
export async function agree<T>(
  { calls: own, open }: AgreedQuestion<T>,
  ports: StateReadPorts,
): Promise<Omit<ReadAnswer<T>, "level" | "checked" | "unchecked">> {
  const faults = faultsOf(ports);
  if (faults === undefined) {
    throw new RangeError('a read "agreed" needs to know how many nodes may lie: { faults } or { genesis }');
  }
  const needed = faults + 1;
  if (ports.endpoints.length < needed) {
    throw new RangeError(`${needed} equal answers take ${needed} URLs, ${ports.endpoints.length} given`);
  }
  const heard = new Heard();
  /** By height, block and bytes. */
  const votes = new Map<string, Vote<T>>();
  const asked = new Set<Endpoint>();
  const found = await visitUntilSettled<Vote<T>>({
    ...visitsOf(ports, heard),
    first: needed,
    async visit(endpoint, limits, more) {
      const [info, ...said] = await endpoint.batch([{ method: "node_info" }, ...own], limits);
      const name = nameOf(info, ports);
      const refused = said.find((one) => one instanceof RpcError);
      if (refused !== undefined) throw refused;
      const told = open(said);
      heard.say(endpoint, `height ${told.height}, block ${told.blockHash}: ${JSON.stringify(told.value)}`);
      if (told.height < ports.minHeight) return undefined;
      const key = keyOf(told);
      const vote = votes.get(key) ?? { told, by: new Map<string, Endpoint>() };
      votes.set(key, vote);
      vote.by.set(name, endpoint);
      // Those that are on their way still come to the votes.
      if (vote.by.size >= needed) return { told, by: new Map(vote.by) };
      const isDisputed = [...votes.values()].some(
        (other) => other !== vote && other.told.height === told.height,
      );
      if (isDisputed || asked.has(endpoint)) more();
      asked.add(endpoint);
      return undefined;
    },
  });
  if (found === undefined) {
    const most = Math.max(0, ...[...votes.values()].map(({ by }) => by.size));
    throw new NotAgreedError(`${most} of ${needed} equal answers at one height`, heard.at("agreed"));
  }
  for (const [key, { told, by }] of votes) {
    if (told.height !== found.told.height || key === keyOf(found.told)) continue;
    const words = `says ${JSON.stringify(told.value)} of block ${told.blockHash} at height ${told.height}, ${found.by.size} others ${JSON.stringify(found.told.value)} of ${found.told.blockHash}`;
    for (const endpoint of by.values()) heard.disbelieve(endpoint, words);
  }
  const { bytes: _, ...told } = found.told;
  return {
    ...told,
    nodes: [...found.by.values()].map(({ url }) => url),
    signers: [],
    disbelieved: heard.disbelieved,
  };
}

function keyOf({ height, blockHash, bytes }: Told<unknown>): string {
  return `${height} ${blockHash} ${bytes}`;
}

/** Where f is that of the validators only they count. @throws Error, Disbelieved */
function nameOf(info: unknown, { faults, genesis }: StateReadPorts): string {
  if (info instanceof RpcError) throw info;
  const { nodeId, mode } = (info ?? {}) as { nodeId?: unknown; mode?: unknown };
  if (typeof nodeId !== "string" || nodeId === "") throw new Disbelieved("does not say which node it is");
  if (faults !== undefined || genesis === undefined || mode === "validator") return nodeId;
  throw new Disbelieved(`${nodeId} is no validator, its answer does not count`);
}
