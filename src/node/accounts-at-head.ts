/**
 * The accounts as the pool sees them between two heads. What was read once is kept decoded until the next head: under load
 * each sender is asked for with every transaction.
 */
import { type Address, byteText } from "../base/bytes.ts";
import type { Chain } from "../chain/chain.ts";
import { modulesOn } from "../chain/execution/modules-in-force.ts";
import { type Policy, policyOf } from "../chain/governance/policy.ts";
import { type Account, readAccount } from "../chain/modules/accounts.ts";
import type { StateReader } from "../chain/modules/module.ts";
import type { ModuleSet } from "../chain/modules/module-set.ts";
import type { HeadState } from "../mempool/admission.ts";

/** Accounts that are kept; whoever is not among them is read. */
const ACCOUNTS_MAX = 16_384;

export class AccountsAtHead implements HeadState {
  readonly height: bigint;
  readonly policy: Policy;
  readonly modules: ModuleSet;
  readonly #state: StateReader;
  readonly #known = new Map<string, Account>();

  /** @param chain whose head is where it is now for as long as this is asked */
  constructor({ head, committed, genesis }: Pick<Chain, "head" | "committed" | "genesis">) {
    this.height = head.summary.height;
    this.#state = committed;
    this.policy = policyOf(genesis, committed);
    this.modules = modulesOn(genesis, committed).set;
  }

  account(address: Address, key: string = byteText(address)): Account | undefined {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const account = readAccount(this.#state, address);
    if (account !== undefined && this.#known.size < ACCOUNTS_MAX) this.#known.set(key, account);
    return account;
  }
}
