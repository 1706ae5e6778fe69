/**
 * `latest`: proven, and from a block that is not older than any that was final before the call. A block is final when Q
 * validators have signed COMMIT, of which one alone may hold it by now. So validators are asked how far their COMMITs
 * reach (consensus_getState, `lastPrepared`), and a proven head is waited for that is as high. How many must answer,
 * what liars can do, and why it holds across epochs: docs/adr/0031-01.
 */
import { hex } from "../base/bytes.ts";
import { endsEpoch, type ValidatorSet } from "../chain/types/validator-set.ts";
import { checkFields, field, object } from "../codec/field.ts";
import { RpcError } from "../rpc/rpc-error.ts";
import type { CallLimits, Endpoint } from "./endpoint.ts";
import type { FollowedGenesis } from "./followed-genesis.ts";
import { boundOf, claimsNeeded } from "./latest-bound.ts";
import { countField } from "./proof-parts.ts";
import {
  genesisFor,
  proveAnswer,
  provenAnswer,
  ReceivedAnswers,
  type StateReadPorts,
  visitsOf,
} from "./read-parts.ts";
import { NotLatestError, type ReadAnswer } from "./read-types.ts";
import type { ProvedState } from "./state-answer.ts";
import type { StateQuestion } from "./state-question.ts";
import { visitUntilSettled } from "./visits.ts";

const standingSchema = object(
  {
    epoch: countField,
    self: countField,
    mode: field<string>("a mode", (value) => (typeof value === "string" ? value : undefined)),
    recovery: field<boolean>("what is fetched, or null", (value) => value !== null),
    lastPrepared: countField,
  },
  { others: "ignored" },
);

/** How far the COMMITs of a validator reach, as the node at a URL says. */
interface Claim {
  readonly endpoint: Endpoint;
  /** Its key in the set of the epoch that it is in. */
  readonly key: string;
  readonly height: bigint;
}

interface Proof {
  readonly proved: ProvedState;
  readonly endpoint: Endpoint;
}

export async function readLatest<T>(
  question: StateQuestion<T>,
  ports: StateReadPorts,
): Promise<ReadAnswer<T>> {
  const genesis = genesisFor("latest", ports);
  const received = new ReceivedAnswers();
  const search = new LatestSearch(genesis, received);
  search.checkCount(ports.endpoints.length);
  const found = await visitUntilSettled<Proof>({
    ...visitsOf(ports, received),
    first: ports.endpoints.length,
    visit: async (endpoint, limits) => {
      const { standing, said } = await ask(endpoint, question.path, limits);
      const proved = await proveAnswer(question, said, { endpoint, genesis, ports });
      search.add(endpoint, standing, proved);
      // A set may have ended with the highest head: then the next one has to be asked.
      while (search.awaited > genesis.newest) {
        const before = genesis.newest;
        await genesis.follow(search.awaited, ports.endpoints, ports.answerMs);
        if (genesis.newest === before) return undefined;
      }
      return search.settled(BigInt(ports.minHeight));
    },
  });
  if (found === undefined) throw new NotLatestError(search.reason(), received.at("latest"));
  return provenAnswer("latest", question, found.proved, search.nodes(found), received);
}

/** Both in one request, so that a claim comes with what the node can prove. */
async function ask(endpoint: Endpoint, path: string, limits: CallLimits) {
  const calls = [
    { method: "consensus_getState", params: {} },
    { method: "state_query", params: { path, prove: true } },
  ];
  const [standing, said] = await endpoint.batch(calls, limits);
  if (said instanceof RpcError) throw said;
  return { standing, said };
}

class LatestSearch {
  readonly #genesis: FollowedGenesis;
  readonly #received: ReceivedAnswers;
  /** The first of each URL: it covers whatever was final before the call. */
  readonly #claims = new Map<Endpoint, Claim>();
  /** How high a claim can be, by epoch: from when enough had answered. */
  readonly #limits = new Map<bigint, bigint>();
  #best: Proof | undefined;

  constructor(genesis: FollowedGenesis, received: ReceivedAnswers) {
    this.#genesis = genesis;
    this.#received = received;
  }

  get #set(): ValidatorSet {
    const { sets, validators } = this.#genesis.trusted;
    return sets.setOf(sets.newest) ?? validators;
  }

  get #needed(): number {
    return claimsNeeded(this.#set.members.length);
  }

  /** @throws RangeError */
  checkCount(urls: number): void {
    if (urls >= this.#needed) return;
    throw new RangeError(
      `a read "latest" takes answers of ${this.#needed} of ${this.#set.members.length} validators, ${urls} URLs given`,
    );
  }

  /** The epoch whose validators have to be asked, by the highest head. */
  get awaited(): bigint {
    const summary = this.#best?.proved.head.summary;
    if (summary === undefined) return 0n;
    return endsEpoch(summary) ? summary.epoch + 1n : summary.epoch;
  }

  add(endpoint: Endpoint, standing: unknown, proved: ProvedState): void {
    const { height } = proved.head.summary;
    if (this.#best === undefined || height > heightOf(this.#best)) this.#best = { proved, endpoint };
    if (this.#claims.has(endpoint)) return this.#say(endpoint, height);
    const why = this.#claim(endpoint, standing);
    if (why === undefined) return this.#say(endpoint, height);
    this.#received.say(endpoint, `proves height ${height}; ${why}`);
  }

  /** @returns why it does not count, if it does not */
  #claim(endpoint: Endpoint, standing: unknown): string | undefined {
    if (standing instanceof RpcError) return standing.message;
    const read = checkFields(standingSchema, standing);
    if (!read.ok) return `consensus_getState: ${read.fault.detail}`;
    const { epoch, self, mode, recovery, lastPrepared } = read.value;
    // Who does not know its own votes cannot say how far they reach.
    if (mode === "halted" || recovery) return "it does not vote, so what it signed is not known";
    const member = this.#genesis.trusted.sets.setOf(BigInt(epoch))?.members[self];
    if (member === undefined) return `validator ${self} of epoch ${epoch} is not known`;
    this.#claims.set(endpoint, { endpoint, key: hex(member.publicKey), height: BigInt(lastPrepared) });
    return undefined;
  }

  #say(endpoint: Endpoint, height: bigint): void {
    const claim = this.#claims.get(endpoint);
    this.#received.say(endpoint, `proves height ${height}, its votes reached ${claim?.height}`);
  }

  /** The claims of members of the newest set, each once: the higher where two URLs speak for one. */
  #counted(): Claim[] {
    const keys = new Set(this.#set.members.map(({ publicKey }) => hex(publicKey)));
    const byKey = new Map<string, Claim>();
    for (const claim of this.#claims.values()) {
      const other = byKey.get(claim.key);
      if (keys.has(claim.key) && (other === undefined || other.height < claim.height))
        byKey.set(claim.key, claim);
    }
    return [...byKey.values()];
  }

  /** No block above it was final before the call. Undefined while too few have answered. */
  #bound(): bigint | undefined {
    const n = this.#set.members.length;
    const claims = this.#counted();
    if (claims.length < claimsNeeded(n) || this.#best === undefined) return undefined;
    const { logWindow } = this.#genesis.trusted.genesis.consensus as { readonly logWindow: number };
    const { epoch } = this.#set;
    // A correct validator signs at most L above a checkpoint that one of those who answered has executed.
    const limit = this.#limits.get(epoch) ?? heightOf(this.#best) + BigInt(logWindow);
    this.#limits.set(epoch, limit);
    for (const { endpoint, height } of claims) {
      if (height > limit)
        this.#received.disbelieve(
          endpoint,
          `claims votes up to height ${height}, nobody can be above ${limit}`,
        );
    }
    return boundOf(
      claims.map(({ height }) => (height > limit ? limit : height)),
      n,
    );
  }

  settled(minHeight: bigint): Proof | undefined {
    const bound = this.#bound();
    const best = this.#best;
    if (bound === undefined || best === undefined || this.awaited > this.#genesis.newest) return undefined;
    return heightOf(best) >= bound && heightOf(best) >= minHeight ? best : undefined;
  }

  /** Why nothing was settled. */
  reason(): string {
    const { length } = this.#counted();
    const needed = this.#needed;
    const all = this.#set.members.length;
    if (length < needed)
      return `${length} of the ${needed} validators answered that it takes of ${all} (epoch ${this.#set.epoch})`;
    const best = this.#best === undefined ? "none" : `${heightOf(this.#best)}`;
    return `a block at height ${this.#bound()} may have been final before the call, the highest that was proved is ${best}`;
  }

  /** Who gave the value, then those whose claims bound it. */
  nodes({ endpoint }: Proof): readonly Endpoint[] {
    return [...new Set([endpoint, ...this.#counted().map((claim) => claim.endpoint)])];
  }
}

function heightOf({ proved }: Proof): bigint {
  return proved.head.summary.height;
}
