/**
 * This node's part in the agreement, epoch after epoch: one driver with its engine at a time. A member of an epoch
 * enters the next one when the checkpoint at its last height is stable, or when a block of a later epoch proves that
 * it was; what was voted in the epoch before is then forgotten, after the proof is durable and before anything is
 * signed. Who has entered tells whoever has not: the certificate of the epoch's end goes by mail to members from whom
 * nothing of this epoch has come, and to whoever still speaks of an earlier one.
 * Sources: pbft.md 1.12, 1.14; docs/protocol.md, "Epochs"; docs/adr/0023-02.
 */
import { must } from "../../base/assert.ts";
import { equalBytes } from "../../base/bytes.ts";
import { endsEpoch, type ValidatorSet } from "../../chain/types/validator-set.ts";
import type {
  Consensus,
  ConsensusEpochs,
  EngineStatus,
  EpochConsensus,
  Input,
  Parsed,
  SealedHead,
  Typed,
  ValidatorId,
} from "../../consensus/engine.ts";
import type { LargeMessage } from "../../p2p/network-ports.ts";
import type { RunningTimer } from "../../rpc/api.ts";
import type { OpenedLog } from "../../storage/record-log.ts";
import type { Driver } from "../driver.ts";
import type { Bill } from "../ingress/work-budget.ts";
import { type MessageCounts, noCounts } from "../metrics/message-counts.ts";
import { checkRecoverable, enoughHaveAdvertised } from "./amnesia-recovery.ts";
import {
  epochEndMail,
  epochOfMail,
  neighbouringSets,
  peersToAllow,
  readEpochEnd,
  sayMembership,
  startEpochOf,
} from "./epoch-standing.ts";
import type { Seat } from "./seats.ts";
import { isRemote } from "./validator-key.ts";
import { indexIn, type VotingOptions, type VotingPorts } from "./voting-ports.ts";

export class Voting {
  readonly counts: MessageCounts = noCounts();
  readonly #options: VotingOptions;
  readonly #ports: VotingPorts;
  readonly #changing: ConsensusEpochs | undefined;
  #journal: VotingPorts["journal"];
  #driver: Driver<Parsed, Typed> | undefined;
  /** The epoch that this node is in: where it votes, if it is a member. */
  #epoch = 0n;
  #records: readonly Uint8Array[];
  /** Members of this epoch, by index, from whom something of it has come. */
  readonly #met = new Set<ValidatorId>();
  /** Seats that were told in this interval that an epoch has ended. */
  readonly #sentTo = new Set<Seat>();
  #hinted = false;
  /** This key signs nothing until it is known which epochs it may have voted in (amnesia.ts). */
  #recovering: boolean;
  /** Peer ids that the chain admitted last. */
  #allowed = "";
  #turn: Promise<void> = Promise.resolve();
  #cancelTick: () => void = () => undefined;
  #stopped = false;

  constructor(options: VotingOptions, ports: VotingPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#changing = options.consensus.changing;
    this.#journal = ports.journal;
    this.#records = ports.journal?.records ?? [];
    this.#recovering = options.recoversAmnesia && options.signer !== undefined;
    if (this.#changing !== undefined) this.#epoch = startEpochOf(ports.chain, this.#changing);
    this.#useSeats();
    // Before the start too, so that whoever asks sees an engine.
    if (this.#changing === undefined && this.#canSign) this.#driver = this.#create(options.consensus, 0n);
  }

  /** Reads what the engine must know. @returns what starts it, at once */
  async ready(): Promise<() => void> {
    if (this.#changing === undefined) return this.#begin();
    this.#allowPeers();
    if (this.#recovering) await this.#beginRecovery(this.#changing);
    const start = await this.#enter(this.#epoch);
    return () => {
      start();
      this.#tick();
    };
  }

  /** Begins where the validators never change. */
  async #begin(): Promise<() => void> {
    if (this.#canSign) this.#driver ??= this.#create(this.#options.consensus, 0n);
    const checkpoint = await this.#ports.chain.store.lastCheckpoint();
    return () => this.#driver?.start(this.#records, checkpoint);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTick();
    await this.#driver?.stop();
    await this.#turn;
  }

  /** The signer that keeps the key and the journal can be asked: as after a start. */
  attach(journal: OpenedLog): Promise<void> {
    return this.#inTurn(async () => {
      this.#journal = journal;
      this.#records = journal.records;
      const start = this.#changing === undefined ? await this.#begin() : await this.#enter(this.#epoch);
      if (!this.#stopped) start();
    });
  }

  /** It cannot: the engine is given up, as in a crash. */
  detach(): Promise<void> {
    return this.#inTurn(async () => {
      const driver = this.#driver;
      this.#driver = undefined;
      this.#journal = undefined;
      await driver?.stop();
    });
  }

  get epoch(): bigint {
    return this.#epoch;
  }

  /** Index in the set of this epoch. Undefined for who is no member. */
  get self(): ValidatorId | undefined {
    return indexIn(this.validators, this.#options.signer);
  }

  get validators(): ValidatorSet {
    return this.#ports.seats.validators;
  }

  /** A key that may vote one day, but is in no set now. */
  get isCandidate(): boolean {
    return this.#options.signer !== undefined && this.self === undefined;
  }

  /** The epoch whose votes the journal holds, where the chain here has not reached it: until then nothing is signed. */
  get awaitedEpoch(): bigint | undefined {
    const voted = this.#changing?.epochOfJournal(this.#records);
    return voted !== undefined && voted > this.#epoch ? voted : undefined;
  }

  status(): EngineStatus | undefined {
    return this.#driver?.status();
  }

  timers(): readonly RunningTimer[] {
    return this.#driver?.timers() ?? [];
  }

  get votes(): boolean {
    return this.#driver !== undefined;
  }

  input(input: Input<Typed>): void {
    this.#driver?.input(input);
  }

  poolChanged(): void {
    this.#driver?.poolChanged();
  }

  headChanged(sealed: SealedHead): void {
    const { epoch } = sealed.head.summary;
    // A block of a later epoch: a correct member of it held the stable checkpoint that ends this one.
    if (epoch > this.#epoch) this.#enterSoon(epoch);
    else this.#driver?.headChanged(sealed);
    if (this.#changing === undefined) return;
    const transition = this.#changing.epochs.transitionOn(sealed.head);
    if (transition !== undefined) this.#enterSoon(transition.epoch);
    const next = endsEpoch(sealed.head.summary) ? this.#changing.epochs.setOf(epoch + 1n) : undefined;
    if (next !== undefined) this.#ports.seats.know(next);
    if (next !== undefined) this.#ports.seatsGrew();
    this.#allowPeers();
  }

  /** Mail for the engine, of whoever has that seat; its kinds stand in ingress/packet.ts. */
  receive(seat: Seat, kind: number, bytes: Uint8Array, namesEpoch: boolean): void {
    const epoch = epochOfMail(this.#changing, this.#epoch, namesEpoch ? bytes : undefined);
    if (epoch !== undefined && epoch < this.#epoch) return this.#sendEnd(seat, epoch);
    if (epoch !== undefined && epoch > this.#epoch) return this.#hint();
    const index = this.#ports.seats.indexOf(seat);
    if (index === undefined) return;
    if (namesEpoch) this.#met.add(index);
    this.#driver?.receive(index, bytes, kind);
  }

  /** Whether the rest of a long message is worth reading. */
  awaits(seat: Seat, kind: number, { start, bytes }: LargeMessage, namesEpoch: boolean): boolean {
    const index = this.#ports.seats.indexOf(seat);
    const isOfNow = epochOfMail(this.#changing, this.#epoch, namesEpoch ? start : undefined) === this.#epoch;
    return index !== undefined && isOfNow && this.#driver?.awaits(index, start, bytes, kind) === true;
  }

  /** The certificate that ends an epoch, from whomever: it proves itself. */
  receiveEpochEnd(content: Uint8Array, bill: Bill): void {
    const read = readEpochEnd(content);
    if (read === undefined || this.#changing === undefined) return;
    const { epoch, certificate } = read;
    if (epoch < this.#epoch) return bill.refund();
    if (epoch > this.#epoch) return this.#hint();
    const opened = bill.judge(() => must(this.#changing, "checked").openEpochEnd(epoch, certificate));
    if (!opened.ok) return;
    bill.refund();
    const { height, hash, stateRoot } = opened.value;
    const { head, store } = this.#ports.chain;
    if (head.summary.height < height) return this.#ports.requestSync(height);
    if (!endsEpoch(head.summary) || head.summary.height !== height) return;
    if (!equalBytes(head.hash, hash) || !equalBytes(head.summary.stateRoot, stateRoot)) return;
    const { fatal } = this.#ports;
    this.#turn = this.#turn.then(() => store.storeCheckpoint(height, certificate)).catch(fatal);
    this.#enterSoon(epoch + 1n);
  }

  #enterSoon(epoch: bigint): void {
    const leave = () => (epoch > this.#epoch && !this.#stopped ? this.#leaveFor(epoch) : undefined);
    this.#turn = this.#turn.then(leave).catch((error: unknown) => this.#ports.fatal(error));
  }

  /** One that has stopped for good (amnesia, another state) does not come back by the turn of an epoch. */
  async #leaveFor(epoch: bigint): Promise<void> {
    if (this.status()?.mode === "halted") return;
    const before = this.self;
    const driver = this.#driver;
    this.#driver = undefined;
    await driver?.stop();
    if (this.#stopped) return;
    (await this.#enter(epoch))();
    sayMembership(this.#ports, this.#options, { epoch, before, self: this.self });
    this.#sendToUnmet();
    this.#ports.entered(epoch);
  }

  /** @returns what starts the engine, if there is one */
  async #enter(epoch: bigint): Promise<() => void> {
    const { chain } = this.#ports;
    const { consensus } = this.#options;
    const changing = must(this.#changing, "only a chain with epochs enters one");
    this.#epoch = epoch;
    this.#met.clear();
    this.#useSeats();
    const nothing = () => undefined;
    if (this.self === undefined || !this.#canSign) return nothing;
    if (this.#recovering || this.awaitedEpoch !== undefined) return nothing;
    const height = must(changing.epochs.find(epoch), "an epoch that began here").firstHeight - 1n;
    const hash = must(chain.store.hashAt(height), "the block below an epoch is here");
    await this.#beginJournal(changing, epoch);
    if (this.#stopped) return nothing;
    const work = { ...changing.inEpoch(epoch, { height, hash }), recentHeads: consensus.recentHeads };
    const checkpoint = await chain.store.lastCheckpoint(height);
    // The chain may have gone on meanwhile: then the turn into a later epoch is ordered already.
    if (this.#stopped || chain.head.summary.epoch > epoch) return nothing;
    const driver = this.#create(work, height);
    return () => {
      this.#driver = driver;
      driver?.start(this.#records, checkpoint);
    };
  }

  /** A key elsewhere signs nothing without the journal that is kept beside it. */
  get #canSign(): boolean {
    return !isRemote(this.#options.signer) || this.#journal !== undefined;
  }

  /** Runs a task after whatever is under way. The failure is the caller's. */
  #inTurn(task: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(() => (this.#stopped ? undefined : task()));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** A start without the flag must still find that votes are missing. @throws StartError */
  async #beginRecovery(changing: ConsensusEpochs): Promise<void> {
    checkRecoverable(this.validators);
    this.#records = changing.journalOf(this.#epoch, changing.amnesia);
    await this.#journal?.log.replace(this.#records);
  }

  /** Once enough others have told how far the chain is, the journal is that of an epoch in which this key has not voted. */
  #endRecovery(): void {
    const { chain, seats, advertisedHeights, log } = this.#ports;
    const journal = this.#journal;
    const changing = must(this.#changing, "only a chain with epochs recovers");
    const epoch = changing.epochs.epochAfter(chain.head);
    const set = must(changing.epochs.setOf(epoch), "the epoch after the head has a set");
    const { height } = chain.head.summary;
    const advertised = { heights: advertisedHeights(), seats, height, signer: this.#options.signer };
    if (!enoughHaveAdvertised(set, advertised)) return;
    this.#recovering = false;
    this.#records = changing.journalOf(epoch + 1n, []);
    log.log("warn", "pbft", "amnesia: this key signs nothing before the next epoch", {
      height,
      epoch: epoch + 1n,
    });
    const records = this.#records;
    this.#turn = this.#turn
      .then(() => journal?.log.replace(records))
      .catch((error: unknown) => this.#ports.fatal(error));
  }

  /** Votes of an earlier epoch are void: they are gone before the first of this one is signed. */
  async #beginJournal(changing: ConsensusEpochs, epoch: bigint): Promise<void> {
    const journal = this.#journal;
    if (journal === undefined) return;
    const otherSide = changing.otherSide(this.#records);
    if (otherSide !== undefined) throw new Error(otherSide.detail);
    if (changing.epochOfJournal(this.#records) === epoch && changing.hasVotes(this.#records)) return;
    this.#records = changing.journalOf(epoch, this.#records);
    await journal.log.replace(this.#records);
  }

  #create(
    consensus: EpochConsensus & Pick<Consensus, "recentHeads">,
    baseHeight: bigint,
  ): Driver<Parsed, Typed> | undefined {
    const { signer, settings, wrapEngine } = this.#options;
    const self = this.self;
    const engine = consensus.createEngine({ self, signer: isRemote(signer) ? "asked" : signer, settings });
    if (engine === undefined) return undefined;
    const { counts } = this;
    const endEpoch = (epoch: bigint) => {
      // The engine has begun the journal of the next epoch already.
      this.#records = must(this.#changing, "an epoch ends").journalOf(epoch + 1n, []);
      this.#enterSoon(epoch + 1n);
    };
    return this.#ports.createDriver({
      journal: this.#journal?.log,
      consensus,
      engine: wrapEngine(engine),
      self,
      counts,
      baseHeight,
      endEpoch,
    });
  }

  #useSeats(): void {
    const { seats, seatsGrew } = this.#ports;
    const { epochs } = this.#changing ?? {};
    // The members before and after speak too: of what they have missed.
    for (const set of neighbouringSets(epochs, this.#epoch)) seats.know(set);
    const set = epochs?.setOf(this.#epoch);
    if (set !== undefined) seats.use(set);
    seatsGrew();
  }

  /** Told again only when it has changed. A member that has left still serves what others have missed. */
  #allowPeers(): void {
    const { chain, allowPeers } = this.#ports;
    if (this.#changing === undefined) return;
    const ids = peersToAllow(chain, this.#changing);
    const text = ids.join(" ");
    if (text === this.#allowed) return;
    this.#allowed = text;
    allowPeers(ids);
  }

  #tick(): void {
    this.#sentTo.clear();
    this.#hinted = false;
    this.#sendToUnmet();
    if (this.#recovering) this.#endRecovery();
    const { scheduler } = this.#ports;
    this.#cancelTick = scheduler.after(this.#options.settings.statusIntervalMs, () => {
      if (!this.#stopped) this.#tick();
    });
  }

  /** Whoever has not spoken in this epoch may not know that the one before is over. */
  #sendToUnmet(): void {
    const { seats } = this.#ports;
    if (this.#driver === undefined || this.#epoch === 0n) return;
    for (const index of seats.validators.members.keys()) {
      if (index !== this.self && !this.#met.has(index)) this.#sendEnd(seats.of(index), this.#epoch - 1n);
    }
  }

  /** Sends the certificate that ended `epoch`, at most once an interval and seat. */
  #sendEnd(seat: Seat, epoch: bigint): void {
    if (this.#sentTo.has(seat)) return;
    const { chain, mailEpochEnd } = this.#ports;
    const mail = this.#changing && epochEndMail(chain, this.#changing, epoch);
    if (mail === undefined) return;
    this.#sentTo.add(seat);
    mailEpochEnd(seat, mail);
  }

  /** Somebody speaks of a later epoch: whether it is true, the blocks will show. */
  #hint(): void {
    if (this.#hinted) return;
    this.#hinted = true;
    this.#ports.requestSync(this.#ports.chain.head.summary.height + 1n);
  }
}
