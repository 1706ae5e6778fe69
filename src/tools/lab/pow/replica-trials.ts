/**
 * The race of race.ts once more, played by whole replicas: the merchant's payment is in the public chain, the
 * conflicting one in the private branch, and the honest replica's ledger says at the end which of them happened. The
 * attacker sees the public chain through its follower, judges like race.ts, and releases by handing its blocks to the
 * honest replica's block ingress. Difficulty is fixed, so that the same formulas must match. Source: pow.md 2.9.
 */

import { assert, must } from "../../../base/assert.ts";
import { byteText } from "../../../base/bytes.ts";
import { branchesOf } from "../../../chain/chain-mode.ts";
import type { ForkChoice } from "../../../chain/forks/block-tree.ts";
import type { SealedBlock } from "../../../chain/types/block.ts";
import type { SignedTransaction } from "../../../chain/types/transaction.ts";
import type { Replica } from "../../../node/replica.ts";
import type { Random } from "../../sim/random.ts";
import {
  type AttackOptions,
  type AttackTally,
  addOutcome,
  type Cell,
  EMPTY_TALLY,
  streamOf,
} from "./attack51.ts";
import { CHOICES, type ChoiceOf, type Race, type RaceOutcome, raceBlocksMax } from "./race.ts";
import { MinedWorld, type RaceFixture } from "./race-fixture.ts";

/** Races `from` to `to` - 1 of a cell. */
export async function runReplicaTrials(
  fixture: RaceFixture,
  options: AttackOptions,
  cell: Cell,
  [from, to]: readonly [number, number],
  choiceOf: ChoiceOf = CHOICES[options.tie],
): Promise<AttackTally> {
  assert(options.retarget === "none", "replicas race where all blocks weigh the same");
  const race: Race = { ...options, ...cell };
  let tally: AttackTally = EMPTY_TALLY;
  for (let trial = from; trial < to; trial++) {
    const random = streamOf(options, cell, trial).split("replicas");
    tally = addOutcome(tally, await runReplicaRace(fixture, race, random, choiceOf(random.split("choice"))));
  }
  return tally;
}

export async function runReplicaRace(
  fixture: RaceFixture,
  race: Race,
  random: Random,
  choice: ForkChoice,
): Promise<RaceOutcome> {
  const world = await MinedWorld.open(fixture, { ...race, choice: once(choice) }, random);
  try {
    return await new ReplicaRace(fixture, race, world).run();
  } finally {
    await world.close();
  }
}

/**
 * A replica asks again of the same two blocks, before and after it has moved: two blocks are judged once, so that a
 * coin is tossed once, and whoever changes over at a tie does not change back for ever.
 */
function once(choice: ForkChoice): ForkChoice {
  const answers = new Map<string, boolean>();
  return (candidate, head) => {
    const [ours, theirs] = [byteText(candidate.head.hash), byteText(head.head.hash)];
    const known = answers.get(ours + theirs);
    if (known !== undefined) return known;
    const answer = choice(candidate, head);
    answers.set(ours + theirs, answer);
    if (answer) answers.set(theirs + ours, false);
    return answer;
  };
}

class ReplicaRace {
  readonly #fixture: RaceFixture;
  readonly #race: Race;
  readonly #world: MinedWorld;
  /** Height up to which the honest replica has the private branch. */
  #released = 0n;

  constructor(fixture: RaceFixture, race: Race, world: MinedWorld) {
    this.#fixture = fixture;
    this.#race = race;
    this.#world = world;
  }

  async run(): Promise<RaceOutcome> {
    const blocksMax = raceBlocksMax(this.#race);
    for (let blocks = 0; blocks < blocksMax; blocks++) {
      const won = await this.#decide();
      if (won !== undefined) return this.#outcome(won, false);
      await this.#world.nextBlock();
    }
    return this.#outcome(false, true);
  }

  /** Everything between two blocks: won, given up, or undefined to go on. */
  async #decide(): Promise<boolean | undefined> {
    if (heightOf(this.#public) < BigInt(this.#race.confirmations)) return undefined;
    if (this.#isWorthReleasing()) await this.#release();
    if (await this.#isSpentTwice()) return true;
    const behind = workOf(this.#public) - workOf(this.#private);
    return behind >= BigInt(this.#race.giveUp - 1) * this.#blockWork ? false : undefined;
  }

  #isWorthReleasing(): boolean {
    if (heightOf(this.#private) <= this.#released) return false;
    const [own, theirs] = [workOf(this.#private), workOf(this.#public)];
    return this.#race.release === "tie" ? own >= theirs : own > theirs;
  }

  /** Hands the private blocks over, oldest first. */
  async #release(): Promise<void> {
    const { chain } = this.#private;
    for (let height = this.#released + 1n; height <= heightOf(this.#private); height++) {
      const block: SealedBlock = must(chain.sealedBlockAt(height), "blocks up to the head are in the store");
      const { kind } = await this.#honest.chain.importBlock(block);
      assert(kind === "imported", `the honest replica takes the attacker's blocks: ${kind}`);
    }
    this.#released = heightOf(this.#private);
  }

  /** The honest ledger has the conflicting payment and not the merchant's. */
  async #isSpentTwice(): Promise<boolean> {
    if (this.#released === 0n) return false;
    const [conflict, payment] = [
      await this.#isIncluded(this.#fixture.conflict),
      await this.#isIncluded(this.#fixture.payment),
    ];
    assert(!(conflict && payment), "one nonce is spent once");
    return conflict;
  }

  async #isIncluded({ id }: SignedTransaction): Promise<boolean> {
    return (await this.#honest.chain.store.findTransaction(id)) !== undefined;
  }

  #outcome(won: boolean, capped: boolean): RaceOutcome {
    const attackerBlocks = Number(heightOf(this.#private));
    return {
      won,
      capped,
      attackerBlocks,
      honestBlocks: Number(heightOf(this.#public)),
      attackerWork: attackerBlocks * Number(this.#blockWork),
      seconds: this.#world.time.nowMs / 1_000,
    };
  }

  get #honest(): Replica {
    return this.#world.honest.replica;
  }

  /** The public chain as the attacker knows it. */
  get #public(): Replica {
    return this.#world.follower.replica;
  }

  get #private(): Replica {
    return this.#world.secret.replica;
  }

  get #blockWork(): bigint {
    const { rules, head } = this.#honest.chain;
    return rules.weight(head.header);
  }
}

function heightOf({ chain }: Replica): bigint {
  return chain.head.summary.height;
}

function workOf({ chain }: Replica): bigint {
  return must(branchesOf(chain).tree.get(chain.head.hash), "the head is in the tree").work;
}
