/**
 * View changes, computed a second time: a VIEW-CHANGE of a correct replica is valid and hides nothing that it has
 * committed or signed a COMMIT for; a NEW-VIEW that a correct replica opens or enters rests on a quorum of valid
 * VIEW-CHANGEs and carries exactly what follows from them. And nobody correct is ever accused of equivocation.
 * Source: pbft.md 1.8, 1.9 (computeO).
 */
import { must } from "../../../base/assert.ts";
import { byteText } from "../../../base/bytes.ts";
import type { Effect, Input, SealedHead, Typed } from "../../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import type { ChainChecker } from "./chains.ts";
import { type Facts, place } from "./facts.ts";
import type { LockChecker } from "./locks.ts";
import {
  type ByteText,
  CHECKPOINT,
  COMMIT,
  NEW_VIEW,
  PRE_PREPARE,
  PREPARE,
  showText,
  VIEW_CHANGE,
  voteFields,
} from "./raw-bytes.ts";
import { lastSignature, type RawVote, typeOfPacket } from "./raw-messages.ts";
import {
  type RawEntry,
  type RawNewView,
  type RawViewChange,
  readNewView,
  readSeal,
  readViewChange,
} from "./raw-proofs.ts";

/** The kind of a NEW-VIEW's journal record: version u8, kind u8 = 5, then the message. */
const NEW_VIEW_RECORD = 5;

export class ViewChecker implements Observer {
  readonly #facts: Facts;
  readonly #chains: ChainChecker;
  readonly #locks: LockChecker;
  /** Messages that were looked at, by signature; what was wrong with each VIEW-CHANGE. */
  readonly #seen = new Set<ByteText>();
  readonly #opened = new Map<ByteText, RawViewChange | string>();
  /** Node -> height -> the COMMIT of the highest view that left it. */
  readonly #commits = new Map<NodeId, Map<bigint, RawVote>>();
  /** What each engine knows to be committed. */
  readonly #committed = new Map<NodeId, bigint>();
  /** Node -> height -> the view of its seal. */
  readonly #seals = new Map<NodeId, Map<bigint, bigint>>();
  /** VIEW-CHANGEs and NEW-VIEWs that arrived, by signature (damaged ones share it); and what somebody took. */
  readonly #arrived = new Map<ByteText, Map<ByteText, Uint8Array>>();
  readonly #taken = new Set<ByteText>();
  /** What was committed when the VIEW-CHANGE was made, by node and view. */
  readonly #committedWhenAsked = new Map<string, bigint>();

  constructor(facts: Facts, chains: ChainChecker, locks: LockChecker) {
    this.#facts = facts;
    this.#chains = chains;
    this.#locks = locks;
  }

  /** A vote of a correct validator, once. */
  voted(vote: RawVote, node: NodeId): void {
    if (vote.type !== COMMIT) return;
    const own = this.#commits.get(node) ?? new Map<bigint, RawVote>();
    this.#commits.set(node, own);
    const before = own.get(vote.height);
    if (before === undefined || before.view < vote.view) own.set(vote.height, vote);
  }

  stepped(node: NodeId, input: Input<Typed>, effects: readonly Effect<Typed>[]): void {
    if (input.kind === "message-received") this.#takes(node, input.message);
    else if (input.kind === "head-changed") this.#knows(node, input.sealed);
    else if (input.kind === "started") {
      this.#forget(node, input.head.height);
      for (const sealed of input.recent ?? []) this.#knows(node, sealed);
    }
    for (const effect of effects) {
      if (effect.kind === "report-fault") this.#accused(node, effect.author);
      else if (effect.kind === "broadcast" && effect.message.type === "view-change")
        this.#asked(node, effect);
    }
  }

  /** What lay above the head was lost with the database; what is owed for own COMMITs is checkers/recovery.ts's. */
  #forget(node: NodeId, height: bigint): void {
    this.#committed.set(node, height);
    const seals = this.#seals.get(node) ?? new Map();
    for (const sealed of seals.keys()) if (sealed > height) seals.delete(sealed);
  }

  delivered(_node: NodeId, _from: NodeId, packet: Uint8Array): void {
    const type = typeOfPacket(packet);
    if (type !== VIEW_CHANGE && type !== NEW_VIEW) return;
    const signature = lastSignature(packet);
    if (this.#taken.has(signature)) return;
    const alike = this.#arrived.get(signature) ?? new Map<ByteText, Uint8Array>();
    this.#arrived.set(signature, alike);
    alike.set(byteText(packet), packet.subarray(1));
  }

  /** What reaches an engine was found valid by its message verifier: it must be. */
  #takes(node: NodeId, message: Typed): void {
    const isViewChange = message.type === "view-change";
    if ((!isViewChange && message.type !== "new-view") || !this.#facts.isCorrect(node)) return;
    const signature = byteText((message as Typed & { readonly signature: Uint8Array }).signature);
    const alike = this.#arrived.get(signature);
    if (alike === undefined || this.#taken.has(signature)) return;
    this.#taken.add(signature);
    this.#arrived.delete(signature);
    const verdicts = [...alike.values()].map((bytes) =>
      isViewChange ? this.#open(bytes) : guarded(() => this.#newViewFault(readNewView(bytes))),
    );
    const wrong = verdicts.find((verdict) => typeof verdict === "string");
    if (wrong !== undefined && verdicts.every((verdict) => typeof verdict === "string"))
      this.#facts.report(message.type, node, `takes what is wrong: ${wrong}`);
  }

  #knows(node: NodeId, { head, seal }: SealedHead): void {
    const seals = this.#seals.get(node) ?? new Map<bigint, bigint>();
    this.#seals.set(node, seals);
    seals.set(head.summary.height, readSeal(seal).view);
    this.#committed.set(node, head.summary.height);
  }

  #accused(node: NodeId, author: number): void {
    if (!this.#facts.isCorrect(node) || this.#facts.isFaulty(author)) return;
    this.#facts.report("accusation", node, `accuses validator ${author}, which is correct`);
  }

  /** A VIEW-CHANGE is made once; what is committed later does not change it. */
  #asked(node: NodeId, { message }: { readonly message: Typed }): void {
    const key = `${node} ${(message as Typed & { readonly view: bigint }).view}`;
    if (!this.#committedWhenAsked.has(key)) {
      this.#committedWhenAsked.set(key, this.#committed.get(node) ?? 0n);
    }
  }

  sent(node: NodeId, _to: number, packet: Uint8Array): void {
    const type = typeOfPacket(packet);
    if ((type !== VIEW_CHANGE && type !== NEW_VIEW) || !this.#facts.isCorrect(node)) return;
    const message = packet.subarray(1);
    if (type === VIEW_CHANGE) this.#viewChangeLeft(node, message);
    else this.#entered(node, message);
  }

  journaled(node: NodeId, records: readonly Uint8Array[]): void {
    if (!this.#facts.isCorrect(node)) return;
    for (const record of records) if (record[1] === NEW_VIEW_RECORD) this.#entered(node, record.subarray(2));
  }

  #viewChangeLeft(node: NodeId, message: Uint8Array): void {
    const signature = lastSignature(message);
    if (this.#seen.has(signature)) return;
    this.#seen.add(signature);
    const opened = this.#open(message);
    if (typeof opened === "string") this.#facts.report("view-change", node, opened);
    else this.#checkComplete(node, opened);
  }

  /** Once per NEW-VIEW, whoever holds it. */
  #entered(node: NodeId, message: Uint8Array): void {
    const signature = lastSignature(message);
    if (this.#seen.has(signature)) return;
    this.#seen.add(signature);
    const wrong = guarded(() => this.#newViewFault(readNewView(message)));
    if (wrong !== undefined) this.#facts.report("new-view", node, wrong);
  }

  #open(message: Uint8Array): RawViewChange | string {
    const key = byteText(message);
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    let opened: RawViewChange | string;
    try {
      const read = readViewChange(message);
      opened = this.#viewChangeFault(read) ?? read;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      opened = error.message;
    }
    this.#opened.set(key, opened);
    return opened;
  }

  #viewChangeFault(change: RawViewChange): string | undefined {
    const { view, epoch, stable, checkpoint, entries, from, fields, signature } = change;
    const { checkpointInterval, logWindow } = this.#facts.world.genesis.consensus;
    if (view === 0n || epoch !== 0n) return `asks for view ${view} of epoch ${epoch}`;
    const own = [{ signer: from, signature }];
    const unsigned = this.#facts.checkSigners(own, 1, { type: VIEW_CHANGE, epoch, fields });
    if (unsigned !== undefined) return unsigned;
    if (stable % BigInt(checkpointInterval) !== 0n || (stable === 0n) !== (checkpoint === undefined))
      return `h = ${stable} with${checkpoint === undefined ? "out" : ""} a checkpoint`;
    if (entries.length > logWindow) return `P of ${entries.length} heights, L = ${logWindow}`;
    const base = this.#checkpointFault(change);
    if (base.wrong !== undefined) return base.wrong;
    let { hash } = base;
    for (const [index, entry] of entries.entries()) {
      const height = stable + BigInt(index) + 1n;
      if (entry.height !== height || entry.parent !== hash) return `P has a hole or a break at ${height}`;
      if (entry.view >= view) return `a certificate of view ${entry.view} asks for ${view}`;
      const wrong = this.#entryFault(entry);
      if (wrong !== undefined) return `P at ${place(entry.view, height, entry.hash)}: ${wrong}`;
      hash = entry.hash;
    }
    return undefined;
  }

  #checkpointFault({ stable, checkpoint }: RawViewChange): { hash: ByteText; wrong?: string } {
    if (checkpoint === undefined) return { hash: byteText(this.#facts.world.genesisHash) };
    const { hash, height, facts, signatures } = checkpoint;
    if (height !== stable) return { hash, wrong: `the checkpoint of ${height} for h = ${stable}` };
    const message = { type: CHECKPOINT, epoch: 0n, fields: facts };
    const wrong = this.#facts.checkSigners(signatures, this.#facts.quorum, message);
    return wrong === undefined ? { hash } : { hash, wrong: `checkpoint ${height}: ${wrong}` };
  }

  #entryFault(entry: RawEntry): string | undefined {
    const { view, height, hash } = entry;
    const vote = { epoch: 0n, fields: voteFields(view, height, hash) };
    const { quorum } = this.#facts;
    if (entry.kind === "committed")
      return this.#facts.checkSigners(entry.signatures, quorum, { type: COMMIT, ...vote });
    const primary = this.#facts.primaryOf(view);
    const opening = [{ signer: primary, signature: entry.prePrepare }];
    return (
      this.#facts.checkSigners(opening, 1, { type: PRE_PREPARE, ...vote }) ??
      this.#facts.checkSigners(entry.prepares, quorum - 1, { type: PREPARE, ...vote }, primary)
    );
  }

  /** Whatever it committed, and whatever it signed a COMMIT for as far as that extends the rest, is shown. */
  #checkComplete(node: NodeId, { view, stable, entries, checkpoint }: RawViewChange): void {
    const { logWindow } = this.#facts.world.genesis.consensus;
    const committed = this.#committedWhenAsked.get(`${node} ${view}`) ?? 0n;
    let hash = checkpoint?.hash ?? byteText(this.#facts.world.genesisHash);
    for (let height = stable + 1n; height <= stable + BigInt(logWindow); height++) {
      const entry = entries[Number(height - stable) - 1];
      const own = this.#commits.get(node)?.get(height);
      const detail = `to view ${view} with h = ${stable}, P up to ${stable + BigInt(entries.length)}`;
      const isCommitted = height <= committed;
      // A certificate of this view or a later one may not be shown (pbft.md 1.8): P ends here, or shows another block,
      // which was prepared below.
      const isShowable = isCommitted && (this.#seals.get(node)?.get(height) ?? view) < view;
      if (isCommitted && !isShowable && entry === undefined) return;
      if (isShowable) {
        if (entry !== undefined && entry.hash === this.#chains.agreed[Number(height)]?.hash)
          hash = entry.hash;
        else this.#facts.report("view-change", node, `${detail} hides the committed block ${height}`);
        if (entry === undefined) return;
        continue;
      }
      const linked = own !== undefined && own.view < view && this.#locks.parentOf(own.hash) === hash;
      if (linked && (entry === undefined || entry.view < own.view)) {
        this.#facts.report("view-change", node, `${detail} hides ${place(own.view, height, own.hash)}`);
      }
      if (entry === undefined) return;
      hash = entry.hash;
    }
  }

  #newViewFault({ epoch, view, asked, carried, from, fields, signature }: RawNewView): string | undefined {
    const own = [{ signer: from, signature }];
    const unsigned = this.#facts.checkSigners(own, 1, { type: NEW_VIEW, epoch, fields });
    if (unsigned !== undefined) return `view ${view}: ${unsigned}`;
    if (from !== this.#facts.primaryOf(view)) return `view ${view} opened by ${from}`;
    const changes: RawViewChange[] = [];
    for (const message of asked) {
      const opened = this.#open(message);
      if (typeof opened === "string") return `view ${view} rests on an invalid VIEW-CHANGE: ${opened}`;
      changes.push(opened);
    }
    const senders = new Set(changes.map((change) => change.from));
    if (senders.size !== this.#facts.quorum || changes.length !== senders.size || !senders.has(from))
      return `view ${view} rests on VIEW-CHANGEs of ${[...senders].join(", ")}`;
    if (changes.some((change) => change.view !== view))
      return `view ${view} rests on another view's VIEW-CHANGE`;
    const expected = carriedOver(changes, byteText(this.#facts.world.genesisHash));
    const carriedBlocks = carried.map(({ height, hash }) => `${height} ${hash}`);
    if (carriedBlocks.join() !== expected.map(({ height, hash }) => `${height} ${hash}`).join()) {
      const show = (list: readonly { height: bigint; hash: ByteText }[]) =>
        list.map(({ height, hash }) => `${height}:${showText(hash)}`).join(" ");
      return `view ${view} carries [${show(carried)}], it must carry [${show(expected)}]`;
    }
    for (const { height, hash, signature } of carried) {
      const message = { type: PRE_PREPARE, epoch, fields: voteFields(view, height, hash) };
      const wrong = this.#facts.checkSigners([{ signer: from, signature }], 1, message);
      if (wrong !== undefined) return `view ${view}, O at ${height}: ${wrong}`;
    }
    return undefined;
  }
}

/** What is carried over from the highest checkpoint up: at each height what was certified in the highest view, while it links. */
function carriedOver(
  changes: readonly RawViewChange[],
  genesisHash: ByteText,
): { readonly height: bigint; readonly hash: ByteText }[] {
  let base = must(changes[0], "a NEW-VIEW carries a quorum of VIEW-CHANGEs");
  for (const change of changes) if (change.stable > base.stable) base = change;
  const carried: { height: bigint; hash: ByteText }[] = [];
  let parent = base.checkpoint?.hash ?? genesisHash;
  for (let height = base.stable + 1n; ; height++) {
    const shown = changes.flatMap(({ entries }) => entries.filter((entry) => entry.height === height));
    if (shown.length === 0) return carried;
    const newest = shown.reduce((a, b) => (b.view > a.view ? b : a));
    if (newest.parent !== parent) return carried;
    carried.push({ height, hash: newest.hash });
    parent = newest.hash;
  }
}

/** What went wrong, also when the bytes do not decode. */
function guarded(check: () => string | undefined): string | undefined {
  try {
    return check();
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}
