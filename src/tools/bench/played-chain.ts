/**
 * A chain that is played into a real database without a network: blocks of transfers, built, executed and committed by the
 * shipped chain. Signatures are of the length of real ones and cost a hash. In alliance mode, of four validators, each
 * block gets a seal as long as a certificate of a quorum, which nobody verifies; a mined block takes two hashes.
 */
import { randomBytes } from "node:crypto";
import { assert, must } from "../../base/assert.ts";
import { EMPTY } from "../../base/bytes.ts";
import { Chain } from "../../chain/chain.ts";
import { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { bank } from "../../chain/modules/bank.ts";
import type { ConsensusRules } from "../../chain/rules.ts";
import type { Block, SealedBlock } from "../../chain/types/block.ts";
import { type SignedTransaction, signTransaction } from "../../chain/types/transaction.ts";
import { encodeCommitCertificate } from "../../consensus/pbft/certificate.ts";
import { quorumOf } from "../../consensus/pbft/quorum.ts";
import { selectConsensus } from "../../consensus/select.ts";
import { SIGNATURE_BYTES } from "../../crypto/keys.ts";
import type { Kv } from "../../storage/kv.ts";
import { signatureWorld } from "../sim/signatures.ts";
import { World } from "../sim/world.ts";
import { easyGenesis, solve } from "./easy-chain.ts";

const VALIDATORS = 4;
const BALANCE = 1_000_000n;
const SIGNERS = Array.from({ length: quorumOf(VALIDATORS).quorum }, (_, signer) => signer);

export interface PlayedOptions {
  readonly accounts: number;
  /** How many transfers each block has. */
  readonly transfers: number;
  /** Blocks are mined, and may be abandoned: each keeps its undo data. */
  readonly mined?: boolean | undefined;
}

/** Who pays whom on a chain that is played. */
export interface PlayedWorld extends Pick<World, "genesisHash" | "signatures" | "accounts"> {
  readonly genesis: Genesis;
}

export class PlayedChain {
  readonly chain: Chain;
  readonly #world: PlayedWorld;
  readonly #transfers: number;
  #sent = 0;

  private constructor(chain: Chain, world: PlayedWorld, transfers: number) {
    this.chain = chain;
    this.#world = world;
    this.#transfers = transfers;
  }

  static worldOf({ accounts, transfers, mined = false }: PlayedOptions): PlayedWorld {
    const limits = { maxBlockTransactions: Math.max(1, transfers) };
    const world = new World(
      { validators: VALIDATORS, accounts, balance: BALANCE, limits },
      signatureWorld("ideal"),
    );
    if (!mined) return world;
    const genesis = easyGenesis(
      "bench",
      world.accounts.map(({ publicKey }) => publicKey),
    );
    const { signatures } = world;
    return { signatures, accounts: world.accounts, genesis, genesisHash: computeGenesisHash(genesis) };
  }

  static async open(world: PlayedWorld, kv: Kv, { transfers }: PlayedOptions): Promise<PlayedChain> {
    const { genesis, genesisHash, signatures } = world;
    const own = selectConsensus(genesis, genesisHash).rules;
    const rules = isMined(genesis) ? own : ({ ...own, verifySeal: () => undefined } as ConsensusRules);
    const accepted = new AcceptedSignatures(genesisHash, signatures.rules);
    return new PlayedChain(await Chain.open(genesis, { kv, rules, signatures: accepted }), world, transfers);
  }

  /** The next block, committed. */
  async play(): Promise<SealedBlock> {
    const { chain } = this;
    const { genesis } = this.#world;
    const transactions = Array.from({ length: this.#transfers }, () => this.#transfer());
    const timeMs = genesis.timeMs + 1_000n * (chain.head.summary.height + 1n);
    const rewardTo = must(this.#world.accounts[0], "a chain that is played has accounts").publicKey;
    const proposal = { timeMs, proposer: 0, ...(isMined(genesis) ? { rewardTo } : {}) };
    const block = must(
      chain.buildBlock(chain.head.hash, proposal, () => transactions, true),
      "a block on the head is built",
    );
    const paid = isMined(genesis) ? 1 : 0;
    assert(block.transactions.length === this.#transfers + paid, "a block has room for all");
    const sealed = isMined(genesis) ? solve(block) : certified(block);
    await this.take(sealed);
    return sealed;
  }

  /** A block that another chain of this world has played. */
  async take(sealed: SealedBlock): Promise<void> {
    const { kind } = await this.chain.importBlock(sealed);
    assert(kind === "imported", "a block that was built here is valid");
  }

  /** A transfer from one account to the next, each account in its turn. */
  #transfer(): SignedTransaction {
    const { accounts, genesis, genesisHash } = this.#world;
    const at = this.#sent++;
    const nonce = BigInt(Math.floor(at / accounts.length));
    const [from, to] = [accounts[at % accounts.length], accounts[(at + 1) % accounts.length]];
    const payload = bank.encodeCall({ to: must(to, PLACE).publicKey, amount: 1n, memo: EMPTY });
    const { chainId } = genesis;
    const fields = { chainId, nonce, fee: 0n, validUntilHeight: 0n, module: bank.id, payload };
    return signTransaction(fields, must(from, PLACE), genesisHash);
  }
}

const PLACE = "a rest is a place in the list";

function isMined({ consensus }: Genesis): boolean {
  return consensus.type === "pow";
}

function certified(block: Block): SealedBlock {
  const signatures = SIGNERS.map((signer) => ({ signer, signature: randomBytes(SIGNATURE_BYTES) }));
  return { block, seal: encodeCommitCertificate({ view: 0n, signatures }) };
}
