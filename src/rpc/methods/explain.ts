/** The method that says why the chain moves or does not; the words are made in explain.ts. */
import { z } from "zod";
import type { BranchesApi, NodeApi } from "../api.ts";
import { CHAIN_STATES, explain, type Standing } from "../explain.ts";
import { explainMining, type MiningStanding } from "../explainmining.ts";
import { method } from "../method.ts";

export const explainConsensus = method({
  name: "consensus_explain",
  summary: "Why the chain moves or does not, in plain words, as this node sees it.",
  kind: "read",
  params: z.strictObject({}),
  result: z.strictObject({
    state: z.enum(CHAIN_STATES),
    ok: z.boolean().meta({ description: "idle, moving, or a follower with peers: nobody has to look" }),
    summary: z.string().meta({ description: "one line for people; its words may change" }),
    details: z.array(z.string()),
  }),
  examples: [
    {
      name: "a quorum is missing a vote",
      params: {},
      result: {
        state: "waiting",
        ok: false,
        summary:
          "2 of 4 votes for height 103 in view 7; missing node2 (down 42 s) and node3 (at view 5); need 3; next try in 8 s",
        details: ["a transaction waits to be included", "phase: prepared; the votes are COMMITs"],
      },
    },
  ],
  async call({ api, scheduler }) {
    const nowMs = scheduler.now();
    const branches = api.branches();
    const { details, ...verdict } =
      branches === undefined
        ? explain(standingOf(api, nowMs))
        : explainMining(await miningStandingOf(api, branches, nowMs));
    return { ...verdict, details: [...details] };
  },
});

const HOUR_MS = 3_600_000;
/** As many of the last hour are counted. */
const REORGS_READ = 100;

async function miningStandingOf(api: NodeApi, branches: BranchesApi, nowMs: number): Promise<MiningStanding> {
  const { transactions, queued } = api.pool();
  const reorgs = (await branches.reorgs(REORGS_READ))
    .map(({ atMs, depth, dropped }) => ({ agoMs: Math.max(0, nowMs - atMs), depth, dropped }))
    .filter(({ agoMs, depth }) => agoMs < HOUR_MS && depth > 0);
  return {
    height: api.head().summary.height,
    headAgeMs: Math.max(0, nowMs - api.headChangedAtMs()),
    spacing: branches.schedule.spacing,
    syncing: api.syncing(),
    ...heightsOf(api),
    peers: api.peers().length,
    pool: { executable: transactions - queued, queued },
    mining: api.mining()?.status(),
    hashrate: branches.hashrate(),
    finalityDepth: api.finalityDepth() ?? 0,
    reorgs,
  };
}

function heightsOf(api: NodeApi): Pick<Standing, "believedHeight" | "claimedHeight"> {
  const claimedHeight = api.peers().reduce((top, { height = 0n }) => (height > top ? height : top), 0n);
  return { believedHeight: api.believedHeight(), claimedHeight };
}

function standingOf(api: NodeApi, nowMs: number): Standing {
  const engine = api.engine();
  const { transactions, queued } = api.pool();
  const peers = api.peers();
  const validators = api.validators().members.map(({ name }, index) => {
    const awaySinceMs = api.awaySinceMs(index);
    const online = engine?.self === index || peers.some((peer) => peer.validator === index);
    const awayMs = online || awaySinceMs === undefined ? undefined : Math.max(0, nowMs - awaySinceMs);
    return { name, online, awayMs };
  });
  return {
    engine,
    timers: api.engineTimers(),
    validators,
    height: api.head().summary.height,
    headAgeMs: Math.max(0, nowMs - api.headChangedAtMs()),
    syncing: api.syncing(),
    ...heightsOf(api),
    peers: peers.length,
    pool: { executable: transactions - queued, queued },
  };
}
