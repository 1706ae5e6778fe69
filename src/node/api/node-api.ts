/**
 * The node as JSON-RPC sees it: rpc/api.ts on top of a replica. It only reads and translates, since rules are
 * the replica's.
 *
 * This folder: the node as rpc/api.ts wants it, a file for each part of that port. Not here: shapes and words (rpc).
 */
import { must } from "../../base/assert.ts";
import type { Address, Hash } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import { type Logger, SILENT } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import { readAssumedHistory } from "../../chain/assumed-history.ts";
import type { HeadChange } from "../../chain/chain.ts";
import { modulesOn } from "../../chain/execution/modules-in-force.ts";
import { readAccount } from "../../chain/modules/accounts.ts";
import type { ModuleSet } from "../../chain/modules/module-set.ts";
import type { SealView } from "../../chain/rules.ts";
import { encodeStateProof, hashStateKey } from "../../chain/state/state-proof.ts";
import { proveKey } from "../../chain/state/state-tree.ts";
import type { BlockHead, SealedBlock } from "../../chain/types/block.ts";
import type { ValidatorSet } from "../../chain/types/validator-set.ts";
import type { EngineStatus, ValidatorId } from "../../consensus/engine.ts";
import type { Discovery } from "../../p2p/discovery/discovery.ts";
import type {
  AccountAnswer,
  BlockEvent,
  EvidenceView,
  NodeApi,
  NodeEvents,
  NodeInfo,
  PeerView,
  PoolStatus,
  RunningTimer,
  Simulation,
  StateAnswer,
  StorageView,
  Syncing,
  TransactionPlace,
} from "../../rpc/api.ts";
import type { ChainModeApi } from "../../rpc/chain-mode-api.ts";
import type { EventIndexApi } from "../../rpc/event-index-api.ts";
import type { JoiningApi } from "../../rpc/joining.ts";
import type { MembershipApi } from "../../rpc/membership.ts";
import type { MiningApi } from "../../rpc/mining-api.ts";
import type { ModulesApi } from "../../rpc/modules-api.ts";
import type { OperatorApi } from "../../rpc/operator-api.ts";
import type { PeerMemoryApi } from "../../rpc/peer-memory.ts";
import type { SnapshotsApi } from "../../rpc/snapshots-api.ts";
import type { PeerTrouble, SignerStanding, Symptoms } from "../../rpc/symptoms.ts";
import { EventTopic } from "../assembly/event-topic.ts";
import type { Network } from "../ports.ts";
import type { Replica } from "../replica.ts";
import { readSettled } from "../settled-reads.ts";
import { isOnChain } from "./branches-api.ts";
import { DecodedBlocks } from "./decoded-blocks.ts";
import { ledgerReadsOf, maturingOf } from "./ledger-reads.ts";
import { ReplicaMembership } from "./membership-api.ts";
import { NetworkMemory } from "./peer-memory-api.ts";
import { ReplicaRecent } from "./recent-api.ts";
import { DROPPED_AS, type ShownMode, shownModeOf } from "./shown-mode.ts";
import { symptomsOf } from "./symptoms.ts";
import { UserTransactions } from "./user-transactions.ts";

export interface ReplicaApiOptions {
  readonly info: Omit<NodeInfo, "chainId" | "genesisHash" | "consensus" | "address">;
  /** The parsed genesis.json. */
  readonly genesisJson: unknown;
  /** The account that receives this node's fees. */
  readonly address: Address | undefined;
  /** Blocks on top that make one final, where finality is not instant: config `finality_depth`. */
  readonly finalityDepth?: number;
  /** Why the node only shows what it has; it works if left out. */
  readonly paused?: () => string;
  /** The signer that holds the validator's key. */
  readonly signer?: () => SignerStanding;
  /** The mode of storage as it is configured. Left out, it is an archive. */
  readonly storageMode?: StorageView["mode"];
  /** Others belong to the network: false if left out. */
  readonly expectsPeers?: boolean;
  /** After how many ms an empty block is due; left out, none ever is. */
  readonly emptyBlocksMs?: number | undefined;
}

export interface ReplicaApiPorts extends Partial<SnapshotsApi> {
  readonly replica: Replica;
  readonly network: Pick<Network, "peers"> & {
    readonly addresses: readonly string[];
    readonly blocked: readonly string[];
    block(peerIds: readonly string[]): void;
    /** Why known peers are not connected; left out where that is not known. */
    troubles?(): readonly PeerTrouble[];
    /** What finds peers, where strangers are let in. */
    readonly discovery?: Discovery | undefined;
  };
  readonly scheduler: Scheduler;
  readonly renderMetrics: () => Promise<string>;
  /** Told when a block that was called final is abandoned; silent if left out. */
  readonly log?: Logger;
  /** Left out on a node that keeps none. */
  readonly eventIndex?: EventIndexApi | undefined;
  /** Left out on a node that cannot mine. */
  readonly mining?: MiningApi;
  /** Left out by a node without a home. */
  readonly joining?: JoiningApi;
  readonly operator?: OperatorApi | undefined;
}

export class ReplicaApi implements NodeApi {
  readonly #options: ReplicaApiOptions;
  readonly #ports: ReplicaApiPorts;
  readonly #mode: ShownMode;
  readonly #decoded: DecodedBlocks;
  readonly #heads = new EventTopic<BlockEvent>();
  readonly recent: ReplicaRecent;
  readonly #userTransactions: UserTransactions;
  readonly snapshot: SnapshotsApi["snapshot"];
  readonly ledger: NodeApi["ledger"];
  #chainFailed = false;
  #headChangedAtMs: number;

  constructor(options: ReplicaApiOptions, ports: ReplicaApiPorts) {
    const { replica, scheduler, log = SILENT } = ports;
    const { chain, events } = replica;
    this.#options = options;
    this.#ports = ports;
    this.#headChangedAtMs = scheduler.now();
    const mode = shownModeOf({ chain, log, now: () => scheduler.now() }, options.finalityDepth);
    this.#mode = mode;
    this.#decoded = new DecodedBlocks(chain);
    if (mode.kind === "forkable") events.reorgs.subscribe((change) => mode.finality.branchChanged(change));
    events.heads.subscribe((change) => this.#headChanged(change));
    this.recent = new ReplicaRecent(replica, () => scheduler.now());
    this.#userTransactions = new UserTransactions(replica, this.recent, () => scheduler.now(), log);
    this.snapshot = ports.snapshot ?? (() => undefined);
    this.ledger = ledgerReadsOf(chain);
    this.#chain.onFailure(() => {
      this.#chainFailed = true;
    });
  }

  info(): NodeInfo {
    const { chain, consensus } = this.#ports.replica;
    const { info, address } = this.#options;
    const { chainId } = chain.genesis;
    return { ...info, chainId, genesisHash: chain.genesisHash, consensus: consensus.rules.name, address };
  }

  syncing(): Syncing | undefined {
    return this.#ports.replica.syncProgress();
  }

  believedHeight(): bigint {
    const { height } = this.#chain.head.summary;
    const believed = this.#ports.replica.believedHeight() ?? 0n;
    return believed > height ? believed : height;
  }

  headChangedAtMs(): number {
    return this.#headChangedAtMs;
  }

  async checkStore(): Promise<void> {
    const { paused } = this.#options;
    if (paused !== undefined) throw new Error(paused());
    if (this.#chainFailed) throw new Error("the chain cannot be written");
    this.#chain.store.headHash();
  }

  metrics(): Promise<string> {
    return this.#ports.renderMetrics();
  }

  genesis(): unknown {
    return this.#options.genesisJson;
  }

  modules(): ModuleSet {
    return modulesOn(this.#chain.genesis, this.#chain.committed).set;
  }

  get moduleVersions(): ModulesApi {
    return this.#ports.replica.watches.modules;
  }

  head(): BlockHead {
    return this.#chain.head;
  }

  finalized(): BlockHead {
    return this.#mode.kind === "final" ? this.#chain.head : this.#mode.finality.head;
  }

  chainMode(): ChainModeApi {
    const mode = this.#mode;
    if (mode.kind === "final") return mode;
    return { kind: "forkable", branches: mode.branches, finalityDepth: mode.finality.depth };
  }

  mining(): MiningApi | undefined {
    return this.#mode.kind === "final" ? undefined : this.#ports.mining;
  }

  async heightOf(hash: Hash): Promise<bigint | undefined> {
    const height = this.#chain.store.head(hash)?.summary.height;
    return height !== undefined && isOnChain(this.#chain, hash, height) ? height : undefined;
  }

  async readSettled<T>(read: () => T | Promise<T>): Promise<{ readonly value: T } | undefined> {
    if (this.#mode.kind === "final") return { value: await read() };
    const { scheduler } = this.#ports;
    return readSettled({ moves: this.#chain.headMoves, scheduler }, read);
  }

  async headAt(height: bigint): Promise<BlockHead | undefined> {
    const hash = this.#chain.store.hashAt(height);
    return hash === undefined ? undefined : this.#chain.store.head(hash);
  }

  async sealedBlockAt(height: bigint): Promise<SealedBlock | undefined> {
    return this.#decoded.at(height);
  }

  storage(): StorageView {
    const { store } = this.#chain;
    const { storageMode: mode = "archive" } = this.#options;
    const assumed = readAssumedHistory(store.kv);
    return { mode, firstHeight: store.firstHeight(), lowestBody: store.lowestBody(), assumed };
  }

  async receiptsAt(height: bigint): Promise<readonly Uint8Array[] | undefined> {
    const hash = this.#chain.store.hashAt(height);
    return hash === undefined ? undefined : this.#chain.store.receipts(hash);
  }

  eventIndex(): EventIndexApi | undefined {
    return this.#ports.eventIndex;
  }

  describeSeal(head: BlockHead, seal: Uint8Array): SealView {
    return this.#chain.rules.describeSeal(head, seal);
  }

  async findTransaction(id: Hash): Promise<TransactionPlace | undefined> {
    const { pool } = this.#ports.replica;
    const place = await this.#chain.store.findTransaction(id);
    const height = place === undefined ? undefined : this.#chain.store.head(place.blockHash)?.summary.height;
    if (place !== undefined && height !== undefined)
      return { status: "included", height, index: place.index };
    const transaction = pool.get(id);
    return transaction === undefined ? undefined : { status: "pending", transaction };
  }

  submit(bytes: Uint8Array): Verdict<Hash> {
    return this.#userTransactions.submit(bytes);
  }

  prepare(envelopes: readonly Uint8Array[]): Promise<number> | undefined {
    return this.#userTransactions.prepare(envelopes);
  }

  roomAfterMs(): number {
    return this.#userTransactions.retryAfterMs();
  }

  simulate(bytes: Uint8Array): Verdict<Simulation> {
    return this.#userTransactions.simulate(bytes);
  }

  pool(): PoolStatus {
    return this.#ports.replica.pool.status();
  }

  account(address: Address): AccountAnswer {
    const { pool } = this.#ports.replica;
    const { head, value } = this.#chain.readAtHead((view, at) => ({
      account: readAccount(view, address),
      maturing: maturingOf(this.#chain.rules, view, at.summary.height, address),
    }));
    const { account = { balance: 0n, nonce: 0n }, maturing } = value;
    const ofPool = pool.pendingNonce(address);
    const pendingNonce = ofPool > account.nonce ? ofPool : account.nonce;
    return { account, pendingNonce, at: head, maturing };
  }

  async state(key: Uint8Array, prove: boolean): Promise<StateAnswer> {
    const { head, value } = this.#chain.readAtHead((view) => ({
      value: view.get(key),
      proof: prove ? encodeStateProof(proveKey(view, hashStateKey(key))) : undefined,
    }));
    const seal = () => must(this.#chain.store.seal(head.hash), "the head's seal was written with it");
    const proof = value.proof === undefined ? undefined : { bytes: value.proof, seal: seal() };
    return { value: value.value, at: head, proof };
  }

  engine(): EngineStatus | undefined {
    return this.#ports.replica.engineStatus();
  }

  engineTimers(): readonly RunningTimer[] {
    return this.#ports.replica.engineTimers();
  }

  awaySinceMs(validator: ValidatorId): number | undefined {
    const { self, presence, seats } = this.#ports.replica;
    return validator === self ? undefined : presence.awaySinceMs(seats.of(validator));
  }

  silentSinceMs(validator: ValidatorId): number | undefined {
    const { self, presence, seats } = this.#ports.replica;
    if (self === undefined || validator === self) return undefined;
    return presence.silentSinceMs(seats.of(validator));
  }

  symptoms(): Symptoms {
    return symptomsOf(this.#ports, this.#options);
  }

  evidence(countMax: number): readonly EvidenceView[] {
    return this.#ports.replica.evidence.list(countMax);
  }

  validators(): ValidatorSet {
    return this.#ports.replica.seats.validators;
  }

  listenAddresses(): readonly string[] {
    return this.#ports.network.addresses;
  }

  membership(): MembershipApi | undefined {
    return ReplicaMembership.of(this.#ports.replica);
  }

  get joining(): JoiningApi | undefined {
    return this.#ports.joining;
  }

  get operator(): OperatorApi | undefined {
    return this.#ports.operator;
  }

  peers(): readonly PeerView[] {
    return this.#ports.replica.seatedPeers();
  }

  blockedPeers(): readonly string[] {
    return this.#ports.network.blocked;
  }

  blockPeers(peerIds: readonly string[]): void {
    this.#ports.network.block(peerIds);
  }

  peerMemory(): PeerMemoryApi | undefined {
    const { network, scheduler } = this.#ports;
    const { discovery } = network;
    return discovery === undefined ? undefined : new NetworkMemory(discovery, () => scheduler.now());
  }

  subscribe<T extends keyof NodeEvents>(topic: T, listener: (events: NodeEvents[T]) => void): () => void {
    return this.#subscriptions[topic](listener);
  }

  /** How each kind of events is had. */
  readonly #subscriptions: {
    [T in keyof NodeEvents]: (listener: (events: NodeEvents[T]) => void) => () => void;
  } = {
    head: (listener) => this.#heads.subscribe(listener),
    finalized: (listener) => this.#finalizedTopic.subscribe(listener),
    reorg: (listener) =>
      this.#mode.kind === "final" ? () => undefined : this.#mode.finality.reorgs.subscribe(listener),
    consensus: (listener) => this.#ports.replica.events.engine.subscribe(listener),
    dropped: (listener) =>
      this.#ports.replica.events.pool.subscribe((event) => {
        if (event.kind !== "dropped" || event.reason === "included") return;
        listener({ id: event.transaction.id, reason: DROPPED_AS[event.reason] });
      }),
  };

  /** Whoever listens hears of a head before that one is called final. */
  #headChanged(change: HeadChange): void {
    this.#headChangedAtMs = this.#ports.scheduler.now();
    this.#heads.emit(change);
    if (this.#mode.kind === "final") this.#mode.finalized.emit(change);
    else this.#mode.finality.headChanged(change.sealed.block.summary.height);
  }

  get #finalizedTopic(): EventTopic<BlockEvent> {
    return this.#mode.kind === "final" ? this.#mode.finalized : this.#mode.finality.finalized;
  }

  get #chain(): Replica["chain"] {
    return this.#ports.replica.chain;
  }
}
