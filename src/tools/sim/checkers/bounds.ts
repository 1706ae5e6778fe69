/**
 * Watermarks and memory: h <= lc, h a multiple of K, low >= h, H = low + L, nothing committed above the highest H of
 * any correct replica; stored checkpoints are quorums over the agreed state; and what a replica holds stays within
 * its bounds, whatever the faulty ones send. Source: pbft.md 1.2, 1.4 (memory bounds), 1.6.
 */
import type { SealedBlock } from "../../../chain/types/block.ts";
import type { Effect, EngineStatus, Input, Typed } from "../../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import type { ChainChecker } from "./chains.ts";
import type { Facts } from "./facts.ts";
import { CHECKPOINT, showText } from "./raw-bytes.ts";
import { readCheckpoint } from "./raw-proofs.ts";

/** A replica's status is looked at with each commit and every so many steps. */
const STEPS_BETWEEN = 64;
/** The capacity of the pool of a simulated replica (sim-node.ts). */
const POOL_MAX = 1_000;
/** Heights of the log window, in windows: votes above H are kept up to low + 2L (pbft.md 1.5). */
const LOG_WINDOWS = 2;
/** Views in which a slot may hold votes: the one below, the own, the one above. */
const TIMERS_MAX = 16;

/** The most rounds at one height (docs/protocol.md, "What is kept"). */
const ROUNDS_MAX = 3;
const BODIES_MAX = 8;
/** The most bytes of a block besides its transactions. */
const BLOCK_HEAD_BYTES_MAX = 1_024;

export class BoundsChecker implements Observer {
  readonly #facts: Facts;
  readonly #chains: ChainChecker;
  readonly #steps = new Map<NodeId, number>();
  /** The highest window that any correct replica has had. */
  #top = 0n;

  constructor(facts: Facts, chains: ChainChecker) {
    this.#facts = facts;
    this.#chains = chains;
  }

  stepped(node: NodeId, _input: Input<Typed>, effects: readonly Effect<Typed>[]): void {
    if (!this.#facts.isCorrect(node)) return;
    for (const effect of effects) {
      if (effect.kind === "store-checkpoint") this.#checkpoint(node, effect);
      else if (effect.kind === "import-block") this.#imports(node, effect.sealed);
    }
    const steps = (this.#steps.get(node) ?? 0) + 1;
    this.#steps.set(node, steps);
    if (steps % STEPS_BETWEEN === 0) this.#status(node);
  }

  committed(node: NodeId, { block }: SealedBlock): void {
    if (!this.#facts.isCorrect(node)) return;
    this.#status(node);
    const { height } = block.summary;
    if (height > this.#top && height > BigInt(this.#facts.world.genesis.consensus.logWindow)) {
      this.#refreshTop();
      if (height > this.#top) this.#report(node, `height ${height} is committed above every window`);
    }
  }

  #refreshTop(): void {
    for (const { id } of this.#facts.watched.nodes) {
      const status = this.#facts.isCorrect(id) ? this.#facts.replica(id)?.engineStatus() : undefined;
      if (status !== undefined && status.highWatermark > this.#top) this.#top = status.highWatermark;
    }
  }

  #status(node: NodeId): void {
    const replica = this.#facts.replica(node);
    const status = replica?.engineStatus();
    if (replica === undefined || status === undefined) return;
    this.#watermarks(node, status);
    this.#memory(node, status);
    this.#holdings(node);
    if (replica.pool.size > POOL_MAX) this.#report(node, `${replica.pool.size} transactions in the pool`);
  }

  #watermarks(node: NodeId, status: EngineStatus): void {
    const { checkpointInterval, logWindow } = this.#facts.world.genesis.consensus;
    const { lowWatermark: low, highWatermark: high, lastCommitted, stableCheckpoint: stable } = status;
    const interval = BigInt(checkpointInterval);
    if (stable > lastCommitted) this.#report(node, `h = ${stable} above lc = ${lastCommitted}`);
    if (stable % interval !== 0n || low % interval !== 0n)
      this.#report(node, `h = ${stable}, low = ${low}, must be multiples of ${interval}`);
    if (low < stable || high !== low + BigInt(logWindow))
      this.#report(node, `h = ${stable}, low = ${low}, H = ${high}, L = ${logWindow}`);
    if (high > this.#top) this.#top = high;
  }

  #memory(node: NodeId, status: EngineStatus): void {
    const { checkpointInterval, logWindow } = this.#facts.world.genesis.consensus;
    const { n } = this.#facts;
    const ranges = rangesOf(status);
    const bounds: readonly (readonly [string, number, number])[] = [
      ["slots", status.slots.length, ranges * LOG_WINDOWS * logWindow],
      ["checkpoints", status.checkpoints.length, (ranges * LOG_WINDOWS * logWindow) / checkpointInterval + 1],
      ["timers", status.timers.length, TIMERS_MAX],
      ["views asked for", status.viewChanges.length, n],
      ["voters of a slot", Math.max(0, ...status.slots.map(votersOf)), n],
      ["VIEW-CHANGEs", status.viewChanges.reduce((sum, { from }) => sum + from.length, 0), n],
    ];
    for (const [what, count, most] of bounds)
      if (count > most) this.#report(node, `${count} ${what}, at most ${most}`);
  }

  /** Views at a height: the one before, the own, the next. Bodies: those, and what is certified or committed. */
  #holdings(node: NodeId): void {
    const held = this.#facts.watched.nodes[node]?.holdings?.();
    if (held === undefined) return;
    const { maxBlockBytes } = this.#facts.world.genesis.limits;
    const bytesMax = held.bodies * (maxBlockBytes + BLOCK_HEAD_BYTES_MAX);
    if (held.roundsMax > ROUNDS_MAX) this.#report(node, `${held.roundsMax} rounds at one height`);
    if (held.bodiesMax > BODIES_MAX) this.#report(node, `${held.bodiesMax} bodies at one height`);
    if (held.bodyBytes > bytesMax) this.#report(node, `${held.bodyBytes} bytes in ${held.bodies} bodies`);
  }

  /** A checkpoint that is kept is a quorum's, over the state that was agreed. */
  #checkpoint(node: NodeId, { height, certificate }: { height: bigint; certificate: Uint8Array }): void {
    const agreed = this.#chains.agreed[Number(height)];
    try {
      const read = readCheckpoint(certificate);
      const message = { type: CHECKPOINT, epoch: 0n, fields: read.facts };
      const wrong = this.#facts.checkSigners(read.signatures, this.#facts.quorum, message);
      if (wrong !== undefined) this.#facts.report("certificate", node, `checkpoint ${height}: ${wrong}`);
      if (read.height === height && read.hash === agreed?.hash && read.stateRoot === agreed.stateRoot) return;
      const detail = `checkpoint ${height} of block ${showText(read.hash)} is not what was agreed`;
      this.#facts.report("certificate", node, detail);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#facts.report("certificate", node, `checkpoint ${height}: ${error.message}`);
    }
  }

  /**
   * The engine hands blocks over in height order, each above the committed one: as far above the head as the window reaches.
   * As far as places are kept where the window begins above h, by the min_s of a view in which the others are ahead, and while
   * what was lost is fetched: both may come faster than the disk takes it.
   */
  #imports(node: NodeId, { block }: SealedBlock): void {
    const replica = this.#facts.replica(node);
    const depth = LOG_WINDOWS * this.#facts.world.genesis.consensus.logWindow;
    if (replica === undefined) return;
    const above = block.summary.height - replica.chain.head.summary.height;
    if (above <= BigInt(depth)) return;
    const status = replica.engineStatus();
    if (status !== undefined && keepsMore(status) && above <= BigInt(rangesOf(status) * depth)) return;
    this.#report(node, `imports height ${block.summary.height} at head ${replica.chain.head.summary.height}`);
  }

  #report(node: NodeId, detail: string): void {
    this.#facts.report("bounds", node, detail);
  }
}

function votersOf({ prepares, commits }: EngineStatus["slots"][number]): number {
  return Math.max(new Set(prepares).size, prepares.length, commits.length);
}

/** Whether it keeps places for more than the 2L heights above h. */
function keepsMore({ lowWatermark, stableCheckpoint, recovery }: EngineStatus): boolean {
  return recovery !== undefined || lowWatermark > stableCheckpoint;
}

/** How many ranges of 2L heights an engine may keep places for. */
function rangesOf({ lowWatermark, stableCheckpoint, recovery }: EngineStatus): number {
  // What lies above h, and what is newest while h stays behind: each may be what a later P covers. And votes above
  // min_s, where the view begins above h.
  const above = lowWatermark > stableCheckpoint ? 1 : 0;
  // And while what it lost is fetched, the places of its own journaled votes, which stand above all that it has.
  const recovering = recovery === undefined ? 0 : 1;
  return 2 + above + recovering;
}
