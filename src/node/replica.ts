/**
 * A replica: a whole node without its I/O. Chain, pool, engine with its driver, rumors and repair, joined over ports;
 * the same class runs over libp2p and LevelDB, and in memory on virtual time. It only carries what one says to others.
 */
import { must } from "../base/assert.ts";
import { equalBytes, showHash } from "../base/bytes.ts";
import { type Fault, refuse, type Verdict } from "../base/fault.ts";
import { type BranchChange, Chain, type HeadChange, type ImportResult } from "../chain/chain.ts";
import { Epochs } from "../chain/epochs.ts";
import { AcceptedSignatures } from "../chain/execution/accepted-signatures.ts";
import { isFirstOf, leftBehind, reorgFields, transactionsOf } from "../chain/forks/tip-events.ts";
import { computeGenesisHash, withHoldings } from "../chain/genesis/genesis-state.ts";
import { type Block, decodeSealedBlock, type SealedBlock } from "../chain/types/block.ts";
import { KnownTransactions } from "../chain/types/known-transactions.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import type { Consensus, EngineEvent, EngineStatus, ValidatorId } from "../consensus/engine.ts";
import { selectConsensus } from "../consensus/select.ts";
import { RememberedSignatures, SignatureMeter } from "../crypto/signature-meter.ts";
import type { AdmissionCode } from "../mempool/admission.ts";
import { Mempool } from "../mempool/mempool.ts";
import type { ImportOutcome, SyncProgress } from "../p2p/sync/catch-up.ts";
import { announcementOf, encodeAnnouncement } from "../p2p/transport/wire.ts";
import type { RunningTimer } from "../rpc/api.ts";
import { AccountsAtHead } from "./accounts-at-head.ts";
import { isFarBehind } from "./assembly/anti-entropy-ports.ts";
import { EventTopic as Emitter } from "./assembly/event-topic.ts";
import { onlyOnce } from "./assembly/fatal.ts";
import { assembleFinal } from "./assembly/final.ts";
import { assembleForkable } from "./assembly/forkable.ts";
import { miningRefusal } from "./assembly/mining-refusal.ts";
import type { ModeContext, ModeParts } from "./assembly/mode-parts.ts";
import { acceptTransitions, budgetsOf, checkKey, type OpenedParts } from "./assembly/replica-parts.ts";
import { createVoting } from "./assembly/voting-parts.ts";
import { Watches } from "./assembly/watches.ts";
import type { IncomingMail } from "./ingress/incoming-mail.ts";
import { createIncomingMail } from "./ingress/mail-ingress.ts";
import { PassedOn } from "./ingress/passed-on.ts";
import { judgeRumor, judgeTransactions, type RumorPorts } from "./ingress/rumors.ts";
import { SignaturesAhead } from "./ingress/signatures-ahead.ts";
import type { WorkBudgets } from "./ingress/work-budget.ts";
import { logLineOf } from "./metrics/engine-log.ts";
import type { MessageCounts } from "./metrics/message-counts.ts";
import { Presence } from "./metrics/presence.ts";
import { logFromPeer } from "./metrics/transaction-log.ts";
import type { PeerView } from "./ports.ts";
import type { MiningOrder, ReplicaEvents, ReplicaOptions, ReplicaPorts } from "./replica-ports.ts";
import { checkConvergence } from "./state-divergence.ts";
import { EvidenceStore } from "./votes/evidence-store.ts";
import { WatermarkedVotes } from "./votes/journal-watermark.ts";
import { Seats } from "./votes/seats.ts";
import type { Voting } from "./votes/voting.ts";
import { proposes } from "./votes/voting-ports.ts";

export class Replica {
  readonly chain: Chain;
  readonly pool: Mempool;
  readonly consensus: Consensus;
  readonly signatures: AcceptedSignatures;
  readonly evidence: EvidenceStore;
  /** What the mail of each validator may cost. */
  readonly budgets: WorkBudgets;
  /** Who of the validators is away, and since when. */
  readonly presence: Presence;
  readonly events: ReplicaEvents = {
    heads: new Emitter(),
    reorgs: new Emitter(),
    pool: new Emitter(),
    ownBlocks: new Emitter(),
    engine: new Emitter(),
    epochs: new Emitter(),
  };
  readonly #ports: ReplicaPorts;
  readonly voting: Voting;
  readonly seats: Seats;
  readonly #parts: ModeParts;
  /** What waited for an earlier nonce, can run now, and is yet to be published. */
  readonly #waited: SignedTransaction[] = [];
  readonly #mail: IncomingMail;
  readonly #passedOn = new PassedOn();
  readonly #rumors: RumorPorts;
  readonly ahead: SignaturesAhead;
  readonly watches: Watches;
  readonly votes: WatermarkedVotes;
  #mining: MiningOrder;
  #stopped = false;

  private constructor(options: ReplicaOptions, ports: ReplicaPorts, parts: OpenedParts) {
    this.#ports = { ...ports, fatal: onlyOnce(ports.fatal) };
    const made = () => ({ voting: this.voting, repair: this.#parts.repair });
    this.watches = new Watches(parts.chain, this.#ports, options, made);
    this.votes = parts.votes;
    this.#mining = options.mining ?? { isOn: false, rewardTo: undefined };
    this.chain = parts.chain;
    this.consensus = parts.consensus;
    this.signatures = parts.signatures;
    this.evidence = parts.evidence;
    this.presence = new Presence(
      () => ports.network.peers(),
      () => ports.scheduler.now(),
    );
    this.seats = parts.seats;
    this.budgets = budgetsOf(parts, ports.scheduler);
    this.pool = new Mempool(
      { genesis: options.genesis, ...options.pool },
      {
        head: new AccountsAtHead(this.chain),
        signatures: parts.signatures,
        listener: (events) => {
          this.#passedOn.poolChanged(events);
          for (const event of events) this.events.pool.emit(event);
        },
        becameExecutable: (transactions) => this.#waited.push(...transactions),
      },
    );
    this.ahead = new SignaturesAhead(this, ports);
    parts.known.answerBy(this.pool);
    this.chain.onFailure((error) => this.#ports.fatal(error));
    this.voting = this.#createVoting(options);
    this.#parts = this.#assemble(options, ports);
    this.#mail = createIncomingMail({
      chain: this.chain,
      scheduler: ports.scheduler,
      budgets: this.budgets,
      presence: this.presence,
      voting: () => this.voting,
      admit: (envelope) => this.#admit(envelope),
      importBlock: (sealed, peerId) => this.#importFrom(sealed, peerId),
    });
    this.#rumors = {
      ...{ pool: this.pool, passedOn: this.#passedOn },
      admitTogether: (envelopes) => this.#admitTogether(envelopes),
      fromPeer: (peerId, transaction) => logFromPeer(ports.log, peerId, transaction),
      brought: (peerId) => ports.network.brought?.(peerId, "transaction"),
      judgeBlock: (peer, announcement) => this.#parts.judgeBlock(peer, announcement),
      judgeEvidence: (peer, evidence) => this.evidence.judge(peer, evidence),
    };
    this.chain.onHeadChange((change) => this.#headChanged(change));
  }

  /**
   * Opens the ledger and joins the parts; starts nothing.
   * @throws StartError `amnesia`: the journal is short of what the database says was durable.
   * @throws Error when the database or the key does not fit the genesis.
   */
  static async open(options: ReplicaOptions, ports: ReplicaPorts): Promise<Replica> {
    const { signer, signatureRules, branches, rulesKnown } = options;
    const known = new KnownTransactions();
    const genesis = withHoldings(options.genesis, known);
    const genesisHash = computeGenesisHash(genesis);
    const meter = new SignatureMeter(signatureRules);
    const epochs = new Epochs(genesis, ports.kv, options.transitions);
    const sources = { signatureRules: new RememberedSignatures(meter), epochs };
    const consensus = selectConsensus(genesis, genesisHash, sources);
    const signatures = AcceptedSignatures.of(consensus.rules, genesisHash, meter);
    if (signer !== undefined) checkKey(signer, consensus);
    const seats = new Seats(consensus.validators);
    const votes = new WatermarkedVotes(signer, ports.journal);
    const dependencies = { kv: ports.kv, rules: consensus.rules, signatures, stamp: () => votes.stamp() };
    const now = () => ports.scheduler.now();
    const chain = await Chain.open(genesis, { ...dependencies, now, branches, rulesKnown });
    const records = options.recoversAmnesia === true ? [] : (ports.journal?.records ?? []);
    const otherSide = () => consensus.changing?.otherSide(records);
    const accepting = { kv: ports.kv, store: chain.store, epochs };
    await acceptTransitions(options.transitions ?? [], accepting, otherSide);
    if (options.recoversAmnesia !== true) votes.check(chain.store.lastStamp());
    const publish = (bytes: Uint8Array) => ports.network.publish("evidence", bytes);
    const evidence = await EvidenceStore.open({ ...ports, consensus, publish });
    return new Replica(options, ports, {
      chain,
      consensus,
      signatures,
      meter,
      evidence,
      seats,
      known,
      votes,
    });
  }

  /** Starts network, engine and repair. */
  async start(): Promise<void> {
    (await this.voting.ready())();
    if (this.#mining.isOn) this.orderMining(this.#mining);
    this.#parts.start();
    this.watches.start();
    this.presence.start();
    await this.#ports.network.start({
      mailReceived: (peerId, author, bytes) => this.#mail.receive(peerId, author, bytes),
      mailAnnounced: (_, author, message) => this.#mail.announced(author, message),
      rumorReceived: (topic, peerId, bytes) => judgeRumor(this.#rumors, topic, peerId, bytes),
      transactionsReceived: (batches) => judgeTransactions(this.#rumors, batches),
      transactionsAhead: (batches) => this.ahead.judge(batches.flatMap(({ envelopes }) => envelopes)),
      requestReceived: (peer, bytes) => this.watches.answer(bytes) ?? this.#parts.repair.answer(peer, bytes),
      peerConnected: (peerId, lowest) => {
        this.presence.connected(peerId);
        this.#parts.repair.peerConnected(peerId, lowest);
      },
      peerDisconnected: (peerId) => {
        this.presence.disconnected(peerId);
        this.#parts.repair.peerDisconnected(peerId);
      },
    });
  }

  /** Stops in the reverse order; the ledger is settled when it resolves. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#mail.stop();
    this.watches.stop();
    this.#parts.stop();
    this.#ports.miner?.stop();
    await this.voting.stop();
    await this.#ports.network.stop();
    await this.chain.settled();
    await this.evidence.settled();
  }

  /** Takes a transaction of a user. On success it is in the pool and, once it can run, on its way to the others. */
  submit(envelope: Uint8Array): Verdict<SignedTransaction, AdmissionCode | "SYNCING"> {
    if (this.#stopped) return refuse("SYNCING", "the node is stopping; send it to another");
    return this.#admit(envelope, true);
  }

  /** @returns undefined when the order was taken. */
  orderMining(order: MiningOrder): Fault<"WRONG_CONSENSUS" | "NO_COINBASE"> | undefined {
    const refused = miningRefusal(this.chain, this.#ports.miner, order);
    if (refused !== undefined) return refused;
    this.#mining = order;
    this.voting.input({ kind: "mining-switched", isOn: order.isOn });
    return undefined;
  }

  get mining(): MiningOrder {
    return this.#mining;
  }

  /** The engine's status. A full node has none, nor one where nobody votes. */
  engineStatus(): EngineStatus | undefined {
    return this.voting.status();
  }

  /** The engine's timers that run; a full node has none. */
  engineTimers(): readonly RunningTimer[] {
    return this.voting.timers();
  }

  messageCounts(): MessageCounts | undefined {
    return this.voting.votes ? this.voting.counts : undefined;
  }

  syncProgress(): SyncProgress | undefined {
    return this.#parts.repair.progress();
  }

  /** The lowest block that peers have which are ahead, where all of these have pruned the next one. */
  lowestOffered(): bigint | undefined {
    return this.#parts.repair.lowestOffered();
  }

  /** The height that this node has reason to believe (believed-height.ts), or undefined where it has none. */
  believedHeight(): bigint | undefined {
    return this.#parts.believedHeight();
  }

  /** The peers, each validator by its index in the set of this epoch. */
  seatedPeers(): readonly PeerView[] {
    return this.#ports.network.peers().map((peer) => {
      const validator = peer.validator === undefined ? undefined : this.seats.indexOf(peer.validator);
      return validator === peer.validator ? peer : { ...peer, validator };
    });
  }

  #admit(envelope: Uint8Array, isFromUser = false): Verdict<SignedTransaction, AdmissionCode> {
    const added = this.pool.add(envelope, this.#ports.scheduler.now());
    if (isFromUser && added.ok && this.pool.isExecutable(added.value)) this.#waited.unshift(added.value);
    this.#admitted(added.ok);
    return added;
  }

  #admitTogether(envelopes: readonly Uint8Array[]): readonly Verdict<SignedTransaction, AdmissionCode>[] {
    const added = this.pool.addTogether(envelopes, this.#ports.scheduler.now());
    this.#admitted(added.some(({ ok }) => ok));
    return added;
  }

  /** Is called after an offer to the pool: what can run now leaves, and the engine is told. */
  #admitted(isAnyNew: boolean): void {
    this.#publishWaited();
    if (isAnyNew && this.pool.executable > 0) this.voting.poolChanged();
  }

  #publishWaited(): void {
    for (const transaction of this.#waited.splice(0)) {
      this.#passedOn.transaction(transaction);
      this.#ports.network.publish("transactions", transaction.bytes);
    }
  }

  #headChanged(change: HeadChange): void {
    const { sealed } = change;
    const { summary, hash, transactions } = sealed.block;
    if (isFirstOf(change)) this.#branchChanged(must(change.reorg, "the first block carries its change"));
    else this.pool.headChanged(new AccountsAtHead(this.chain), transactions, this.#ports.scheduler.now());
    this.#publishWaited();
    const { log, network } = this.#ports;
    if (this.#parts.isOwn(change)) network.publish("blocks", encodeAnnouncement(announcementOf(sealed)));
    const fields = { height: summary.height, txs: transactions.length, hash: showHash(hash) };
    const more = this.consensus.rules.logFields(sealed.block, sealed.seal);
    log.log("info", "chain", "committed", { ...fields, ...more });
    this.events.heads.emit(change);
    if (equalBytes(hash, this.chain.head.hash))
      this.voting.headChanged({ head: sealed.block, seal: sealed.seal });
  }

  /** The index in the set of this epoch. A full node has none. */
  get self(): ValidatorId | undefined {
    return this.voting.self;
  }

  /** What the abandoned blocks held goes back into the pool, as far as it is still valid. */
  #branchChanged(change: BranchChange): void {
    const left = leftBehind(change);
    const entered = transactionsOf(change.entered);
    const head = new AccountsAtHead(this.chain);
    const returned = this.pool.headReplaced(head, left, entered, this.#ports.scheduler.now());
    this.#parts.reorganised(left);
    this.#ports.log.log("warn", "chain", "REORG", { ...reorgFields(change), txs: left.length, returned });
    this.events.reorgs.emit(change);
  }

  async #importBytes(bytes: Uint8Array, peerId: string): Promise<ImportOutcome> {
    const decoded = decodeSealedBlock(bytes, this.chain.genesis.limits);
    return decoded.ok ? this.#importFrom(decoded.value, peerId) : "invalid";
  }

  async #importFrom(sealed: SealedBlock, peerId: string): Promise<ImportOutcome> {
    const result = await this.#import(sealed);
    if (result?.kind === "invalid") this.watches.refused(sealed.block, peerId, result.fault);
    return result?.kind ?? "known";
  }

  /** Hands a block to the chain; a disk error or a safety violation stops the node. */
  async #import(sealed: SealedBlock): Promise<ImportResult | undefined> {
    if (this.#stopped) return undefined;
    try {
      const result = await this.chain.importBlock(sealed, "peer");
      checkConvergence(this.chain.mode, sealed.block, result);
      return result;
    } catch (error) {
      this.#ports.fatal(error);
      return undefined;
    }
  }

  /** What depends on the mode of the chain. */
  #assemble(options: ReplicaOptions, ports: ReplicaPorts): ModeParts {
    const { chain, pool, signatures, seats } = this;
    const context: ModeContext = {
      ...{ chain, pool, signatures, ports },
      validatorCount: () => seats.validators.members.length,
      seatedPeers: () => this.seatedPeers(),
      isProposer: (head) => proposes(this.consensus, head, options.signer),
      transitions: this.watches.transitions,
      passedOn: this.#passedOn,
      intervalMs: options.syncIntervalMs,
      isMember: () => this.self !== undefined,
      importFetched: (bytes, peerId) => this.#importBytes(bytes, peerId),
      importAnnounced: async (sealed) => void (await this.#import(sealed)),
      admit: (envelope) => this.#admit(envelope),
    };
    return chain.mode.kind === "final"
      ? assembleFinal(context)
      : assembleForkable(context, chain.mode.branches);
  }

  #createVoting(options: ReplicaOptions): Voting {
    const { consensus, chain, seats, pool, budgets, evidence, presence } = this;
    return createVoting(options, {
      ...{ consensus, chain, seats, pool, budgets, evidence, presence, ports: this.#ports },
      requestSync: (height) => this.#parts.repair.syncNow(height),
      announce: (event) => this.#announce(event),
      rewardTo: () => this.#mining.rewardTo,
      mine: (block) => this.#mine(block),
      ownBlock: (block, refused) => this.events.ownBlocks.emit({ block, refused }),
      entered: (epoch) => this.events.epochs.emit(epoch),
    });
  }

  #mine(block: Block): void {
    if (isFarBehind(this.syncProgress())) return; // the engine comes back with a newer template
    this.#ports.miner?.mine(block, (solved) => this.voting.input({ kind: "block-mined", block: solved }));
  }

  #announce(event: EngineEvent): void {
    const { log, scheduler } = this.#ports;
    const line = logLineOf(event, this.self);
    if (line !== undefined) log.log(line.level, "pbft", line.message, line.fields);
    this.events.engine.emit({ atMs: scheduler.now(), event });
  }
}
