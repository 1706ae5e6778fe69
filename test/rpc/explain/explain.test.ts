/** Goal: the words name what is missing and when the next try is; the state and exit code follow. Method: a table of
 * standings, no node. */
import { describe, expect, it } from "vitest";
import type { EngineStatus } from "../../../src/consensus/engine.ts";
import { explain } from "../../../src/rpc/explain/explain.ts";
import { duration, type Standing } from "../../../src/rpc/explain/standing.ts";

function engineOf(changes: Partial<EngineStatus> = {}): EngineStatus {
  return {
    type: "pbft",
    epoch: 0n,
    view: 7n,
    primary: 3,
    self: 0,
    mode: "normal",
    attempt: 0,
    timers: [],
    waitingFor: undefined,
    viewChanges: [],
    haltReason: undefined,
    recovery: undefined,
    lowWatermark: 96n,
    highWatermark: 128n,
    lastCommitted: 102n,
    stableCheckpoint: 96n,
    lastPrepared: 103n,
    n: 4,
    f: 1,
    quorum: 3,
    slots: [],
    checkpoints: [],
    lastSeen: [0, 1, 2, 3].map(() => ({ height: 102n, view: 7n, inViewChange: false })),
    ...changes,
  };
}

function standingOf(engine: EngineStatus | undefined, changes: Partial<Standing> = {}): Standing {
  return {
    engine,
    timers: [],
    validators: [0, 1, 2, 3].map((i) => ({ name: `node${i}`, online: true, awayMs: undefined })),
    height: 102n,
    headAgeMs: 60_000,
    syncing: undefined,
    believedHeight: 102n,
    claimedHeight: 102n,
    peers: 3,
    expectsPeers: true,
    troubles: [],
    clocks: { measured: [], limitMs: 5_000, early: [] },
    pool: { executable: 0, queued: 0 },
    ...changes,
  };
}

/** node2 is away for 42 s. */
const withoutNode2 = standingOf(undefined).validators.map((validator, i) =>
  i === 2 ? { ...validator, online: false, awayMs: 42_000 } : validator,
);

const slot = (
  phase: "idle" | "pre-prepared" | "prepared" | "committed",
  votes: Partial<EngineStatus["slots"][0]>,
) => ({
  height: 103n,
  view: 7n,
  hash: undefined,
  phase,
  prepares: [],
  commits: [],
  ...votes,
});

const waitingFor = { kind: "height", height: 103n } as const;
const late = [{ name: "request", dueInMs: 8_000, lengthMs: 16_000 }];

describe("an explanation", () => {
  it("counts the votes, names who is missing and why, and says when the next try is", () => {
    const lastSeen = engineOf().lastSeen.map((seen, i) => (i === 3 ? { ...seen, view: 5n } : seen));
    const slots = [slot("prepared", { prepares: [0, 1, 2], commits: [0, 1] })];
    const engine = engineOf({ waitingFor, slots, lastSeen, attempt: 3 });
    const { details, ...verdict } = explain(standingOf(engine, { validators: withoutNode2, timers: late }));
    expect(verdict).toEqual({
      state: "waiting",
      ok: false,
      summary:
        "2 of 4 votes for height 103 in view 7; missing node2 (down 42 s) and node3 (at view 5); need 3; next try in 8 s",
    });
    expect(details).toContain("phase: prepared; the votes are COMMITs");
    expect(details).toContain("request timer: due in 8 s of 16 s");
  });

  it("counts the primary's proposal as its vote", () => {
    const engine = engineOf({ waitingFor, slots: [slot("pre-prepared", { prepares: [1] })] });
    expect(explain(standingOf(engine, { timers: late })).summary).toBe(
      "2 of 4 votes for height 103 in view 7; missing node0 (this node) and node2; need 3; next try in 8 s",
    );
  });

  it("says that the primary has not proposed", () => {
    const engine = engineOf({ primary: 2, waitingFor });
    const standing = standingOf(engine, { validators: withoutNode2, timers: late });
    expect(explain(standing).summary).toBe(
      "no proposal for height 103 from node2 (down 42 s), primary of view 7; next try in 8 s",
    );
  });

  it("calls what has not waited for long moving", () => {
    const timers = [{ name: "request", dueInMs: 1_500, lengthMs: 2_000 }];
    const engine = engineOf({ waitingFor, slots: [slot("pre-prepared", {})] });
    expect(explain(standingOf(engine, { timers }))).toMatchObject({ state: "moving", ok: true });
  });

  it("calls nothing moving that a primary who is away would have to propose", () => {
    const timers = [{ name: "request", dueInMs: 1_900, lengthMs: 2_000 }];
    const standing = standingOf(engineOf({ primary: 2, waitingFor }), { validators: withoutNode2, timers });
    expect(explain(standing)).toMatchObject({ state: "waiting", ok: false });
  });

  it("says first that one more failure would halt the chain, whether it moves or rests", () => {
    const idle = explain(standingOf(engineOf(), { validators: withoutNode2 }));
    expect(idle).toMatchObject({
      state: "degraded",
      ok: false,
      summary:
        "ONE MORE FAILURE HALTS THE CHAIN: without node2 (down 42 s), 3 of 4 validators take part, need 3; " +
        "nothing to agree on: height 102, last block 1 min 0 s ago",
    });
    const timers = [{ name: "request", dueInMs: 1_500, lengthMs: 2_000 }];
    const moving = engineOf({ waitingFor, slots: [slot("pre-prepared", {})] });
    expect(explain(standingOf(moving, { timers, validators: withoutNode2 }))).toMatchObject({
      state: "degraded",
      ok: false,
      summary: expect.stringMatching(/^ONE MORE FAILURE/) as string,
    });
  });

  it("names who is missing and stays well while failures are left to spare, unless it is the primary", () => {
    const n = { n: 7, f: 2, quorum: 5, lastSeen: Array(7).fill(engineOf().lastSeen[0]) };
    const seven = Array.from({ length: 7 }, (_, i) => ({
      name: `node${i}`,
      online: i !== 2,
      awayMs: i === 2 ? 42_000 : undefined,
    }));
    expect(explain(standingOf(engineOf(n), { validators: seven }))).toMatchObject({
      state: "idle",
      ok: true,
      summary: expect.stringContaining("without node2 (down 42 s), 6 of 7 validators take part") as string,
    });
    expect(explain(standingOf(engineOf({ ...n, primary: 2 }), { validators: seven }))).toMatchObject({
      state: "degraded",
      ok: false,
      summary: expect.stringMatching(/^the primary of view 7 is missing/) as string,
    });
  });

  it("counts a validator that is connected and sends nothing for long as missing", () => {
    const timers = [{ name: "status", dueInMs: 400, lengthMs: 1_000 }];
    const silent = (...indexes: number[]) =>
      standingOf(engineOf(), {
        timers,
        validators: standingOf(undefined).validators.map((one, i) => ({
          ...one,
          silentMs: indexes.includes(i) ? 31_000 : 900,
        })),
      });
    expect(explain(silent(1))).toMatchObject({
      state: "degraded",
      ok: false,
      summary: expect.stringContaining("without node1 (connected, and silent for 31 s)") as string,
    });
    const halted = explain(silent(1, 3));
    expect(halted).toMatchObject({ state: "no-quorum", ok: false });
    expect(halted.summary).toContain("2 of 4 validators online and sending votes");
    expect(halted.details[0]).toContain("connected, and stopped or hanging: node1");
    const slow = { ...silent(1), timers: [{ name: "status", dueInMs: 400, lengthMs: 30_000 }] };
    expect(explain(slow)).toMatchObject({ state: "idle", ok: true });
  });

  it("never calls work well that waits long past every timeout", () => {
    const pool = { executable: 1, queued: 0, oldestMs: 90_000 };
    const forgotten = explain(standingOf(engineOf(), { pool }));
    expect(forgotten).toMatchObject({ state: "waiting", ok: false });
    expect(forgotten.summary).toContain("a transaction has waited for 1 min 0 s and is in no proposal");
    const timers = [{ name: "request", dueInMs: 1_900, lengthMs: 2_000 }];
    const restless = standingOf(engineOf({ waitingFor }), { pool, timers, headAgeMs: 80_000 });
    expect(explain(restless)).toMatchObject({ state: "waiting", ok: false });
    expect(explain(standingOf(engineOf(), { pool: { ...pool, oldestMs: 100 } }))).toMatchObject({
      state: "moving",
      ok: true,
    });
  });

  it("says when others are ahead and nobody sends their blocks", () => {
    const standing = { believedHeight: 200n };
    for (const engine of [engineOf(), undefined]) {
      const { state, ok, summary } = explain(standingOf(engine, standing));
      expect({ state, ok }).toEqual({ state: "waiting", ok: false });
      expect(summary).toContain("BEHIND: height 102, others are at 200");
      expect(explain(standingOf(engine, { ...standing, headAgeMs: 1_000 })).ok).toBe(true);
    }
  });

  it("calls a follower behind whose peers have pruned the next block, although their height is only claimed", () => {
    const standing = { believedHeight: 102n, claimedHeight: 200n, headAgeMs: 20_000, lowestOffered: 150n };
    const { ok, summary } = explain(standingOf(undefined, standing));
    expect(ok).toBe(false);
    expect(summary).toMatch(
      /BEHIND: height 102, peers claim more, .*pruned and have blocks from height 150 on/,
    );
  });

  it("tells a follower's operator why no peer lets it in, and that its transactions wait", () => {
    const troubles = [{ name: "node0", reason: "it closed the connection at once" }];
    const refused = explain(standingOf(undefined, { peers: 0, troubles }));
    expect(refused).toMatchObject({ state: "alone", ok: false });
    expect(refused.summary).toMatch(/^no peer is connected: node0: it closed the connection at once/);
    expect(refused.details).toContain("node0 is not connected: it closed the connection at once");
    const pool = { executable: 1, queued: 0, oldestMs: 40_000 };
    expect(explain(standingOf(undefined, { pool }))).toMatchObject({ state: "waiting", ok: false });
  });

  it("finds nothing wrong with an idle chain", () => {
    expect(explain(standingOf(engineOf()))).toMatchObject({
      state: "idle",
      ok: true,
      summary: "nothing to agree on: height 102, last block 1 min 0 s ago",
    });
  });

  it("says that the chain is safe but halted when too few are online", () => {
    const validators = withoutNode2.map((validator, i) =>
      i === 1 ? { ...validator, online: false } : validator,
    );
    const explanation = explain(standingOf(engineOf({ waitingFor }), { validators, timers: late }));
    expect(explanation).toMatchObject({
      state: "no-quorum",
      ok: false,
      summary: "NO QUORUM: 2 of 4 validators online, need 3 - the chain is safe but halted",
    });
    expect(explanation.details).toContain("not connected: node1 (down) and node2 (down 42 s)");
  });

  it("counts VIEW-CHANGEs, then names whose NEW-VIEW is missing", () => {
    const changing = engineOf({ mode: "view-change", view: 8n, primary: 0, attempt: 1 });
    const lastSeen = [8n, 8n, 7n, 7n].map((view) => ({ height: 102n, view, inViewChange: view === 8n }));
    const few = { ...changing, lastSeen, viewChanges: [{ view: 8n, from: [0, 1] }] };
    const resend = [{ name: "resend", dueInMs: 400, lengthMs: 1_000 }];
    expect(explain(standingOf(few, { validators: withoutNode2, timers: resend }))).toMatchObject({
      state: "view-change",
      ok: false,
      summary:
        "2 of 4 VIEW-CHANGEs for view 8; missing node2 (down 42 s) and node3 (at view 7); need 3; asks again in 400 ms",
    });
    const enough = { ...changing, primary: 2, viewChanges: [{ view: 8n, from: [0, 1, 3] }] };
    const timers = [...resend, { name: "new-view", dueInMs: 3_000, lengthMs: 4_000 }];
    expect(explain(standingOf(enough, { validators: withoutNode2, timers })).summary).toBe(
      "waiting for NEW-VIEW 8 from node2 (down 42 s); next try in 3 s",
    );
  });

  it("tells a replica that others have left behind from a view change of all", () => {
    const engine = engineOf({ mode: "view-change", view: 8n, viewChanges: [{ view: 8n, from: [0] }] });
    expect(explain(standingOf(engine)).details[0]).toContain("the others go on in a lower view");
  });

  it("waits for the checkpoint at the end of the window", () => {
    const engine = engineOf({ lastCommitted: 128n, checkpoints: [{ height: 112n, from: [0, 1] }] });
    expect(explain(standingOf(engine, { validators: withoutNode2 })).summary).toBe(
      "2 of 4 CHECKPOINTs for height 112; missing node2 (down 42 s) and node3 (at height 102); need 3 before height 129",
    );
  });

  it("repeats why a validator has stopped voting", () => {
    const engine = engineOf({ mode: "halted", haltReason: "votes of its own are missing" });
    expect(explain(standingOf(engine))).toMatchObject({
      state: "halted",
      ok: false,
      summary: "this validator has stopped voting: votes of its own are missing",
    });
  });

  it("says what a validator with a database younger than its journal waits for, and when the chain stands still", () => {
    const engine = engineOf({ recovery: { kind: "checkpoint", height: 96n }, lastCommitted: 9n });
    const { state, ok, summary, details } = explain(standingOf(engine));
    expect({ state, ok }).toEqual({ state: "recovering", ok: false });
    expect(summary).not.toContain("NONE");
    const low = { claimedHeight: 9n, believedHeight: 9n };
    expect(explain(standingOf(engine, low)).summary).toContain("NONE of the 3 connected peers has it");
    expect(explain(standingOf(engine, { ...low, peers: 0 })).summary).toContain("no peer is connected");
    expect(summary).toContain("ends at height 9");
    expect(summary).toContain("the stable checkpoint of height 96");
    expect(details.join("\n")).toContain("more than 1 of 4 validators");
  });

  it("says that it catches up, and speaks of a follower as one", () => {
    const syncing = { current: 102n, target: 500n, targetVerified: true };
    expect(explain(standingOf(engineOf(), { syncing }))).toMatchObject({ state: "syncing", ok: false });
    expect(explain(standingOf(undefined, { syncing }))).toMatchObject({ state: "syncing", ok: false });
    const claimed = explain(standingOf(undefined, { syncing: { ...syncing, targetVerified: false } }));
    expect(claimed.summary).toContain("a peer claims height 500, unverified");
  });

  it("tells of a claim that nobody could check, without believing it", () => {
    const claimed = { claimedHeight: 2n ** 64n - 1n };
    const { ok, details } = explain(standingOf(engineOf(), claimed));
    expect(ok).toBe(explain(standingOf(engineOf())).ok);
    expect(details).toContain(
      "a peer claims height 18446744073709551615, unverified; 102 is the highest that is verified here",
    );
    expect(explain(standingOf(engineOf(), { claimedHeight: 104n })).details.join()).not.toContain("claims");
    expect(explain(standingOf(undefined))).toMatchObject({ state: "no-engine", ok: true });
    expect(explain(standingOf(undefined, { peers: 0 }))).toMatchObject({ state: "alone", ok: false });
  });

  it("does not call a follower well that sees no block for long where empty ones are due, and an idle chain without them well", () => {
    const late = { headAgeMs: 120_000, emptyBlocksMs: 5_000 };
    const { ok, summary } = explain(standingOf(undefined, late));
    expect(ok).toBe(false);
    expect(summary).toMatch(/^no block came for 2 min 0 s, and an empty one is due every 5 s/);
    expect(explain(standingOf(undefined, { ...late, headAgeMs: 50_000 })).ok).toBe(true);
    expect(explain(standingOf(undefined, { headAgeMs: 9_000_000 })).ok).toBe(true);
  });
});

it.each([
  [0, "0 ms"],
  [850, "850 ms"],
  [1_500, "1.5 s"],
  [8_000, "8 s"],
  [9_960, "10 s"],
  [42_400, "42 s"],
  [59_700, "1 min 0 s"],
  [7_500_000, "2 h 5 min"],
])("%i ms are %s", (ms, text) => expect(duration(ms)).toBe(text));

describe("a chain whose members change", () => {
  const members = {
    epoch: 3n,
    nodeEpoch: 3n,
    lastHeight: 128n,
    joins: ["node4"],
    leaves: ["node1"],
    rekeyed: [],
    planned: [],
    openProposals: 1,
    isCandidate: false,
  };

  it("says who joins and who leaves, that the leaver is needed until then, and that votes are awaited", () => {
    const { details } = explain(standingOf(engineOf(), { members }));
    expect(details).toContain(
      "epoch 3 ends at height 128: node4 will join; node1 will leave, and is needed until then",
    );
    expect(details).toContain("1 proposal waits for votes: quorate gov list");
  });

  it("names the transition as the way out where no quorum is there, and nowhere else", () => {
    const validators = standingOf(engineOf()).validators.map((one, i) => ({ ...one, online: i % 2 === 0 }));
    const halted = (more: object) =>
      explain(standingOf(engineOf({ waitingFor }), { validators, timers: late, ...more }));
    expect(halted({ members }).details).toContain(
      "if more than 1 are gone for good, no vote can put others in their place: the operators who are left sign a transition, a break of trust that loses nothing final (quorate transition --help)",
    );
    expect(halted({}).details.join()).not.toContain("transition");
    expect(explain(standingOf(engineOf(), { members })).details.join()).not.toContain("transition");
  });

  it("says first that others stand on a transition that this node was not told to accept, and speaks of no second one", () => {
    const transition = { id: `0x${"3b".repeat(32)}`, height: 103n, from: "node1" };
    const validators = standingOf(engineOf()).validators.map((one, i) => ({ ...one, online: i % 2 === 0 }));
    const waits = engineOf({ checkpoints: [{ height: 102n, from: [0] }] });
    for (const [state, standing] of [
      ["no-quorum", standingOf(engineOf(), { validators })],
      ["waiting", standingOf(engineOf({ waitingFor }), { timers: late })],
      ["waiting", standingOf(waits, { members: { ...members, nodeEpoch: 2n } })],
      ["waiting", standingOf(undefined, { believedHeight: 110n })],
    ] as const) {
      const said = explain({ members, ...standing, transition });
      expect(said).toMatchObject({ state, ok: false });
      expect(said.summary).toBe(
        `block 103 stands on transition ${transition.id}, which this node was not told to accept: get its file from the other operators, check it with "quorate transition show FILE", and start this node with --transition FILE`,
      );
      expect(said.details.join("\n")).not.toMatch(/sign a transition|goes on by itself/);
      expect(said.details[0]).toMatch(/^node1 sent that block/);
    }
  });

  it("calls a chain that works no worse for what one peer says of a transition", () => {
    const transition = { id: `0x${"3b".repeat(32)}`, height: 103n, from: "node1" };
    for (const standing of [
      standingOf(engineOf()),
      standingOf(engineOf(), { validators: withoutNode2 }),
      standingOf(undefined),
    ]) {
      const { details, ...verdict } = explain(standing);
      const said = explain({ ...standing, transition });
      expect(said).toMatchObject(verdict);
      expect(said.details.filter((line) => !details.includes(line))).toEqual([
        expect.stringMatching(/^node1 sent block 103, which stands on transition 0x3b/),
      ]);
    }
  });

  it("names whom the end of an epoch waits for", () => {
    const engine = engineOf({ checkpoints: [{ height: 102n, from: [0, 2] }] });
    const { summary, ok } = explain(standingOf(engine, { members: { ...members, nodeEpoch: 2n } }));
    expect(summary).toBe(
      "epoch 2 has its last block, 102; the next epoch begins when 3 of 4 have signed its checkpoint: 2 have, node1 and node3 have not. A member that leaves must stay until then",
    );
    expect(ok).toBe(true);
  });

  it("says of a node whose key is in no set that it follows, and when it will vote", () => {
    const { summary } = explain(standingOf(undefined, { members: { ...members, isCandidate: true } }));
    expect(summary).toContain("does not vote");
    expect(summary).toContain("its key is in no validator set now");
  });
});
