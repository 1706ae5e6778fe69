/**
 * Numbers for the validators that this node has known since it started: the network, its budgets and its mailboxes
 * count by them, because an index in a set speaks of another member in the next epoch. A seat is a key; seats are
 * given in order, never taken back, and mean nothing to anybody else. Bound: one a key that was a member while this
 * process ran.
 */
import { must } from "../../base/assert.ts";
import { type Address, hex } from "../../base/bytes.ts";
import type { ValidatorSet } from "../../chain/types/validator-set.ts";
import type { ValidatorId } from "../../consensus/engine.ts";

/** The number of a validator's key at this node. */
export type Seat = number;

export class Seats {
  readonly #keys: Address[] = [];
  readonly #byKey = new Map<string, Seat>();
  #validators: ValidatorSet;
  /** The seats of the members of {@link validators}, by their index. */
  #current: readonly Seat[] = [];
  #indices: ReadonlyMap<Seat, ValidatorId> = new Map();

  constructor(validators: ValidatorSet) {
    this.#validators = validators;
    this.use(validators);
  }

  /** The keys by seat. */
  get keys(): readonly Address[] {
    return this.#keys;
  }

  /** The seats of the members whose indices count now, by index. */
  get current(): readonly Seat[] {
    return this.#current;
  }

  /** The set whose indices count now. */
  get validators(): ValidatorSet {
    return this.#validators;
  }

  /** From now on indices are those of this set; its members keep their seats or get new ones. */
  use(validators: ValidatorSet): void {
    this.#validators = validators;
    this.know(validators);
    this.#current = validators.members.map(({ publicKey }) =>
      must(this.#byKey.get(hex(publicKey)), "every member has a seat"),
    );
    this.#indices = new Map(this.#current.map((seat, index) => [seat, index]));
  }

  /** The members of a set that comes, or was, have seats too. */
  know({ members }: ValidatorSet): void {
    for (const { publicKey } of members) {
      const key = hex(publicKey);
      if (this.#byKey.has(key)) continue;
      this.#byKey.set(key, this.#keys.length);
      this.#keys.push(publicKey);
    }
  }

  ofKey(publicKey: Address): Seat | undefined {
    return this.#byKey.get(hex(publicKey));
  }

  /** The seat of a member by its index. */
  of(index: ValidatorId): Seat {
    return must(this.#current[index], `validator ${index} is a member`);
  }

  /** The index of whoever sits there, or undefined for one that is no member now. */
  indexOf(seat: Seat): ValidatorId | undefined {
    return this.#indices.get(seat);
  }
}
