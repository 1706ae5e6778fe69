/**
 * The Byzantine generals: a commander and lieutenants, some of them traitors, who must act alike by messages alone.
 * OM(m) with oral messages (a relay can lie about what it heard) and SM(m) with signed ones (real Ed25519: a relay
 * can keep an order back, never change it). Rounds, messages and decisions are counted on what was really sent.
 * General 0 commands. Source: Lamport, Shostak and Pease, "The Byzantine Generals Problem", TOPLAS 4 (1982).
 */
import { assert, must } from "../../../base/assert.ts";
import { type Address, concatBytes, hex, utf8 } from "../../../base/bytes.ts";
import { createSigner, SEED_BYTES, type Signer, verifyQuickly } from "../../../crypto/keys.ts";
import { Random } from "../../sim/random.ts";

/** The orders, ascending. The first is what a general does who heard nothing usable. */
export const ORDERS = ["retreat", "wait", "attack"] as const;
export type Order = (typeof ORDERS)[number];
const DEFAULT: Order = "retreat";
const EACH_HEARS = "every lieutenant has heard an order, if only the default";
const EACH_DECIDES = "every general has decided";

/**
 * split: tells even generals the order and odd ones the opposite. flip: tells all the opposite. silent: sends nothing.
 * random: each message by the seed. late (signed only): the traitors pass a second order among themselves and show it
 * to a single loyal general in the last round.
 */
export const STRATEGIES = ["split", "flip", "silent", "random", "late"] as const;
export type Strategy = (typeof STRATEGIES)[number];

export interface Generals {
  readonly generals: number;
  readonly traitors: readonly number[];
  readonly order: Order;
  /** m: the number of traitors that the algorithm is run against. */
  readonly depth: number;
  readonly strategy: Strategy;
  readonly seed: number;
}

/** A message as it was sent, or kept back. */
export interface SentOrder {
  /** The number of the round, from 0. */
  readonly round: number;
  readonly from: number;
  readonly to: number;
  /** Undefined: a traitor says nothing. */
  readonly order: Order | undefined;
  /** What a loyal general would have said in its place. */
  readonly honest: Order;
  /** The generals through whom the order came, the commander first; empty where the sender is the commander. */
  readonly path: readonly number[];
}

/** Messages of one run that are kept to be shown; the counts are of all. */
export const SENT_MAX = 2_000;

export interface GeneralsOutcome {
  readonly algorithm: "OM" | "SM";
  readonly rounds: number;
  readonly messages: number;
  /** How many messages each round had, from the first. */
  readonly messagesByRound: readonly number[];
  /** What was sent in the order of time, at most {@link SENT_MAX} of it. */
  readonly sent: readonly SentOrder[];
  /** The decisions of all generals. What traitors say they do means nothing. */
  readonly decisions: readonly Order[];
  /** IC1: all loyal lieutenants do the same. */
  readonly isAgreement: boolean;
  /** IC2: if the commander is loyal, they do what was ordered. True when the commander is a traitor. */
  readonly isObedience: boolean;
}

/** Messages of one run; more generals or depth are refused by {@link messagesOfOm}. */
export const MESSAGES_MAX = 2_000_000;

/** (n-1) + (n-1)(n-2) + ...: what OM(m) sends when nobody is silent. */
export function messagesOfOm(generals: number, depth: number): number {
  let sum = 0;
  let round = 1;
  for (let i = 0; i <= depth; i++) {
    round *= Math.max(0, generals - 1 - i);
    sum += round;
  }
  return sum;
}

/**
 * What a traitor sends in place of `order`, or undefined when it sends nothing. For tests that try all lies,
 * besides the strategies.
 */
export type Lie = (from: number, to: number, order: Order, path: readonly number[]) => Order | undefined;

function lieOf({ strategy, seed }: Pick<Generals, "strategy" | "seed">): Lie {
  const random = new Random(`generals/${seed}`);
  const opposite = (order: Order): Order => (order === "attack" ? "retreat" : "attack");
  switch (strategy) {
    case "flip":
      return (_from, _to, order) => opposite(order);
    case "silent":
      return () => undefined;
    case "random":
      return () => random.pick<Order | undefined>([...ORDERS, undefined]);
    case "split":
    case "late":
      return (_from, to, order) => (to % 2 === 0 ? order : opposite(order));
  }
}

export function oralMessages(problem: Generals, lie: Lie = lieOf(problem)): GeneralsOutcome {
  assert(messagesOfOm(problem.generals, problem.depth) <= MESSAGES_MAX, "the caller bounds the messages");
  const run = new OralRun(problem, lie);
  const lieutenants = others(problem.generals, [0]);
  const decisions = run.command(problem.depth, 0, lieutenants, problem.order, []);
  const decided = [problem.order, ...lieutenants.map((each) => must(decisions.get(each), EACH_DECIDES))];
  return outcomeOf("OM", problem, run, decided);
}

class OralRun {
  readonly messagesByRound: number[] = [];
  readonly sent: SentOrder[] = [];
  readonly #traitors: ReadonlySet<number>;
  readonly #lie: Lie;

  constructor({ traitors }: Generals, lie: Lie) {
    this.#traitors = new Set(traitors);
    this.#lie = lie;
  }

  /** OM(depth): what each lieutenant takes for the order of `commander`. */
  command(
    depth: number,
    commander: number,
    lieutenants: readonly number[],
    order: Order,
    path: readonly number[],
  ): Map<number, Order> {
    const received = new Map(
      lieutenants.map((to) => [to, this.#send(commander, to, order, path) ?? DEFAULT] as const),
    );
    if (depth === 0) return received;
    const relayed = lieutenants.map((relay) => {
      const rest = lieutenants.filter((each) => each !== relay);
      return this.command(depth - 1, relay, rest, must(received.get(relay), EACH_HEARS), [
        ...path,
        commander,
      ]);
    });
    return new Map(
      lieutenants.map((each) => {
        const relayedToEach = relayed.flatMap((of) => of.get(each) ?? []);
        return [each, majority([must(received.get(each), EACH_HEARS), ...relayedToEach])] as const;
      }),
    );
  }

  #send(from: number, to: number, order: Order, path: readonly number[]): Order | undefined {
    const sent = this.#traitors.has(from) ? this.#lie(from, to, order, path) : order;
    const round = path.length;
    if (this.sent.length < SENT_MAX) this.sent.push({ round, from, to, order: sent, honest: order, path });
    this.messagesByRound[round] = (this.messagesByRound[round] ?? 0) + (sent === undefined ? 0 : 1);
    return sent;
  }
}

/** The order of more than half of all, or the default where there is none. */
function majority(orders: readonly Order[]): Order {
  const counts = new Map<Order, number>();
  for (const order of orders) counts.set(order, (counts.get(order) ?? 0) + 1);
  for (const [order, count] of counts) if (2 * count > orders.length) return order;
  return DEFAULT;
}

/** An order with the signatures of all who passed it on, the commander's first. */
interface SignedOrder {
  readonly order: Order;
  readonly signers: readonly number[];
  readonly signatures: readonly Uint8Array[];
}

interface Delivery {
  readonly to: number;
  readonly signed: SignedOrder;
}

export function signedMessages(problem: Generals): GeneralsOutcome {
  const run = new SignedRun(problem);
  const messagesByRound: number[] = [];
  let packets = run.firstRound();
  for (let round = 0; round <= problem.depth; round++) {
    messagesByRound.push(packets.length);
    packets = packets.flatMap((packet) => run.receive(packet, round));
    if (round < problem.depth) packets.push(...run.lateRelease(round + 1));
  }
  return outcomeOf("SM", problem, { messagesByRound, sent: run.sent }, run.decisions());
}

class SignedRun {
  readonly sent: SentOrder[] = [];
  readonly #problem: Generals;
  readonly #traitors: ReadonlySet<number>;
  readonly #signers: readonly Signer[];
  /** V: the orders that each general has seen with good signatures. */
  readonly #seen: readonly Set<Order>[];
  readonly #lie: Lie;

  constructor(problem: Generals) {
    this.#problem = problem;
    this.#traitors = new Set(problem.traitors);
    const keys = new Random(`generals/keys/${problem.seed}`);
    const all = others(problem.generals, []);
    this.#signers = all.map((general) => createSigner(keys.split(general).bytes(SEED_BYTES)));
    this.#seen = all.map(() => new Set());
    this.#lie = lieOf(problem);
  }

  /** A commander who is a traitor may sign any number of orders. */
  firstRound(): Delivery[] {
    const { generals, order, strategy } = this.#problem;
    this.#seenBy(0).add(order);
    return others(generals, [0]).flatMap((to) => {
      const isLoyal = !this.#traitors.has(0);
      // Late: all loyal ones hear one order; the other one is kept among the traitors.
      const relayedToEach = isLoyal || strategy === "late" ? order : this.#lie(0, to, order, []);
      this.#note({ round: 0, from: 0, to, order: relayedToEach, honest: order, path: [] });
      return relayedToEach === undefined ? [] : [{ to, signed: this.#sign(relayedToEach, [], []) }];
    });
  }

  /** Notes an order not seen before, and passes it on while rounds are left. */
  receive({ to, signed }: Delivery, round: number): Delivery[] {
    const seen = this.#seenBy(to);
    if (!this.#isGenuine(signed, round) || seen.has(signed.order)) return [];
    seen.add(signed.order);
    if (round >= this.#problem.depth) return [];
    const rest = others(this.#problem.generals, [...signed.signers, to]);
    return rest.flatMap((next) => this.#relay(to, next, signed));
  }

  /** The strategy "late": a chain of traitors' signatures, as long as the rounds, shown to one loyal general. */
  lateRelease(round: number): Delivery[] {
    const { strategy, depth, traitors, order, generals } = this.#problem;
    if (strategy !== "late" || round !== depth || !this.#traitors.has(0)) return [];
    const relays = traitors.filter((each) => each !== 0).slice(0, round);
    if (relays.length < round) return [];
    let signed = this.#sign(order === "attack" ? "retreat" : "attack", [], []);
    for (const relay of relays) signed = this.#sign(signed.order, signed.signers, signed.signatures, relay);
    const victim = others(generals, traitors)[0];
    if (victim !== undefined) {
      const path = signed.signers.slice(0, -1);
      this.#note({ round, from: relays.at(-1) ?? 0, to: victim, order: signed.order, honest: order, path });
    }
    return victim === undefined ? [] : [{ to: victim, signed }];
  }

  decisions(): Order[] {
    return this.#seen.map((orders, general) => (general === 0 ? this.#problem.order : median(orders)));
  }

  #relay(from: number, to: number, { order, signers, signatures }: SignedOrder): Delivery[] {
    const passedOn = this.#traitors.has(from) ? this.#lie(from, to, order, signers) : order;
    this.#note({ round: signers.length, from, to, order: passedOn, honest: order, path: signers });
    if (passedOn === undefined) return [];
    // A liar's changed order carries signatures of another one: whoever hears it will see.
    return [{ to, signed: this.#sign(passedOn, signers, signatures, from) }];
  }

  #note(sent: SentOrder): void {
    if (this.sent.length < SENT_MAX) this.sent.push(sent);
  }

  #seenBy(general: number): Set<Order> {
    return must(this.#seen[general], "every general has a set");
  }

  #sign(order: Order, signers: readonly number[], signatures: readonly Uint8Array[], by = 0): SignedOrder {
    const signature = must(this.#signers[by], "every general has a key").sign(
      statement(order, signers, signatures),
    );
    return { order, signers: [...signers, by], signatures: [...signatures, signature] };
  }

  /** Signed by the commander and as many different others as rounds have passed. */
  #isGenuine({ order, signers, signatures }: SignedOrder, round: number): boolean {
    if (signers.length !== round + 1 || signers[0] !== 0 || new Set(signers).size !== signers.length) {
      return false;
    }
    return signers.every((signer, i) => {
      const key: Address = must(this.#signers[signer], "every general has a key").publicKey;
      return verifyQuickly(
        key,
        statement(order, signers.slice(0, i), signatures.slice(0, i)),
        must(signatures[i], "every signer has signed"),
      );
    });
  }
}

function statement(order: Order, signers: readonly number[], signatures: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    utf8(`quorate/lab/order/v1 ${order} ${signers.join(",")} `),
    ...signatures.map((s) => utf8(hex(s))),
  );
}

/** The paper's choice for ordered orders: the middle one, the lower of two. */
function median(orders: ReadonlySet<Order>): Order {
  const ascending = ORDERS.filter((order) => orders.has(order));
  return ascending[Math.floor((ascending.length - 1) / 2)] ?? DEFAULT;
}

function others(generals: number, without: readonly number[]): number[] {
  return Array.from({ length: generals }, (_, i) => i).filter((i) => !without.includes(i));
}

function outcomeOf(
  algorithm: "OM" | "SM",
  { generals, traitors, order, depth }: Generals,
  { messagesByRound, sent }: Pick<GeneralsOutcome, "messagesByRound" | "sent">,
  decisions: readonly Order[],
): GeneralsOutcome {
  const loyal = others(generals, [0, ...traitors]).map((general) => must(decisions[general], EACH_DECIDES));
  return {
    algorithm,
    rounds: depth + 1,
    messages: messagesByRound.reduce((sum, each) => sum + each, 0),
    messagesByRound,
    sent,
    decisions,
    isAgreement: new Set(loyal).size <= 1,
    isObedience: traitors.includes(0) || loyal.every((each) => each === order),
  };
}

/** Whether the theorem covers a case: OM(m) with more than 3m generals, SM(m) with any, both with m traitors at most. */
export function isPromised(algorithm: "OM" | "SM", { generals, traitors, depth }: Generals): boolean {
  return traitors.length <= depth && (algorithm === "SM" || generals > 3 * depth);
}

/** Messages of one PBFT block by phase, when `silent` backups send nothing. */
export function pbftMessages(
  replicas: number,
  silent: number,
): { prePrepare: number; prepare: number; commit: number } {
  const each = replicas - 1;
  return {
    prePrepare: each,
    prepare: (replicas - 1 - silent) * each,
    commit: (replicas - silent) * each,
  };
}
