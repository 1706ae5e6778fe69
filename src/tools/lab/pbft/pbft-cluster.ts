/**
 * A PBFT cluster of validators for the lab: the shipped replicas on virtual time with real Ed25519 signatures, users who
 * pay each other at a steady pace, and an observer that notes what a person wants to see of it: proposals, commits,
 * view changes, evidence. It judges nothing. Same options, same notes, byte for byte.
 *
 * This folder: experiments with validators: equivocation, silence, partition, the generals. Not here: the simulator's
 * adversaries (tools/sim/adversaries), which they borrow.
 */
import { must } from "../../../base/assert.ts";
import { byteText, hex, hex0x } from "../../../base/bytes.ts";
import { formatGenesis } from "../../../chain/genesis/genesis-file.ts";
import type { SealedBlock } from "../../../chain/types/block.ts";
import type { EngineEvent, EngineSettings, ValidatorId } from "../../../consensus/engine.ts";
import { quorumOf } from "../../../consensus/pbft/quorum.ts";
import { verifyEvidence } from "../../../sdk/verify-evidence.ts";
import { adversaries as createAdversaries } from "../../sim/adversary.ts";
import { Clients } from "../../sim/clients.ts";
import { Cluster } from "../../sim/cluster.ts";
import type { Observer } from "../../sim/observer.ts";
import type { AdversarySpec, NetworkFault, NodeId, ScheduledSubmission } from "../../sim/schedule.ts";
import { signatureWorld } from "../../sim/signatures.ts";
import { World } from "../../sim/world.ts";
import type { Step } from "../step.ts";
import { Auditor } from "./auditor.ts";

export interface PbftClusterOptions {
  /** How many validators there are. */
  readonly nodes: number;
  readonly seed: number | string;
  readonly adversaries?: readonly AdversarySpec[];
  readonly faults?: readonly NetworkFault[];
  /** Users pay until then, ms of virtual time. */
  readonly payUntilMs: number;
  /** The time between two payments, ms. */
  readonly payEveryMs: number;
}

/** What a person wants to see of a run, in the order of time. */
export interface Note {
  readonly atMs: number;
  /** The node whose row it belongs to. A twin comes after the validators. */
  readonly node: NodeId;
  readonly kind: "view" | "proposal" | "commit" | "view-change" | "evidence";
  readonly view: number;
  readonly height: number;
}

export interface FoundEvidence {
  readonly atMs: number;
  /** The validator that found it; two, where only a comparison of their mail shows it. */
  readonly by: readonly NodeId[];
  readonly bytes: Uint8Array;
}

/** A replica that stopped by itself. */
export interface Stop {
  readonly node: NodeId;
  readonly atMs: number;
  readonly reason: string;
}

export interface NodeCommit {
  readonly node: NodeId;
  readonly atMs: number;
  readonly sealed: SealedBlock;
}

export const TURNS = 20;

/** Timers of the replicas: short, so that a minute of virtual time shows several view changes. */
export const SETTINGS: EngineSettings = {
  statusIntervalMs: 250,
  blockTimeMs: 50,
  emptyBlocksMs: undefined,
  requestTimeoutMs: 500,
  timeoutMaxMs: 8_000,
  resendIntervalMs: 500,
  fairnessTimeoutMs: 5_000,
};

const DELAY_MS_MAX = 10;
const ACCOUNTS = 10;
const BALANCE = 1_000_000n;
/** Notes kept of a run; what comes later is not drawn. */
const NOTES_MAX = 50_000;
/** Pieces of evidence kept of a run; a culprit is convicted by the first. */
const EVIDENCE_MAX = 256;

export class PbftCluster {
  readonly world: World;
  readonly cluster: Cluster;
  readonly notes: Note[] = [];
  readonly commits: NodeCommit[] = [];
  /** The evidence found, by its hex. */
  readonly evidence = new Map<string, FoundEvidence>();
  readonly stops: Stop[] = [];
  /** Virtual time from a payment's arrival at a node to its first commit at a correct one, ms. */
  readonly latenciesMs: number[] = [];
  /** When payments became final, ms, in the order of time. */
  readonly finalAtMs: number[] = [];
  readonly #clients: Clients;
  readonly #accepted = new Map<string, number>();
  readonly #auditor: Auditor;
  /** "listener speaker" -> when, ms. */
  readonly #received = new Map<string, number>();

  constructor(options: PbftClusterOptions) {
    this.world = new World(
      { validators: options.nodes, accounts: ACCOUNTS, balance: BALANCE },
      signatureWorld("ed25519"),
    );
    this.#auditor = new Auditor(this.world);
    const colluders = createAdversaries();
    const { faults = [], adversaries = [], seed } = options;
    this.#clients = new Clients(payments(options), () => this.cluster, options.seed);
    this.cluster = new Cluster(
      {
        world: this.world,
        seed: `pbft-cluster/${seed}`,
        settings: SETTINGS,
        syncIntervalMs: 250,
        timing: {
          delayMsMin: 1,
          delayMsMax: DELAY_MS_MAX,
          tail: 0,
          tailMs: 0,
          stepMs: 1,
          settledDelayMsMax: DELAY_MS_MAX,
        },
        gstMs: Number.POSITIVE_INFINITY,
        adversaries,
        misbehave: colluders.misbehave,
      },
      [colluders.observer, this.#clients, this.#observer()],
    );
    // A replica that meets two certified blocks at one height stops for good: that is what it is for.
    this.cluster.broken = () => undefined;
    this.cluster.network.schedule(faults);
    this.#clients.start();
    this.cluster.start();
  }

  /** The text of genesis.json: all that a verifier trusts. */
  get genesisText(): string {
    return formatGenesis(this.world.genesis);
  }

  get quorum(): number {
    return Math.max(...this.cluster.nodes.map(({ replica }) => replica?.engineStatus()?.quorum ?? 0));
  }

  /** Payments that are not final at a correct node. */
  get pending(): number {
    return this.#clients.pending;
  }

  /** When a node heard a validator last, ms, or undefined when it never did. */
  receivedAtMs(by: NodeId, from: ValidatorId): number | undefined {
    return this.#received.get(`${by} ${from}`);
  }

  async runUntil(atMs: number, done?: () => boolean): Promise<boolean> {
    return this.cluster.time.run(atMs, done);
  }

  /** The same in TURNS pieces of equal length, with a turn for others after each. */
  async runInTurns(atMs: number, step: Step): Promise<void> {
    const fromMs = this.cluster.time.nowMs;
    for (let turn = 1; turn <= TURNS; turn++) {
      await this.runUntil(Math.round(fromMs + ((atMs - fromMs) * turn) / TURNS));
      await step();
    }
  }

  end(): void {
    for (const node of this.cluster.nodes) if (node.isUp) node.cutPower();
  }

  nameOf(validator: ValidatorId): string {
    return must(this.world.plan.validators[validator], "every validator is planned").name;
  }

  #observer(): Observer {
    return {
      stepped: (node, _input, effects) => {
        for (const effect of effects) {
          if (effect.kind === "report-fault") this.#noteEvidence([node], effect.evidence);
        }
      },
      delivered: (node, from, packet) => {
        this.#received.set(`${node} ${this.cluster.node(from).validator}`, this.cluster.time.nowMs);
        if (!this.cluster.isCorrect(node)) return;
        const found = this.#auditor.read(node, packet);
        if (found !== undefined) this.#noteEvidence(found.readers, found.bytes);
      },
      failed: (node, error) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.stops.push({ node, atMs: this.cluster.time.nowMs, reason });
      },
      announced: (node, event) => this.#announced(node, event),
      committed: (node, sealed) => this.#committed(node, sealed),
      accepted: (_node, { id }) => {
        const key = byteText(id);
        if (!this.#accepted.has(key)) this.#accepted.set(key, this.cluster.time.nowMs);
      },
    };
  }

  #announced(node: NodeId, event: EngineEvent): void {
    const { validator } = this.cluster.node(node);
    switch (event.type) {
      case "pre-prepare":
        if (event.from === validator) this.#note("proposal", node, event.view, event.height);
        return;
      case "view-change":
        if (event.from === validator) this.#note("view-change", node, event.view, 0n);
        return;
      case "new-view":
        this.#note("view", node, event.view, event.minHeight);
        return;
      default:
        return;
    }
  }

  #committed(node: NodeId, sealed: SealedBlock): void {
    const atMs = this.cluster.time.nowMs;
    const view = this.cluster.replica(node)?.engineStatus()?.view ?? 0n;
    this.#note("commit", node, view, sealed.block.summary.height);
    this.commits.push({ node, atMs, sealed });
    if (!this.cluster.isCorrect(node)) return;
    for (const { id } of sealed.block.transactions) {
      const since = this.#accepted.get(byteText(id));
      if (since === undefined || !this.#accepted.delete(byteText(id))) continue;
      this.latenciesMs.push(atMs - since);
      this.finalAtMs.push(atMs);
    }
  }

  #noteEvidence(by: readonly NodeId[], bytes: Uint8Array): void {
    const known = hex(bytes);
    if (this.evidence.has(known) || this.evidence.size >= EVIDENCE_MAX) return;
    const atMs = this.cluster.time.nowMs;
    this.evidence.set(known, { atMs, by, bytes });
    const node = must(by.at(-1), "evidence is found by somebody");
    const status = this.cluster.replica(node)?.engineStatus();
    this.#note("evidence", node, status?.view ?? 0n, status?.lastCommitted ?? 0n);
  }

  #note(kind: Note["kind"], node: NodeId, view: bigint, height: bigint): void {
    if (this.notes.length >= NOTES_MAX) return;
    const atMs = this.cluster.time.nowMs;
    this.notes.push({ atMs, node, kind, view: Number(view), height: Number(height) });
  }
}

/** A payment at a steady pace, from account to account, handed to one validator after the other. */
function payments({ nodes, payUntilMs, payEveryMs }: PbftClusterOptions): ScheduledSubmission[] {
  return Array.from({ length: Math.floor(payUntilMs / payEveryMs) }, (_, i) => ({
    id: `w${i}`,
    atMs: (i + 1) * payEveryMs,
    node: i % nodes,
    from: i % ACCOUNTS,
    to: (i + 1) % ACCOUNTS,
    amount: 1n,
  }));
}

/** Evidence as anyone with the genesis sees it. */
export interface Conviction {
  readonly validator: ValidatorId;
  readonly name: string;
  readonly phase: string;
  readonly view: number;
  readonly height: number;
  readonly digests: readonly [string, string];
  readonly foundAtMs: number;
  /** One validator, or two whose mail was compared. */
  readonly foundBy: readonly NodeId[];
  /** Hex of the evidence itself. */
  readonly evidence: string;
}

/** The first evidence against each validator, verified offline from the genesis alone. What does not hold is left out. */
export function convictions(pbftCluster: PbftCluster): Conviction[] {
  const first = new Map<ValidatorId, Conviction>();
  const { genesisText } = pbftCluster;
  for (const { atMs, by, bytes } of pbftCluster.evidence.values()) {
    const answer = verifyEvidence(genesisText, bytes);
    if (!answer.valid || first.has(answer.validator)) continue;
    const { validator, name, phase, view, height, digests } = answer;
    const place = { view: Number(view), height: Number(height) };
    const found = { foundAtMs: atMs, foundBy: by, evidence: hex0x(bytes) };
    first.set(validator, { validator, name, phase, ...place, digests, ...found });
  }
  return [...first.values()].sort((a, b) => a.validator - b.validator);
}

/** The most faulty validators that n survive. */
export function faultsSurvived(nodes: number): number {
  return Math.floor((nodes - 1) / 3);
}

/**
 * The fewest cheats that two quorums need in common: 2Q - n, which is f + 1 for n = 3f + 1. Fewer than these
 * cannot fork.
 */
export function cheatsThatFork(nodes: number): number {
  return 2 * quorumOf(nodes).quorum - nodes;
}

/** The span of the whole run. */
export const ALWAYS = { atMs: 0, untilMs: Number.MAX_SAFE_INTEGER } as const;
