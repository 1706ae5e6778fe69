/** What reads of every level share: how nodes are visited, what they said, and how an answer is opened or proved. */
import { hex0x, showHash } from "../base/bytes.ts";
import { blockTimeMs } from "../chain/types/block-time.ts";
import { checkFields, object } from "../codec/field.ts";
import { quorumOf } from "../consensus/pbft/quorum.ts";
import type { Endpoint } from "./endpoint.ts";
import { epochOfProof, type FollowedGenesis } from "./followed-genesis.ts";
import { countField, hashField } from "./proof-parts.ts";
import type { NodeWords, ReadAnswer, ReadCheck, ReadLevel } from "./read-types.ts";
import { type ProvedState, proveState, storedBytes, storedField } from "./state-answer.ts";
import type { StateQuestion } from "./state-question.ts";
import { minedChainOf } from "./trusted-genesis.ts";
import { Disbelieved, type VisitOptions } from "./visits.ts";

export interface StateReadPorts {
  /** The one to ask first in front. */
  readonly endpoints: readonly Endpoint[];
  /** Undefined: nothing can be checked. */
  readonly genesis: FollowedGenesis | undefined;
  /** How many of the nodes may lie, where the caller says so. */
  readonly faults: number | undefined;
  readonly waitMs: number;
  readonly answerMs: number;
  readonly resendMs: number;
  readonly minHeight: number;
}

/** What nodes said, for errors: the last of each, and what was not believed. */
export class ReceivedAnswers {
  readonly #answers = new Map<string, string>();
  readonly #disbelieved = new Map<string, string>();

  say({ url }: Endpoint, words: string): void {
    this.#answers.set(url, words);
  }

  /** A fault of the node, or of the way to it. */
  failed(endpoint: Endpoint, error: Error): void {
    if (error instanceof Disbelieved) this.disbelieve(endpoint, error.message);
    const prefix = `${endpoint.url}: `; // a broken connection names it, and so does who shows this
    this.say(endpoint, error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message);
  }

  disbelieve({ url }: Endpoint, words: string): void {
    this.#disbelieved.set(url, words);
  }

  get disbelieved(): readonly NodeWords[] {
    return wordsOf(this.#disbelieved);
  }

  /** The parts of an error. */
  at(level: ReadLevel) {
    return { level, answers: wordsOf(this.#answers), disbelieved: this.disbelieved };
  }
}

function wordsOf(said: ReadonlyMap<string, string>): readonly NodeWords[] {
  return [...said].map(([node, words]) => ({ node, said: words }));
}

/** How nodes are visited, by what the ports say. */
export function visitsOf(
  ports: StateReadPorts,
  received: ReceivedAnswers,
): Omit<VisitOptions<never>, "first" | "visit"> {
  const { endpoints, waitMs, answerMs, resendMs } = ports;
  const failed = (endpoint: Endpoint, error: Error) => received.failed(endpoint, error);
  return { endpoints, waitMs, answerMs, resendMs, failed };
}

/** What a node is that has not come so far: it is asked again. */
export function tooOld(
  received: ReceivedAnswers,
  endpoint: Endpoint,
  height: number,
  minHeight: number,
): undefined {
  received.say(endpoint, `is at height ${height}, ${minHeight} is asked for`);
  return undefined;
}

/** @throws RangeError where nothing can be proved */
export function genesisFor(level: ReadLevel, { genesis }: StateReadPorts): FollowedGenesis {
  if (genesis === undefined)
    throw new RangeError(`a read "${level}" needs the genesis: new Client(url, { genesis })`);
  if (minedChainOf(genesis.trusted) === undefined) return genesis;
  throw new RangeError(
    `a read "${level}" needs certificates: the newest block of a mined chain has none, and no work on top of it; "one" and "agreed" remain`,
  );
}

/** f of the validators that are proved so far, or what the caller says. */
export function faultsOf({ genesis, faults }: StateReadPorts): number | undefined {
  if (faults !== undefined) return faults;
  const set = genesis?.trusted.sets.setOf(genesis.newest);
  return set === undefined || set.members.length === 0 ? undefined : quorumOf(set.members.length).f;
}

const answerSchema = object(
  { value: storedField, height: countField, blockHash: hashField, time: countField },
  { others: "ignored" },
);

export interface OpenedAnswer<T> {
  readonly value: T;
  readonly height: number;
  readonly blockHash: string;
  readonly timeMs: number;
  /** The stored bytes in hex, "null" for none. */
  readonly bytes: string;
}

/** The value by its stored bytes, so that a node cannot say one thing and show another. @throws Disbelieved */
export function openAnswer<T>({ decode }: StateQuestion<T>, said: unknown): OpenedAnswer<T> {
  const read = checkFields(answerSchema, said);
  if (!read.ok) throw new Disbelieved(`an answer that is none: ${read.fault.detail}`);
  const { value, height, blockHash, time } = read.value;
  const bytes = storedBytes(value);
  return { value: decodeOr(decode, bytes), height, blockHash, timeMs: time, bytes: String(value.hex) };
}

/** @throws Disbelieved for a proof that does not hold */
export async function proveAnswer<T>(
  { key }: StateQuestion<T>,
  said: unknown,
  { endpoint, genesis, ports }: { endpoint: Endpoint; genesis: FollowedGenesis; ports: StateReadPorts },
): Promise<ProvedState> {
  const { finality } = (said ?? {}) as { finality?: unknown };
  const epoch = epochOfProof(finality);
  const others = ports.endpoints.filter((one) => one !== endpoint);
  if (epoch > genesis.newest) await genesis.follow(epoch, [endpoint, ...others], ports.answerMs);
  const proved = proveState(said, key, genesis.trusted);
  if (!proved.ok) throw new Disbelieved(`its answer is not proved: ${proved.fault.detail}`);
  return proved.value;
}

export function provenAnswer<T>(
  level: "proven" | "latest",
  question: StateQuestion<T>,
  { head, signers, bytes }: ProvedState,
  nodes: readonly Endpoint[],
  received: ReceivedAnswers,
): ReadAnswer<T> {
  const fresh: readonly ReadCheck[] = level === "latest" ? ["freshness"] : [];
  return {
    value: decodeOr(question.decode, bytes),
    height: Number(head.summary.height),
    blockHash: showHash(head.hash),
    timeMs: Number(blockTimeMs(head)),
    ...judged(question, level, ["validators", "certificate", "value", ...fresh]),
    nodes: nodes.map(({ url }) => url),
    signers: signers.map(({ name }) => name),
    disbelieved: received.disbelieved,
  };
}

/** What was checked, and the rest by name. */
export function judged(
  { isClaimed = false }: Pick<StateQuestion<unknown>, "isClaimed">,
  level: ReadLevel,
  checked: readonly ReadCheck[],
): Pick<ReadAnswer<unknown>, "level" | "checked" | "unchecked"> {
  const declared: readonly ReadCheck[] = isClaimed ? ["declaration"] : [];
  const all: readonly ReadCheck[] = ["validators", "certificate", "value", "freshness"];
  const rest = all.filter((one) => !checked.includes(one));
  return { level, checked, unchecked: [...rest, ...declared] };
}

function decodeOr<T>(decode: (bytes: Uint8Array | undefined) => T, bytes: Uint8Array | undefined): T {
  try {
    return decode(bytes);
  } catch (error) {
    const found = bytes === undefined ? "nothing" : hex0x(bytes);
    throw new Disbelieved(`a value that no chain stores there: ${found}`, { cause: error });
  }
}
