/**
 * `agreed`: f+1 nodes give the same value behind the same block, so at least one of them that does not lie. Nodes have the
 * newest state only: whoever is at another height is asked again, and an answer stays good for its own height.
 */

import { RpcError } from "../rpc/rpc-error.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  faultsOf,
  judged,
  type OpenedAnswer,
  openAnswer,
  ReceivedAnswers,
  type StateReadPorts,
  visitsOf,
} from "./read-parts.ts";
import { NotAgreedError, type ReadAnswer } from "./read-types.ts";
import type { StateQuestion } from "./state-question.ts";
import { Disbelieved, visitUntilSettled } from "./visits.ts";

interface Vote<T> {
  readonly answer: OpenedAnswer<T>;
  /** Endpoints by the name that the node gave itself: several URLs of one node count once. */
  readonly by: Map<string, Endpoint>;
}

/** What is asked of each node, and how its answers are read. */
export interface AgreedQuestion<T> {
  readonly calls: readonly { readonly method: string; readonly params: unknown }[];
  /** @throws Disbelieved, NotHere */
  readonly open: (said: readonly unknown[]) => OpenedAnswer<T>;
}

export async function readAgreed<T>(
  question: StateQuestion<T>,
  ports: StateReadPorts,
): Promise<ReadAnswer<T>> {
  const calls = [{ method: "state_query", params: { path: question.path } }];
  const open = ([said]: readonly unknown[]) => openAnswer(question, said);
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
  const received = new ReceivedAnswers();
  /** The votes by height, block and bytes. */
  const votes = new Map<string, Vote<T>>();
  const asked = new Set<Endpoint>();
  const found = await visitUntilSettled<Vote<T>>({
    ...visitsOf(ports, received),
    first: needed,
    async visit(endpoint, limits, more) {
      const [info, ...said] = await endpoint.batch([{ method: "node_info" }, ...own], limits);
      const name = nameOf(info, ports);
      const refused = said.find((one) => one instanceof RpcError);
      if (refused !== undefined) throw refused;
      const answer = open(said);
      received.say(
        endpoint,
        `height ${answer.height}, block ${answer.blockHash}: ${JSON.stringify(answer.value)}`,
      );
      if (answer.height < ports.minHeight) return undefined;
      const key = keyOf(answer);
      const vote = votes.get(key) ?? { answer, by: new Map<string, Endpoint>() };
      votes.set(key, vote);
      vote.by.set(name, endpoint);
      // Those that are on their way still come to the votes.
      if (vote.by.size >= needed) return { answer, by: new Map(vote.by) };
      const isDisputed = [...votes.values()].some(
        (other) => other !== vote && other.answer.height === answer.height,
      );
      if (isDisputed || asked.has(endpoint)) more();
      asked.add(endpoint);
      return undefined;
    },
  });
  if (found === undefined) {
    const most = Math.max(0, ...[...votes.values()].map(({ by }) => by.size));
    throw new NotAgreedError(`${most} of ${needed} equal answers at one height`, received.at("agreed"));
  }
  for (const [key, { answer, by }] of votes) {
    if (answer.height !== found.answer.height || key === keyOf(found.answer)) continue;
    const words = `says ${JSON.stringify(answer.value)} of block ${answer.blockHash} at height ${answer.height}, ${found.by.size} others ${JSON.stringify(found.answer.value)} of ${found.answer.blockHash}`;
    for (const endpoint of by.values()) received.disbelieve(endpoint, words);
  }
  const { bytes: _, ...answer } = found.answer;
  return {
    ...answer,
    nodes: [...found.by.values()].map(({ url }) => url),
    signers: [],
    disbelieved: received.disbelieved,
  };
}

function keyOf({ height, blockHash, bytes }: OpenedAnswer<unknown>): string {
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
