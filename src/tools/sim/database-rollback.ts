/**
 * Databases younger than journals: the chain of a node is lost, whole or in part, while its journal is kept, or its
 * whole home comes back from an older copy. With restarts in a row while it recovers, after any durable write. The
 * vocabulary, the drawing, and what happens in a run.
 */
import type { Cluster } from "./cluster.ts";
import type { Random } from "./random.ts";
import type { Item, NetworkFault, NodeId, Profile } from "./schedule.ts";
import type { SimNode } from "./sim-node.ts";

/** Power is lost at `atMs`, and what the node finds when it comes back is older. */
export type Rollback = Item & {
  readonly node: NodeId;
  readonly atMs: number;
  readonly downMs: number;
  /** Power is lost again after so many durable writes of the life that follows; the next number counts from there. */
  readonly again: readonly number[];
} & (
    | { readonly kind: "database-lost" }
    /** The newest batches of the database are gone; each block is one, each stable checkpoint another. */
    | { readonly kind: "database-cut"; readonly batches: number }
    /** Database and journal as they were: votes are missing, so the validator counts as faulty from the beginning. */
    | { readonly kind: "home-restored"; readonly copiedAtMs: number }
  );

interface Pool {
  readonly profile: Profile;
  /** Nodes whose databases may be lost. */
  readonly correct: readonly NodeId[];
  /** Validators that may be faulty by an old home. */
  readonly restored: readonly NodeId[];
  readonly spanMs: number;
}

/** How many databases a profile loses at most. */
const MOST: Partial<Record<Profile, number>> = { rollback: 3, mixed: 1 };

export function pickRollbacks(random: Random, { profile, correct, restored, spanMs }: Pool): Rollback[] {
  const most = MOST[profile] ?? 0;
  if (most === 0 || correct.length === 0) return [];
  const homes = restored.map((node, i): Rollback => {
    const own = random.split(`home ${i}`);
    const atMs = own.integer(Math.floor(0.3 * spanMs), Math.floor(0.85 * spanMs));
    const downMs = own.pick([0, 0, 50, 300]);
    const copiedAtMs = own.integer(Math.floor(0.1 * spanMs), atMs);
    return { id: `r${i}`, node, kind: "home-restored", atMs, copiedAtMs, downMs, again: [] };
  });
  if (profile === "mixed" && random.chance(0.7)) return homes;
  const victims = random.shuffle(correct).slice(0, random.pick([1, 1, 2]));
  const losses = Array.from({ length: random.integer(1, most) }, (_, i): Rollback => {
    const own = random.split(i);
    const when = {
      id: `r${homes.length + i}`,
      node: own.pick(victims),
      atMs: own.integer(Math.floor(0.2 * spanMs), Math.floor(0.9 * spanMs)),
      downMs: own.pick([0, 0, 20, 200]),
      again: Array.from({ length: own.pick([0, 0, 1, 2, 2]) }, () => own.integer(1, 12)),
    };
    if (own.chance(0.5)) return { ...when, kind: "database-lost" };
    return { ...when, kind: "database-cut", batches: own.pick([1, 1, 2, 3, 5, 8]) };
  });
  return [...homes, ...losses];
}

/**
 * What makes a loss dangerous. Before some the node lacks the PREPAREs for a few heights: it commits them by the
 * COMMITs of others, and no record of its journal stands for them. After some it cannot fetch blocks for a while.
 */
export function pickCompanions(
  random: Random,
  rollbacks: readonly Rollback[],
  nodes: number,
): NetworkFault[] {
  return rollbacks.flatMap((rollback, i): NetworkFault[] => {
    if (rollback.kind === "home-restored") return [];
    const own = random.split(i);
    const { node, atMs } = rollback;
    const from = Array.from({ length: nodes }, (_, id) => id).filter((id) => id !== node);
    const cut = { kind: "letters" as const, from, to: [node], hold: false };
    const first = own.integer(1, 8);
    const heights = own.pick([[first], [first, first + 1], [first, first + 2]]);
    const missed: NetworkFault = {
      id: `fp${i}`,
      ...cut,
      types: ["prepare"],
      heights,
      atMs: 0,
      untilMs: atMs,
    };
    const untilMs = atMs + own.pick([300, 800, 1_500]);
    const unserved: NetworkFault = { id: `fs${i}`, ...cut, types: [...BLOCKS], atMs, untilMs };
    return [...(own.chance(0.5) ? [missed] : []), ...(own.chance(0.5) ? [unserved] : [])];
  });
}

/** Everything that brings blocks of the past. */
const BLOCKS = ["sealed-block", "announcement", "request"] as const;

/** Puts them onto the clock of a run, before its nodes start. `restart`: the run's own. */
export function arrangeRollbacks(
  rollbacks: readonly Rollback[],
  cluster: Cluster,
  restart: (node: SimNode, downMs: number) => void,
): void {
  for (const rollback of rollbacks) {
    const node = cluster.nodes[rollback.node];
    if (node === undefined) continue;
    node.disk.remember();
    let copy = node.disk.copy();
    if (rollback.kind === "home-restored") {
      if (node.validator !== undefined) cluster.faulty.add(node.validator);
      cluster.time.at(rollback.copiedAtMs, () => {
        copy = node.disk.copy();
      });
    }
    cluster.time.at(rollback.atMs, () => {
      cluster.crash(node.id);
      if (rollback.kind === "home-restored") node.disk.restore(copy);
      else node.disk.rollBack(rollback.kind === "database-lost" ? Infinity : rollback.batches);
      cluster.rolledBack.add(node.id);
      cluster.injected(rollback.kind);
      node.trigger.armWrites(rollback.again, (count) => ({
        id: rollback.id,
        node: node.id,
        when: { kind: "write", count },
        downMs: 0,
        kept: 0,
        torn: false,
      }));
      restart(node, rollback.downMs);
    });
  }
}
