/** The checker of view changes is shown what no correct replica may send, made with the real keys and codecs. */
import { describe, expect, it } from "vitest";
import { EMPTY } from "../../../src/base/bytes.ts";
import { decodeCommitCertificate } from "../../../src/consensus/pbft/certificate.ts";
import { committedHead } from "../../../src/consensus/pbft/certified-head.ts";
import { encodeMessage } from "../../../src/consensus/pbft/message-bytes.ts";
import type { NewViewBody, ViewChangeBody } from "../../../src/consensus/pbft/messages.ts";
import { carriedVote } from "../../../src/consensus/pbft/new-view.ts";
import { encodePacket, MAIL_CONSENSUS } from "../../../src/node/ingress/packet.ts";
import { Forger } from "../../../src/tools/sim/adversaries/forger.ts";
import { scheduleOf } from "../../../src/tools/sim/campaign.ts";
import { runSchedule } from "../../../src/tools/sim/run.ts";
import { transferring, type Watched, watched } from "./watched.ts";

const VIEW = 5n; // its primary is 1

/** One committed block, and no stable checkpoint yet. */
async function oneBlock(): Promise<Watched & { readonly forger: Forger }> {
  const run = watched();
  await transferring(run, 1);
  return { ...run, forger: new Forger(run.world.genesis, run.world.genesisHash) };
}

type Run = Awaited<ReturnType<typeof oneBlock>>;

/** P with the committed block of height 1. */
function shown({ cluster }: Run): Uint8Array {
  const { block, seal } = cluster.replica(0)!.chain.sealedBlockAt(1n)!;
  const certificate = decodeCommitCertificate(seal);
  if (!certificate.ok) throw new Error(certificate.fault.detail);
  const { hash, header, summary } = block;
  return committedHead({ hash, header, summary }, certificate.value).bytes;
}

function viewChange(from: number, certified: readonly Uint8Array[]): ViewChangeBody {
  const nothing = { stableCheckpoint: 0n, checkpoint: EMPTY };
  return { type: "view-change", from, epoch: 0n, view: VIEW, ...nothing, certified };
}

/** What the checkers say of it when node 1 asks for the view after it has committed height 1. */
function asking(run: Run, certified: readonly Uint8Array[]): string[] {
  const message = { type: "view-change", view: VIEW };
  run.checkers.observer.stepped?.(1, { kind: "pool-changed", oldest: undefined }, [
    { kind: "broadcast", message },
  ]);
  const packet = run.forger.packet(viewChange(1, certified), run.world.validators[1]!);
  run.checkers.observer.sent?.(1, 0, packet);
  return details(run, "view-change");
}

/** What they say when node 1 opens the view on three VIEW-CHANGEs and carries over `heights`. */
function opening(run: Run, heights: readonly bigint[], senders: readonly number[] = [0, 1, 2]): string[] {
  const { forger, world, cluster } = run;
  const signer = world.validators[1]!;
  const viewChanges = senders.map((from) => {
    const body = viewChange(from, from === 0 ? [shown(run)] : []);
    return encodeMessage(body, forger.sign(body, world.validators[from]!), EMPTY);
  });
  const open: NewViewBody = { type: "new-view", from: 1, epoch: 0n, view: VIEW, viewChanges, carried: [] };
  const carried = heights.map((height) => {
    const { hash } = cluster.replica(0)!.chain.sealedBlockAt(height)!.block;
    const place = { height, hash, signature: EMPTY };
    return { ...place, signature: forger.sign(carriedVote(open, place), signer) };
  });
  const body = { ...open, carried };
  const packet = encodePacket(MAIL_CONSENSUS, encodeMessage(body, forger.sign(body, signer), EMPTY));
  run.checkers.observer.sent?.(1, 0, packet);
  return details(run, "new-view");
}

function details({ checkers }: Watched, rule: string): string[] {
  return checkers.violations.filter(({ checker }) => checker === rule).map(({ detail }) => detail);
}

describe("the checker of view changes", () => {
  it("accepts a VIEW-CHANGE that shows what was committed", async () => {
    const run = await oneBlock();
    expect(asking(run, [shown(run)])).toEqual([]);
  });

  it("reports one that hides a committed block", async () => {
    expect(asking(await oneBlock(), []).join()).toContain("hides the committed block 1");
  });

  it("reports one whose certificate has been cut", async () => {
    const run = await oneBlock();
    const broken = shown(run);
    broken[broken.length - 1]! ^= 1;
    expect(asking(run, [broken]).join()).toContain("is not valid");
  });

  it("accepts one that shows what was prepared, where the committed block's certificate is of the view asked for", async () => {
    // 3 learns of a block of view 2 while in view 1, where it has prepared another at that height, and then rotates.
    const only = ["f0", "f2", "f3", "f4", "a0", "w0", "w1", "w3"];
    const seeds = { seed: 340_037_890, schedules: 1, nodes: [4, 4], byzantine: 1 } as const;
    const schedule = scheduleOf({ ...seeds, profile: "twins", only, shrink: false }, 0);
    expect((await runSchedule(schedule)).violations).toEqual([]);
  });
  it("accepts a NEW-VIEW that carries what follows from its VIEW-CHANGEs", async () => {
    expect(opening(await oneBlock(), [1n])).toEqual([]);
  });

  it("reports one that leaves a certified block out", async () => {
    expect(opening(await oneBlock(), []).join()).toContain("it must carry [1:");
  });

  it("reports one that rests on too few VIEW-CHANGEs, or not on its sender's", async () => {
    expect(opening(await oneBlock(), [1n], [0, 1]).join()).toContain("rests on VIEW-CHANGEs of 0, 1");
    expect(opening(await oneBlock(), [1n], [0, 2, 3]).join()).toContain("rests on VIEW-CHANGEs of 0, 2, 3");
  });

  it("reports a correct validator that is accused", async () => {
    const run = await oneBlock();
    const accusation = { kind: "report-fault", author: 2, evidence: EMPTY } as const;
    run.checkers.observer.stepped?.(1, { kind: "pool-changed", oldest: undefined }, [accusation]);
    expect(details(run, "accusation")).toHaveLength(1);
  });
});
