/** The replica's state as people see it in RPC and the explorer. Nothing decides by it. */
import type { EngineStatus } from "../engine.ts";
import type { Core } from "./core.ts";
import type { Slot } from "./slots.ts";

export function describeEngine(core: Core): EngineStatus {
  const { n, f, quorum } = core.quorum;
  return {
    type: "pbft",
    epoch: core.epoch,
    view: core.view,
    primary: core.primary,
    self: core.self,
    // Between two epochs, for a moment: the next engine is on its way.
    mode: core.mode === "ended" ? "normal" : core.mode,
    attempt: core.attempt,
    timers: core.timers(),
    waitingFor: core.awaited,
    viewChanges: describeViewChanges(core),
    haltReason: core.haltReason,
    recovery: core.recovery,
    lowWatermark: core.lowWatermark,
    highWatermark: core.highWatermark,
    lastCommitted: core.committed,
    stableCheckpoint: core.stable,
    lastPrepared: lastPrepared(core),
    n,
    f,
    quorum,
    slots: core.slots.all().map((slot) => describeSlot(core, slot)),
    checkpoints: [...core.checkpoints].map(([height, tally]) => ({ height, from: tally.signers() })),
    lastSeen: core.seen.map(({ height, view, inViewChange }, i) =>
      i === core.self
        ? { height: core.committed, view: core.view, inViewChange: core.mode === "view-change" }
        : { height, view, inViewChange },
    ),
  };
}

/** A lock outlives its view, and goes only when its height is stable: docs/adr/0031-01. */
function lastPrepared({ slots, committed, stable }: Core): bigint {
  let last = committed > stable ? committed : stable;
  for (const { height, prepared } of slots.all()) if (prepared !== undefined && height > last) last = height;
  return last;
}

/** Requests for views that are not open here. */
function describeViewChanges(core: Core): EngineStatus["viewChanges"] {
  const open = core.mode === "view-change" ? core.view - 1n : core.view;
  const views = new Map<bigint, number[]>();
  for (const held of core.viewChanges) {
    if (held === undefined || held.view <= open) continue;
    views.set(held.view, [...(views.get(held.view) ?? []), held.from]);
  }
  return [...views].sort(([a], [b]) => (a < b ? -1 : 1)).map(([view, from]) => ({ view, from }));
}

function describeSlot(core: Core, slot: Slot): EngineStatus["slots"][number] {
  const round = slot.rounds.get(core.view);
  return {
    height: slot.height,
    view: core.view,
    hash: slot.certificate?.hash ?? slot.committed ?? round?.proposal?.vote.hash,
    phase: phaseOf(core, slot),
    prepares: round?.prepares.signers() ?? [],
    commits: round?.commits.signers() ?? [],
  };
}

function phaseOf(core: Core, slot: Slot): EngineStatus["slots"][number]["phase"] {
  if (slot.certificate !== undefined || slot.committed !== undefined) return "committed";
  const round = slot.rounds.get(core.view);
  if (round?.prepared === true) return "prepared";
  return round?.proposal === undefined ? "idle" : "pre-prepared";
}
