/**
 * Who takes part in a run: keys, accounts and the genesis, derived from fixed texts, so that all runs of one shape
 * share them. Planning costs key generation and hashing, so plans are kept per shape (bounded by who asks).
 */
import { must } from "../../base/assert.ts";
import type { Hash } from "../../base/bytes.ts";
import { EMPTY } from "../../base/bytes.ts";
import type { PbftParameters } from "../../chain/genesis/consensus-parameters.ts";
import type { Genesis, GenesisLimits } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { rolesFrom } from "../../chain/governance/roles.ts";
import { bank } from "../../chain/modules/bank.ts";
import { type SignedTransaction, signTransaction } from "../../chain/types/transaction.ts";
import type { Signer } from "../../crypto/keys.ts";
import { DEVNET, type NetworkPlan, planNetwork, secretsFromSeed } from "../../node/home/network-plan.ts";
import type { DrawnCall } from "./module-calls.ts";
import type { SignatureWorld } from "./signatures.ts";

export interface WorldOptions {
  readonly validators: number;
  readonly accounts: number;
  readonly balance: bigint;
  readonly consensus?: Partial<PbftParameters>;
  readonly maxBlockTransactions?: number;
  readonly limits?: Partial<GenesisLimits>;
  /** So many of the validators are in genesis, the first; the others may join. All if left out. */
  readonly members?: number;
  /** Who has a role at genesis, by account index. */
  readonly roles?: { readonly senders: readonly number[]; readonly admins: readonly number[] } | undefined;
  /** Declared modules, with their code. */
  readonly modules?: Pick<Genesis, "modules" | "code">;
}

export class World {
  readonly genesis: Genesis<PbftParameters>;
  readonly genesisHash: Hash;
  readonly signatures: SignatureWorld;
  /** The validators' signers by validator index. */
  readonly validators: readonly Signer[];
  /** The accounts' signers by account index: alice, bob, ... */
  readonly accounts: readonly Signer[];
  readonly accountNames: readonly string[];
  readonly plan: NetworkPlan;

  constructor(options: WorldOptions, signatures: SignatureWorld) {
    this.signatures = signatures;
    this.plan = planOf(options.validators, options.accounts, options.balance);
    const { genesis, accounts } = this.plan;
    const { roles } = options;
    const addresses = (indices: readonly number[]) =>
      indices.map((index) => must(accounts[index], "an account of this world").address);
    // Who votes on members pays for it from an account of its own.
    const operators = genesis.validators.map(({ account }) => ({
      address: account,
      balance: options.balance,
    }));
    this.genesis = shared(options, {
      ...genesis,
      accounts: options.members === undefined ? genesis.accounts : [...genesis.accounts, ...operators],
      validators: genesis.validators.slice(0, options.members),
      consensus: { ...genesis.consensus, ...options.consensus },
      limits: {
        ...genesis.limits,
        maxBlockTransactions: options.maxBlockTransactions ?? genesis.limits.maxBlockTransactions,
        ...options.limits,
      },
      ...options.modules,
      ...(roles === undefined
        ? {}
        : { roles: rolesFrom({ senders: addresses(roles.senders), admins: addresses(roles.admins) }) }),
    });
    this.genesisHash = computeGenesisHash(this.genesis);
    this.validators = this.plan.validators.map(({ seed, publicKey }) => signatures.signer(seed, publicKey));
    this.accounts = this.plan.accounts.map(({ seed, address }) => signatures.signer(seed, address));
    this.accountNames = this.plan.accounts.map(({ name }) => name);
  }

  /** Unix time at the beginning of virtual time: a second after genesis. */
  get epochMs(): number {
    return Number(this.genesis.timeMs) + 1_000;
  }

  transfer(from: number, to: number, amount: bigint, nonce: bigint, fee = 0n): SignedTransaction {
    const payload = bank.encodeCall({ to: this.#account(to).publicKey, amount, memo: EMPTY });
    const { chainId } = this.genesis;
    const fields = { chainId, nonce, fee, validUntilHeight: 0n, module: bank.id, payload };
    return signTransaction(fields, this.#account(from), this.genesisHash);
  }

  /** A call of a declared module, as its bytes. */
  call(from: number, { module, payload }: DrawnCall, nonce: bigint, fee = 0n): SignedTransaction {
    const { chainId } = this.genesis;
    const fields = { chainId, nonce, fee, validUntilHeight: 0n, module, payload };
    return signTransaction(fields, this.#account(from), this.genesisHash);
  }

  #account(index: number): Signer {
    return must(this.accounts[index], "the index is one of the ACCOUNTS");
  }
}

const geneses = new Map<string, Genesis<PbftParameters>>();
/** Shapes whose genesis is kept. */
const GENESES_MAX = 256;

/** The genesis that an earlier world of the same options has, so that it is executed once (chain/genesis/genesis-state.ts). */
function shared(options: WorldOptions, genesis: Genesis<PbftParameters>): Genesis<PbftParameters> {
  // Code has no text that tells it from other code.
  if (options.modules !== undefined) return genesis;
  const key = JSON.stringify(options, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
  const known = geneses.get(key);
  if (known !== undefined) return known;
  if (geneses.size >= GENESES_MAX) geneses.clear();
  geneses.set(key, genesis);
  return genesis;
}

const plans = new Map<string, NetworkPlan>();
/** Shapes whose plan is kept; beyond it all are forgotten and planned anew. */
const PLANS_MAX = 256;

function planOf(validators: number, accounts: number, balance: bigint): NetworkPlan {
  const key = `${validators} ${accounts} ${balance}`;
  let plan = plans.get(key);
  if (plan === undefined) {
    if (plans.size >= PLANS_MAX) plans.clear();
    plan = planNetwork({ ...DEVNET, validators, accounts, balance }, secretsFromSeed("simulation"));
    plans.set(key, plan);
  }
  return plan;
}
