/**
 * The members of the chain for JSON-RPC, and the guard: what a change would do to the chain as this node sees it now.
 * A chain is not lost by a wrong vote but by a right one at the wrong moment: what speaks against a change is who is
 * heard, which no block can say.
 */
import { must } from "../../base/assert.ts";
import { equalBytes, hex0x } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { fetchCommand, followProblem } from "../../chain/execution/modules-in-force.ts";
import { applyChange, type Change } from "../../chain/governance/change.ts";
import {
  type BlockLimits,
  type Governance,
  readGovernance,
} from "../../chain/governance/governance-state.ts";
import { moduleProblem, moduleRecords } from "../../chain/governance/module-versions.ts";
import {
  type ChangeProposal,
  readOpenProposals,
  readProposal,
  standingOf,
} from "../../chain/governance/proposals.ts";
import { type RulesState, rulesState } from "../../chain/governance/rules-version.ts";
import type { GovCall } from "../../chain/modules/gov-declaration.ts";
import type { Validator } from "../../chain/types/validator-set.ts";
import type { ValidatorId } from "../../consensus/engine.ts";
import { quorumOf } from "../../consensus/pbft/quorum.ts";
import type { EpochView, MembershipApi } from "../../rpc/membership.ts";
import type { PeerView } from "../ports.ts";
import type { Replica } from "../replica.ts";

/** Heights by which a newcomer may be behind and still count as in sync. */
const BEHIND_MAX = 32n;

export class ReplicaMembership implements MembershipApi {
  readonly #replica: Replica;

  private constructor(replica: Replica) {
    this.#replica = replica;
  }

  /** The membership of a replica, or undefined where the validators never change. */
  static of(replica: Replica): ReplicaMembership | undefined {
    return replica.consensus.changing === undefined ? undefined : new ReplicaMembership(replica);
  }

  governance(): Governance {
    return must(readGovernance(this.#replica.chain.committed), "a chain with epochs has members");
  }

  rules(): RulesState & { readonly known: number } {
    const standing = rulesState(this.#replica.chain.committed);
    return { ...must(standing, "a chain with epochs has rules"), known: this.#replica.watches.rules.known };
  }

  limits(): BlockLimits {
    return this.#replica.chain.genesis.limits;
  }

  proposals(countMax: number): readonly ChangeProposal[] {
    const state = this.#replica.chain.committed;
    const { nextId } = readOpenProposals(state);
    const found: ChangeProposal[] = [];
    for (let id = nextId - 1n; id > 0n && found.length < countMax; id--) {
      const proposal = readProposal(state, id);
      if (proposal !== undefined) found.push(proposal);
    }
    return found;
  }

  epochs(from: bigint, countMax: number): readonly EpochView[] {
    const { consensus } = this.#replica;
    const known = must(consensus.changing, "a chain with epochs").epochs;
    const views: EpochView[] = [];
    for (let epoch = from; views.length < countMax; epoch++) {
      const found = known.find(epoch);
      if (found === undefined) break;
      const next = known.find(epoch + 1n);
      const end = next && this.#endAt(next.firstHeight - 1n);
      const { firstHeight, validators } = found;
      views.push({ epoch, firstHeight, validators, end, openedBy: known.transitionOf(epoch) });
    }
    return views;
  }

  membersAt(height: bigint): readonly Validator[] | undefined {
    const { epoch: running, firstHeight, members } = this.governance();
    if (height >= firstHeight) return members;
    const { epochs } = must(this.#replica.consensus.changing, "a chain with epochs");
    let [low, high] = [0n, running];
    while (low < high) {
      const middle = (low + high + 1n) / 2n;
      const found = epochs.find(middle);
      if (found === undefined) return undefined;
      if (found.firstHeight <= height) low = middle;
      else high = middle - 1n;
    }
    return epochs.setOf(low)?.members;
  }

  /** The last block of an epoch with its seal. Below a snapshot that much is here, and no body. */
  #endAt(height: bigint): EpochView["end"] {
    const { store } = this.#replica.chain;
    const hash = store.hashAt(height);
    const [head, seal] = hash === undefined ? [] : [store.head(hash), store.seal(hash)];
    return head === undefined || seal === undefined ? undefined : { head, seal };
  }

  epoch(): bigint {
    return this.#replica.voting.epoch;
  }

  isCandidate(): boolean {
    return this.#replica.voting.isCandidate;
  }

  silentUntil(): bigint | undefined {
    return this.#replica.voting.awaitedEpoch;
  }

  awaitsNewcomer(call: GovCall): boolean {
    if (call.kind !== "vote" || !call.approves) return false;
    const change = readProposal(this.#replica.chain.committed, call.proposal)?.change;
    const found = this.harms(call);
    if (change === undefined || !found.ok) return false;
    return found.value.length > 0 && found.value.length === this.#absenceHarms(change).length;
  }

  harms(call: GovCall): Verdict<readonly string[]> {
    const change = this.#changeOf(call);
    if (!change.ok) return change;
    return change.value === undefined ? accept([]) : this.#harmsOf(change.value);
  }

  notes(call: GovCall): readonly string[] {
    const change = this.#changeOf(call);
    const next = change.ok && change.value !== undefined ? this.#membersAfter(change.value) : undefined;
    if (next?.ok !== true) return [];
    const { words, away } = this.#spared(this.governance().members, next.value);
    return away.length === 0 ? words : [];
  }

  /** What the call is for. Undefined for a vote against something. */
  #changeOf(call: GovCall): Verdict<Change | undefined> {
    if (call.kind === "propose") return accept(call.change);
    if (!call.approves) return accept(undefined);
    const proposal = readProposal(this.#replica.chain.committed, call.proposal);
    if (proposal === undefined) return refuse("unknown-proposal", `there is no proposal ${call.proposal}`);
    const standing = standingOf(proposal, this.#replica.chain.head.summary.height);
    if (standing !== "open") return refuse("decided", `proposal ${call.proposal} is ${standing}`);
    return accept(proposal.change);
  }

  #membersAfter(change: Change): Verdict<readonly Validator[]> {
    const { consensus, limits } = this.#replica.chain.genesis;
    if (consensus.type !== "pbft") return accept([]);
    // Whether the epoch has room left is the chain's to say, when the vote is counted.
    const applied = applyChange({ ...this.governance(), changed: 0 }, change, { ...consensus, limits });
    return applied.ok ? accept(applied.value.nextMembers) : applied;
  }

  #harmsOf(change: Change): Verdict<readonly string[]> {
    const { members } = this.governance();
    const next = this.#membersAfter(change);
    if (!next.ok) return next;
    const unfit = this.#moduleFault(change);
    if (unfit !== undefined) return refuse("unfit", unfit);
    const { words, away } = this.#spared(members, next.value);
    return accept([
      ...this.#quorumHarms(members, next.value),
      ...this.#absenceHarms(change),
      ...this.#newcomerRulesHarms(change),
      ...this.#rulesHarms(change),
      ...this.#moduleHarms(change),
      ...(away.length === 0 ? [] : words),
    ]);
  }

  #quorumHarms(members: readonly Validator[], next: readonly Validator[]): string[] {
    const end = "at the end of this epoch, whose last checkpoint its members must sign,";
    const [after, now] = [this.#quorumHarm(next), this.#quorumHarm(members)];
    if (after !== undefined && after === now) return [`${end} and after this change ${after}`];
    return [
      ...(after === undefined ? [] : [`after this change ${after}`]),
      ...(now === undefined ? [] : [`${end} ${now}`]),
    ];
  }

  #quorumHarm(set: readonly Validator[]): string | undefined {
    const { n, quorum } = quorumOf(set.length);
    const away = set.filter((member) => !this.#isPresent(member));
    const present = n - away.length;
    if (present >= quorum) return undefined;
    const names = away.map(({ name }) => name).join(", ");
    return `${quorum} of ${n} validators must agree, and of them ${present} are heard now (not heard: ${names}): the chain would stand`;
  }

  /**
   * A smaller set that survives no faulty member: how much it can still bear, and who is away already. Where nobody is, it
   * is no harm (docs/adr/0051-01). No words where the set is no smaller, or the chain would stand at once.
   */
  #spared(
    members: readonly Validator[],
    next: readonly Validator[],
  ): { readonly words: readonly string[]; readonly away: readonly Validator[] } {
    const { n, f, quorum } = quorumOf(next.length);
    const away = next.filter((member) => !this.#isPresent(member));
    const present = n - away.length;
    if (n >= members.length || f > 0 || present < quorum) return { words: [], away };
    const leaving = members.filter((one) => !next.some(({ account }) => equalBytes(account, one.account)));
    const without = `without ${leaving.map(({ name }) => name).join(", ")}`;
    if (n === 1)
      return {
        words: [`${without} 1 validator remains: it alone decides, and without it the chain stands`],
        away,
      };
    const missing = away.length === 0 ? "" : ` (not heard: ${away.map(({ name }) => name).join(", ")})`;
    const more = present - quorum + 1;
    const left = `${more}${away.length === 0 ? "" : " more"} of them ${more === 1 ? "is" : "are"} away`;
    return {
      words: [
        `${without} ${n} validators remain, of whom ${quorum} must agree and ${present} are heard now${missing}: if ${left} the chain stands, and none may be faulty (4 tolerate one)`,
      ],
      away,
    };
  }

  /** Whoever joins must be there: it counts at once, and a member that is away is a failure of its own. */
  #absenceHarms(change: Change): string[] {
    if (change.kind !== "add") return [];
    const { name } = change.member;
    const peer = this.#newcomerPeer(change);
    if (peer === undefined) {
      return [
        `the newcomer ${name} is not connected to this node (which lets it in, within seconds, while the proposal is open)`,
      ];
    }
    const height = this.#replica.chain.head.summary.height;
    const theirs = peer.height ?? 0n;
    if (theirs + BEHIND_MAX >= height) return [];
    return [`the newcomer ${name} is at height ${theirs}, the chain is at ${height}`];
  }

  /** A newcomer whose program does not know the chain's rules would stop as soon as they hold. */
  #newcomerRulesHarms(change: Change): string[] {
    const peer = this.#newcomerPeer(change);
    if (change.kind !== "add" || peer === undefined) return [];
    const { next } = this.rules();
    // A program that says nothing of rules knows the first.
    const known = peer.rules ?? 1;
    if (known >= next) return [];
    return [
      `the newcomer ${change.member.name} runs a program that knows rules 1 to ${known}, the chain has rules ${next}: it would stop`,
    ];
  }

  #newcomerPeer(change: Change): PeerView | undefined {
    if (change.kind !== "add") return undefined;
    const { peerId } = change.member;
    return this.#replica.seatedPeers().find((other) => other.peerId === peerId);
  }

  /** Who would stop where the rules begin: this program, and those of validators that have not said they know them. */
  #rulesHarms(change: Change): string[] {
    if (change.kind !== "rules") return [];
    const { version } = change;
    const { known } = this.rules();
    const own =
      version > known
        ? [`this node's program knows rules 1 to ${known}: it stops where rules ${version} begin`]
        : [];
    const peers = this.#replica.seatedPeers();
    const unready = this.governance().nextMembers.filter((member) => {
      const { rules: theirs = 0 } = peers.find(({ peerId }) => peerId === member.peerId) ?? {};
      return !this.#isOwn(member) && theirs < version;
    });
    if (unready.length === 0) return own;
    const names = unready.map(({ name }) => name).join(", ");
    return [
      ...own,
      `validators whose programs are not known to this node to know rules ${version}: ${names}`,
    ];
  }

  #moduleFault(change: Change): string | undefined {
    const { committed, genesis } = this.#replica.chain;
    return change.kind === "module" ? moduleProblem(committed, genesis.modules, change.module) : undefined;
  }

  /** Whether the file is here, and is what may follow the version that runs. */
  #moduleHarms(change: Change): string[] {
    if (change.kind !== "module" || change.module.version === 0) return [];
    const { module: wanted } = change;
    const { committed, genesis } = this.#replica.chain;
    const running = moduleRecords(committed, genesis.modules).find(({ number }) => number === wanted.number);
    if (running?.version === wanted.version) return [];
    const problem = followProblem(genesis, running, wanted);
    const what = `${wanted.name} ${wanted.version}`;
    if (problem === undefined) return [];
    if (problem.why === "unfit")
      return [`${what} may not follow the version that runs, which would go on: ${problem.detail}`];
    const hash = hex0x(wanted.hash);
    const isHere = this.#replica.watches.modules.fileOf(wanted.hash) !== undefined;
    if (isHere && genesis.code?.find(wanted).ok === false)
      return [
        `the file of ${what} is here (SHA-256 ${hash}) and does not load: nodes like this one would stop at the end of the epoch`,
      ];
    return [
      `this node has no file of ${what} (SHA-256 ${hash}) and cannot say whether it may follow the version that runs: put it into its modules/, as with ${fetchCommand(wanted.hash)}`,
    ];
  }

  /** A member is there by its seat: a change, or one that waits for its epoch, may give the seat another key. */
  #isPresent(member: Validator): boolean {
    const { seats, presence } = this.#replica;
    const index = this.#seatOf(member);
    if (this.#isOwn(member)) return true;
    if (index !== undefined) return presence.awaySinceMs(seats.of(index)) === undefined;
    return this.#replica.seatedPeers().some(({ peerId }) => peerId === member.peerId);
  }

  /** A node is never among its own peers. */
  #isOwn(member: Validator): boolean {
    const { self } = this.#replica;
    return self !== undefined && self === this.#seatOf(member);
  }

  /** The index in the set of this epoch, or undefined for who has no seat in it. The account stays with a seat for good. */
  #seatOf({ account }: Validator): ValidatorId | undefined {
    const { members } = this.#replica.voting.validators;
    const index = members.findIndex((member) => equalBytes(member.account, account));
    return index < 0 ? undefined : index;
  }
}
