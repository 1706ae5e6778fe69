/**
 * A chain of four validators that is played into a real database without a network: blocks of transfers, built, executed and
 * committed by the shipped chain. Signatures are of the length of real ones and cost a hash; each block gets a
 * seal as long as a certificate of a quorum, which nobody verifies.
 */
import { randomBytes } from "node:crypto";
import { assert, must } from "../../base/assert.ts";
import { Chain } from "../../chain/chain.ts";
import { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import type { ConsensusRules } from "../../chain/rules.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import { encodeCommitCertificate } from "../../consensus/pbft/certificate.ts";
import { quorumOf } from "../../consensus/pbft/quorum.ts";
import { selectConsensus } from "../../consensus/select.ts";
import { SIGNATURE_BYTES } from "../../crypto/keys.ts";
import type { Kv } from "../../storage/kv.ts";
import { signatureWorld } from "../sim/signatures.ts";
import { World } from "../sim/world.ts";

const VALIDATORS = 4;
const BALANCE = 1_000_000n;
const SIGNERS = Array.from({ length: quorumOf(VALIDATORS).quorum }, (_, signer) => signer);

export interface PlayedOptions {
  readonly accounts: number;
  /** In each block. */
  readonly transfers: number;
}

export class PlayedChain {
  readonly chain: Chain;
  readonly #world: World;
  readonly #transfers: number;
  #sent = 0;

  private constructor(chain: Chain, world: World, transfers: number) {
    this.chain = chain;
    this.#world = world;
    this.#transfers = transfers;
  }

  static worldOf({ accounts, transfers }: PlayedOptions): World {
    const limits = { maxBlockTransactions: Math.max(1, transfers) };
    return new World({ validators: VALIDATORS, accounts, balance: BALANCE, limits }, signatureWorld("ideal"));
  }

  static async open(world: World, kv: Kv, { transfers }: PlayedOptions): Promise<PlayedChain> {
    const { genesis, genesisHash, signatures } = world;
    const own = selectConsensus(genesis, genesisHash).rules;
    const rules = { ...own, verifySeal: () => undefined } as ConsensusRules;
    const accepted = new AcceptedSignatures(genesisHash, signatures.rules);
    return new PlayedChain(await Chain.open(genesis, { kv, rules, signatures: accepted }), world, transfers);
  }

  /** The next block, committed. */
  async play(): Promise<SealedBlock> {
    const { chain } = this;
    const { genesis } = this.#world;
    const transactions = Array.from({ length: this.#transfers }, () => this.#transfer());
    const timeMs = genesis.timeMs + 1_000n * (chain.head.summary.height + 1n);
    const proposal = { timeMs, proposer: 0 };
    const block = must(
      chain.buildBlock(chain.head.hash, proposal, () => transactions, true),
      "a block on the head is built",
    );
    assert(block.transactions.length === this.#transfers, "a block has room for all");
    const signatures = SIGNERS.map((signer) => ({ signer, signature: randomBytes(SIGNATURE_BYTES) }));
    const sealed = { block, seal: encodeCommitCertificate({ view: 0n, signatures }) };
    await this.take(sealed);
    return sealed;
  }

  /** A block that another chain of this world has played. */
  async take(sealed: SealedBlock): Promise<void> {
    const { kind } = await this.chain.importBlock(sealed);
    assert(kind === "imported", "a block that was built here is valid");
  }

  /** From one account after the other to the next. */
  #transfer() {
    const { accounts } = this.#world;
    const at = this.#sent++;
    const round = Math.floor(at / accounts.length);
    return this.#world.transfer(at % accounts.length, (at + 1) % accounts.length, 1n, BigInt(round));
  }
}
