/**
 * The port over a real ledger in memory: four validators' keys in one process, blocks sealed with real commit
 * certificates whenever a test says `commit()`. No consensus, no network: what the RPC layer is answered with is
 * real, what moves it is the test.
 */

import { type Address, equalBytes, type Hash, hex, utf8 } from "../../src/base/bytes.ts";
import { accept, refuse, type Verdict } from "../../src/base/fault.ts";
import { Chain } from "../../src/chain/chain.ts";
import { AcceptedSignatures } from "../../src/chain/execution/accepted-signatures.ts";
import { BlockExecution } from "../../src/chain/execution/execute.ts";
import type { PbftParameters } from "../../src/chain/genesis/consensus-parameters.ts";
import { type Genesis, validatorsOf } from "../../src/chain/genesis/genesis.ts";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../src/chain/genesis/genesis-state.ts";
import { readAccount } from "../../src/chain/modules/accounts.ts";
import { BUILT_IN_MODULES } from "../../src/chain/modules/module-set.ts";
import { encodeStateProof, hashStateKey } from "../../src/chain/state/state-proof.ts";
import { proveKey } from "../../src/chain/state/state-tree.ts";
import type { SealedBlock } from "../../src/chain/types/block.ts";
import { decodeTransaction, type SignedTransaction } from "../../src/chain/types/transaction.ts";
import type { EngineStatus } from "../../src/consensus/engine.ts";
import { encodeCommitCertificate } from "../../src/consensus/pbft/certificate.ts";
import { signingBytes } from "../../src/consensus/pbft/messages.ts";
import { pbftRules } from "../../src/consensus/pbft/rules.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { createSigner } from "../../src/crypto/keys.ts";
import { ledgerReadsOf } from "../../src/node/api/ledger-reads.ts";
import type {
  AccountAnswer,
  EvidenceView,
  NodeApi,
  NodeEvents,
  PeerView,
  RunningTimer,
  Simulation,
  StateAnswer,
  TransactionPlace,
} from "../../src/rpc/api.ts";
import type { LedgerReads } from "../../src/rpc/ledger-reads.ts";
import type { PeerMemoryApi } from "../../src/rpc/peer-memory.ts";
import type { RecentApi } from "../../src/rpc/recent-api.ts";
import type { PeerTrouble, Symptoms } from "../../src/rpc/symptoms.ts";
import { Wallet } from "../../src/sdk/client.ts";
import { MemoryKv } from "../../src/storage/memory.ts";

const signerOf = (name: string) => createSigner(sha256(utf8(`rpc test ${name}`)));
const PEERS = ["12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"];

export const alice = Wallet.fromSeed(sha256(utf8("rpc test alice")));
export const bob = Wallet.fromSeed(sha256(utf8("rpc test bob")));

export const validatorSigners = ["v0", "v1", "v2", "v3"]
  .map(signerOf)
  .sort((a, b) => (hex(a.publicKey) < hex(b.publicKey) ? -1 : 1));

export const genesis: Genesis<PbftParameters> = {
  name: "rpc-test",
  chainId: 31337n,
  timeMs: 1_700_000_000_000n,
  profile: "dev",
  consensus: { type: "pbft", checkpointInterval: 50, logWindow: 100, pipelineDepth: 1, rotationInterval: 0 },
  limits: { maxBlockBytes: 1_000_000, maxBlockTransactions: 1_000, maxTxBytes: 2_000, minFee: 0n },
  validators: validatorSigners.map(({ publicKey }, i) => ({
    name: `node${i}`,
    publicKey,
    account: publicKey,
    peerId: `12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXT${"NPQR"[i]}`,
  })),
  accounts: [
    { address: alice.address, balance: 1_000_000n },
    { address: bob.address, balance: 500n },
  ],
};

export const genesisHash = computeGenesisHash(genesis);
export const genesisText = formatGenesis(genesis);
export const chainRef = { chainId: genesis.chainId, genesisHash };

export class FakeNode implements NodeApi {
  readonly chain: Chain;
  readonly pooled: SignedTransaction[] = [];
  /** What a test may change. */
  peerList: PeerView[] = [peer(1), peer(2), peer(3)];
  validates = true;
  /** Beyond the own head, as far as f+1 validators tell. */
  believed = 0n;
  equivocations: EvidenceView[] = [];
  engineRecord: NodeEvents["consensus"][] = [];
  readonly recent: RecentApi = {
    waiting: (countMax, sender) =>
      this.pooled
        .filter(({ from }) => sender === undefined || hex(from) === hex(sender))
        .slice(0, countMax)
        .map((transaction) => ({ transaction, executable: true })),
    engineEvents: (votesMax) => this.engineRecord.slice(-votesMax),
    stagesOf: () => undefined,
    blockStagesOf: () => ({}),
  };
  storeFails = false;
  /** Thrown by the next `submit`. */
  submitThrows: Error | undefined;
  submitted = 0;
  /** How many envelopes were told to come together, by message. */
  readonly prepared: number[] = [];
  troubles: PeerTrouble[] = [];
  peerId = PEERS[0]!;
  blocked: readonly string[] = [];
  readonly #listeners = new Map<string, Set<(events: never) => void>>();

  readonly ledger: LedgerReads;

  private constructor(chain: Chain) {
    this.chain = chain;
    this.ledger = ledgerReadsOf(chain);
  }

  static async open(): Promise<FakeNode> {
    const rules = pbftRules({ genesisHash, validators: validatorsOf(genesis) });
    const signatures = new AcceptedSignatures(genesisHash);
    return new FakeNode(await Chain.open(genesis, { kv: new MemoryKv(), rules, signatures }));
  }

  /** Puts the pool into a block, seals it by `signers` and tells the events. */
  async commit(signers: readonly number[] = [0, 1, 2]): Promise<SealedBlock> {
    const { chain } = this;
    const proposal = { timeMs: chain.head.summary.timeMs + 1_000n, proposer: 0 };
    const transactions = this.pooled.splice(0);
    const block = chain.buildBlock(chain.head.hash, proposal, () => transactions, true)!;
    const sealed = { block, seal: sealBlock(block, signers) };
    const result = await chain.importBlock(sealed);
    if (result.kind !== "imported") throw new Error(JSON.stringify(result, (_, v) => `${v}`));
    const events = { sealed, receipts: chain.store.receipts(block.hash)! };
    this.emit("head", events);
    this.emit("finalized", events);
    return sealed;
  }

  emit<T extends keyof NodeEvents>(topic: T, events: NodeEvents[T]): void {
    for (const listener of [...(this.#listeners.get(topic) ?? [])]) listener(events as never);
  }

  listeners(topic: keyof NodeEvents): number {
    return this.#listeners.get(topic)?.size ?? 0;
  }

  info() {
    return {
      name: "node0",
      version: "0.1.0",
      chainId: genesis.chainId,
      genesisHash,
      consensus: "pbft" as const,
      mode: "validator" as const,
      peerId: this.peerId,
      address: validatorSigners[0]!.publicKey,
      startedAtMs: 0,
    };
  }
  snapshot() {
    return undefined;
  }

  syncing() {
    return undefined;
  }
  believedHeight() {
    const { height } = this.chain.head.summary;
    return this.believed > height ? this.believed : height;
  }
  headChangedAtMs() {
    return Date.now();
  }
  async checkStore() {
    if (this.storeFails) throw new Error("disk on fire");
  }
  async metrics() {
    return "chain_height 1\n";
  }
  genesis() {
    return JSON.parse(genesisText);
  }

  modules() {
    return BUILT_IN_MODULES;
  }
  moduleVersions: NodeApi["moduleVersions"] = {
    records: () => [],
    troubles: () => [],
    fileOf: () => undefined,
  };
  head() {
    return this.chain.head;
  }
  finalized() {
    return this.chain.head;
  }
  chainMode() {
    return { kind: "final" as const };
  }
  mining() {
    return undefined;
  }
  membership() {
    return undefined;
  }
  peerMemory(): PeerMemoryApi | undefined {
    return undefined;
  }
  async heightOf(hash: Hash) {
    return this.chain.store.head(hash)?.summary.height;
  }
  readSettled: NodeApi["readSettled"] = async (read) => ({ value: await read() });
  async headAt(height: bigint) {
    const hash = this.chain.store.hashAt(height);
    return hash && this.chain.store.head(hash);
  }
  storage() {
    const { store } = this.chain;
    return { mode: "archive" as const, firstHeight: store.firstHeight(), lowestBody: store.lowestBody() };
  }
  async sealedBlockAt(height: bigint) {
    return this.chain.sealedBlockAt(height);
  }
  async receiptsAt(height: bigint) {
    const hash = this.chain.store.hashAt(height);
    return hash && this.chain.store.receipts(hash);
  }
  eventIndex(): ReturnType<NodeApi["eventIndex"]> {
    return undefined;
  }
  describeSeal: NodeApi["describeSeal"] = (head, seal) => this.chain.rules.describeSeal(head, seal);

  async findTransaction(id: Hash): Promise<TransactionPlace | undefined> {
    const transaction = this.pooled.find((tx) => equalBytes(tx.id, id));
    if (transaction !== undefined) return { status: "pending", transaction };
    const place = await this.chain.store.findTransaction(id);
    const height = place && this.chain.store.head(place.blockHash)!.summary.height;
    return place && { status: "included", height: height!, index: place.index };
  }

  roomAfterMs(): number {
    return 1_000;
  }

  prepare(envelopes: readonly Uint8Array[]): undefined {
    this.prepared.push(envelopes.length);
  }

  submit(bytes: Uint8Array): Verdict<Hash> {
    this.submitted++;
    if (this.submitThrows !== undefined) throw this.submitThrows;
    const decoded = decodeTransaction(bytes, genesis.limits.maxTxBytes);
    if (!decoded.ok) return decoded;
    const tx = decoded.value;
    if (this.pooled.some((other) => equalBytes(other.id, tx.id)))
      return refuse("TX_DUPLICATE", "in the pool");
    const { pendingNonce } = this.account(tx.from);
    if (tx.nonce < pendingNonce) {
      return refuse("TX_NONCE_TOO_LOW", `nonce ${tx.nonce}, the account expects ${pendingNonce}`);
    }
    this.pooled.push(tx);
    return accept(tx.id);
  }

  simulate(bytes: Uint8Array): Verdict<Simulation> {
    const decoded = decodeTransaction(bytes, genesis.limits.maxTxBytes);
    if (!decoded.ok) return decoded;
    const execution = new BlockExecution(this.chain.committed, {
      height: this.head().summary.height + 1n,
      timeMs: 0n,
      feeRecipient: alice.address,
      rules: { chainId: genesis.chainId, minFee: 0n },
      signatureIsValid: () => true,
    });
    const refused = execution.run(decoded.value);
    if (refused !== undefined) return { ok: false, fault: refused };
    return accept({ receipt: execution.receipts[0]!, module: decoded.value.module, at: this.head() });
  }

  pool() {
    const { length } = this.pooled;
    return {
      transactions: length,
      bytes: 0,
      executable: length,
      queued: 0,
      transactionsMax: 100,
      bytesMax: 1_000,
    };
  }

  account(address: Address): AccountAnswer {
    const account = readAccount(this.chain.committed, address) ?? { balance: 0n, nonce: 0n };
    const own = this.pooled.filter((tx) => equalBytes(tx.from, address));
    return { account, pendingNonce: account.nonce + BigInt(own.length), at: this.head() };
  }

  async state(key: Uint8Array, prove: boolean): Promise<StateAnswer> {
    const { chain } = this;
    const value = chain.committed.get(key);
    const seal = chain.sealedBlockAt(chain.head.summary.height)!.seal;
    const proof = prove
      ? { bytes: encodeStateProof(proveKey(chain.committed, hashStateKey(key))), seal }
      : undefined;
    return { value, at: chain.head, proof };
  }

  engine(): EngineStatus | undefined {
    if (!this.validates) return undefined;
    const lastCommitted = this.head().summary.height;
    return {
      type: "pbft",
      epoch: 0n,
      view: 0n,
      primary: 0,
      self: 0,
      mode: "normal",
      attempt: 1,
      timers: [{ name: "request", delayMs: 4_000 }],
      waitingFor: { kind: "height", height: lastCommitted + 1n },
      viewChanges: [{ view: 1n, from: [2] }],
      haltReason: undefined,
      recovery: undefined,
      lowWatermark: 0n,
      highWatermark: 200n,
      lastCommitted,
      stableCheckpoint: 0n,
      lastPrepared: lastCommitted + 1n,
      n: 4,
      f: 1,
      quorum: 3,
      slots: [
        {
          height: lastCommitted + 1n,
          view: 0n,
          hash: this.head().hash,
          phase: "prepared",
          prepares: [1, 2],
          commits: [0],
        },
      ],
      checkpoints: [{ height: 100n, from: [0, 1] }],
      lastSeen: [0, 1, 2, 3].map(() => ({ height: lastCommitted, view: 2n ** 63n, inViewChange: false })),
    };
  }
  engineTimers(): readonly RunningTimer[] {
    return this.validates ? [{ name: "request", dueInMs: 3_000, lengthMs: 4_000 }] : [];
  }
  validators() {
    return validatorsOf(genesis);
  }
  awaySinceMs() {
    return undefined;
  }
  silentSinceMs(): number | undefined {
    return undefined;
  }
  symptoms(): Symptoms {
    return {
      oldestMs: undefined,
      expectsPeers: true,
      troubles: this.troubles,
      early: [],
      clockLimitMs: 5_000,
    };
  }
  evidence(countMax: number): readonly EvidenceView[] {
    return this.equivocations.slice(0, countMax);
  }
  listenAddresses() {
    return ["/ip4/127.0.0.1/tcp/30300"];
  }
  peers() {
    return this.peerList;
  }
  blockedPeers() {
    return this.blocked;
  }
  blockPeers(peerIds: readonly string[]) {
    this.blocked = peerIds;
  }

  subscribe<T extends keyof NodeEvents>(topic: T, listener: (events: NodeEvents[T]) => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener as never));
    return () => void listeners.delete(listener as never);
  }
}

/** A commit certificate of the block by the validators with these indexes, in view 0. */
export function sealBlock(
  block: SealedBlock["block"],
  signers: readonly number[],
  keys: readonly { sign(message: Uint8Array): Uint8Array }[] = validatorSigners,
): Uint8Array {
  const vote = {
    type: "commit",
    epoch: 0n,
    view: 0n,
    height: block.summary.height,
    hash: block.hash,
  } as const;
  const signatures = signers.map((signer) => ({
    signer,
    signature: keys[signer]!.sign(signingBytes(genesisHash, { ...vote, from: signer })),
  }));
  return encodeCommitCertificate({ view: 0n, signatures });
}

export function peer(validator: number | undefined): PeerView {
  return {
    peerId: PEERS[0]!,
    name: `node${validator}`,
    address: "/ip4/127.0.0.1/tcp/30301",
    direction: "outbound",
    validator,
    connectedAtMs: 1_700_000_000_000,
    latencyMs: 0.4,
    bytesIn: 1,
    bytesOut: 2,
    height: 0n,
  };
}
