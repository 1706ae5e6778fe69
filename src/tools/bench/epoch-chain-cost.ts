/**
 * What it takes to follow the validators of a chain through so many epochs from its genesis alone: bytes of the links, as a
 * receipt or chain_getEpochs has them, and processor time to prove them. The links are made here, with real keys and
 * signatures and no node: in each epoch, or each so many, another member's key is replaced.
 */
import { createHash } from "node:crypto";
import { assert, must } from "../../base/assert.ts";
import { concatBytes, type Hash, hex0x } from "../../base/bytes.ts";
import { computeGenesisHash, executeGenesis } from "../../chain/genesis/genesis-state.ts";
import { assembleBlock, type BlockHead, encodeHeader, encodeSummary } from "../../chain/types/block.ts";
import { createValidatorSet, type Validator, type ValidatorSet } from "../../chain/types/validator-set.ts";
import { encodeCommitCertificate } from "../../consensus/pbft/certificate.ts";
import { signingBytes } from "../../consensus/pbft/messages.ts";
import { quorumOf } from "../../consensus/pbft/quorum.ts";
import { createSigner, type Signer } from "../../crypto/keys.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../node/home/network-plan.ts";
import { type EpochLink, ProvedSets } from "../../sdk/epoch-chain.ts";

import { SkippingSets, skipEpochs } from "../../sdk/epoch-skips.ts";

export interface EpochChainCost {
  readonly epochs: number;
  /** Bytes of the links as JSON in UTF-8. */
  readonly bytes: number;
  /** Processor time to prove the last set from the genesis, ms. */
  readonly proveMs: number;
  /** The same for a verifier that takes skips. */
  readonly skipping: { readonly links: number; readonly bytes: number; readonly proveMs: number };
}

export interface EpochChainOptions {
  readonly validators: number;
  /** The numbers of epochs that are measured, ascending. */
  readonly epochs: readonly number[];
  /** After so many epochs a key is replaced each time. With 0 none ever is. */
  readonly replaceEvery: number;
}

const BLOCKS_PER_EPOCH = 64n;

export function measureEpochChains(
  { validators, epochs, replaceEvery }: EpochChainOptions,
  signal: AbortSignal,
): readonly EpochChainCost[] {
  const maker = new LinkMaker(validators, replaceEvery);
  const { genesis, genesisHash } = maker;
  const links: EpochLink[] = [];
  const trusted = { genesis, genesisHash, validators: maker.first };
  return epochs.map((count) => {
    while (links.length < count) {
      signal.throwIfAborted();
      links.push(maker.next());
    }
    const whole = links.slice(0, count);
    const few = skipEpochs(whole, trusted);
    prove(new ProvedSets(trusted), whole.slice(0, WARM_LINKS));
    prove(new SkippingSets(trusted), few.slice(0, WARM_LINKS));
    return {
      epochs: count,
      bytes: bytesOf(whole),
      proveMs: prove(new ProvedSets(trusted), whole),
      skipping: {
        links: few.length,
        bytes: bytesOf(few),
        proveMs: prove(new SkippingSets(trusted), few),
      },
    };
  });
}

const bytesOf = (links: readonly EpochLink[]) => Buffer.byteLength(JSON.stringify(links));

/** @returns ms of processor time */
function prove(sets: ProvedSets, links: readonly EpochLink[]): number {
  const before = process.cpuUsage();
  for (const link of links) assert(sets.extend(link).ok, "a link that was made here holds");
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** So that the code is compiled. */
const WARM_LINKS = 100;

/** Makes the links of one chain, epoch by epoch. */
class LinkMaker {
  readonly genesis: ReturnType<typeof planNetwork>["genesis"];
  readonly genesisHash: Hash;
  readonly first: ValidatorSet;
  readonly #zero: BlockHead;
  readonly #signers = new Map<string, Signer>();
  #set: ValidatorSet;

  readonly #replaceEvery: number;

  constructor(validators: number, replaceEvery: number) {
    this.#replaceEvery = replaceEvery;
    const plan = planNetwork({ ...DEVNET, validators }, secretsFromSeed("bench"));
    this.genesis = plan.genesis;
    this.genesisHash = computeGenesisHash(plan.genesis);
    this.#zero = executeGenesis(plan.genesis).block;
    for (const { seed } of plan.validators) this.#add(createSigner(seed));
    this.first = createValidatorSet(0n, plan.genesis.validators);
    this.#set = this.first;
  }

  next(): EpochLink {
    const { epoch, members } = this.#set;
    const next = createValidatorSet(epoch + 1n, this.#replaced(members, epoch));
    const head = this.#head(next);
    const seal = this.#seal(head);
    this.#set = next;
    return {
      header: hex0x(encodeHeader(head.header)),
      summary: hex0x(encodeSummary(head.summary)),
      seal: hex0x(seal),
      members: next.members.map(({ name, publicKey, account }) => ({
        name,
        publicKey: hex0x(publicKey),
        account: hex0x(account),
      })),
      transition: undefined,
    };
  }

  #replaced(members: readonly Validator[], epoch: bigint): readonly Validator[] {
    if (this.#replaceEvery === 0 || Number(epoch) % this.#replaceEvery !== 0) return members;
    const leaving = Math.floor(Number(epoch) / this.#replaceEvery) % members.length;
    const seed = createHash("sha256")
      .update(concatBytes(this.genesisHash, Buffer.from(`${epoch}`)))
      .digest();
    const { publicKey } = this.#add(createSigner(Uint8Array.from(seed)));
    return members.map((member, i) => (i === leaving ? { ...member, publicKey } : member));
  }

  /** The block that ends the epoch. */
  #head({ hash: nextValidatorsHash, epoch: nextEpoch }: ValidatorSet): BlockHead {
    const { epoch, hash: validatorsHash } = this.#set;
    const { header, summary } = this.#zero;
    const height = nextEpoch * BLOCKS_PER_EPOCH;
    const own = { ...summary, height, epoch, validatorsHash, nextValidatorsHash };
    return assembleBlock({ ...header, previousHash: this.genesisHash }, own, []);
  }

  #seal({ hash, summary: { height, epoch } }: BlockHead): Uint8Array {
    const { members } = this.#set;
    const signatures = members.slice(0, quorumOf(members.length).quorum).map(({ publicKey }, signer) => {
      const own = must(this.#signers.get(hex0x(publicKey)), "the key of each member was made here");
      const vote = { type: "commit", from: signer, epoch, view: 0n, height, hash } as const;
      return { signer, signature: own.sign(signingBytes(this.genesisHash, vote)) };
    });
    return encodeCommitCertificate({ view: 0n, signatures });
  }

  #add(signer: Signer): Signer {
    this.#signers.set(hex0x(signer.publicKey), signer);
    return signer;
  }
}
