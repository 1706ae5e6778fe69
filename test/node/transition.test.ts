/**
 * Goal: a chain that has lost more than f validators for good goes on by what the remaining operators sign, nothing final is
 * lost, nobody takes part in it unasked, and a verifier accepts it by name or not at all.
 */
import { afterEach, describe, expect, it } from "vitest";
import { hex0x } from "../../src/base/bytes.ts";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { encodeHeader, encodeSummary } from "../../src/chain/types/block.ts";
import {
  checkTransition,
  readTransition,
  showTransition,
  type Transition,
  transitionId,
  transitionSigningBytes,
} from "../../src/chain/types/transition.ts";
import { endsEpoch, plainEpochOn } from "../../src/chain/types/validator-set.ts";
import { createSigner } from "../../src/crypto/keys.ts";
import { ReplicaMembership } from "../../src/node/api/membership-api.ts";
import { linksOf, ProvedSets } from "../../src/sdk/epoch-chain.ts";
import { openGenesis } from "../../src/sdk/trusted-genesis.ts";
import { EpochNet } from "../../src/tools/sim/epochs/epoch-net.ts";

let net: EpochNet;
/** Why nodes stopped. */
let failures: string[] = [];
const watching = [{ failed: (_: number, error: unknown) => void failures.push(String(error)) }];
afterEach(() => net.cluster.stop());

const height = (node: number) => net.height(node);

/** Four members and a spare; two members go for good at about this height. @returns the last block */
async function lose(above: bigint, signatures: "ideal" | "ed25519" = "ideal") {
  failures = [];
  net = new EpochNet({ seed: 3, nodes: 5, members: 4, signatures }, watching);
  for (const { disk } of net.cluster.nodes) disk.remember();
  net.start();
  await net.until(() => [0, 1, 4].every((node) => height(node) >= above), 60_000);
  net.cluster.crash(2);
  net.cluster.crash(3);
  // What is on its way arrives; then nothing moves any more.
  await net.until(() => false, 4_000);
  expect(new Set([height(0), height(1), height(4)]).size).toBe(1);
  return net.first.chain.head;
}

/** Nodes 0 and 1 stay, 4 comes. */
function transition(signers: readonly number[], over: Partial<Transition> = {}): Transition {
  const { head } = net.first.chain;
  const fields = {
    genesisHash: net.world.genesisHash,
    epoch: plainEpochOn(head) + 1n,
    height: head.summary.height,
    parentHash: head.hash,
    signaturesNeeded: 2,
    reason: "two machines burnt",
    members: [0, 1, 4].map((node) => net.member(node)),
    ...over,
  };
  const message = transitionSigningBytes(transitionId({ ...fields }));
  const signatures = signers.map((node) => {
    const { publicKey, sign } = createSigner(net.world.plan.validators[node]!.seed);
    return { account: publicKey, signature: sign(message) };
  });
  return { ...fields, signatures };
}

function startWith(nodes: readonly number[], accepted: Transition): void {
  for (const node of nodes) {
    if (net.cluster.node(node).isUp) net.cluster.crash(node);
    net.cluster.node(node).transitions = [accepted];
    net.cluster.start(node);
  }
}

const goesOn = (nodes: readonly number[], to: bigint) =>
  net.until(() => nodes.every((node) => height(node) >= to), 60_000);

describe("a transition", () => {
  it("lets the chain go on with other validators, and its first block says so", async () => {
    const { hash, summary } = await lose(6n);
    const accepted = transition([0, 1]);
    startWith([0, 1, 4], accepted);
    expect(await goesOn([0, 1, 4], summary.height + 30n)).toBe(true);
    const { chain } = net.first;
    expect(chain.store.hashAt(summary.height)).toEqual(hash);
    const first = chain.sealedBlockAt(summary.height + 1n)!.block.summary;
    expect(first).toMatchObject({ epoch: 1n, flags: 1, extra: transitionId(accepted) });
    expect(chain.sealedBlockAt(summary.height + 2n)!.block.summary).toMatchObject({ epoch: 1n, flags: 0 });
    // Its epoch ends at a checkpoint like any other, and its members vote as any others.
    expect(net.governance.epoch).toBeGreaterThan(1n);
    expect((net.governance.firstHeight - 1n) % 4n).toBe(0n);
    expect(net.governance.members.map(({ name }) => name)).toEqual(["node0", "node1", "node4"]);
    // Without the option: the chain itself has it by now.
    net.cluster.crash(1);
    net.cluster.node(1).transitions = [];
    net.cluster.start(1);
    expect(await goesOn([1], height(0) + 4n)).toBe(true);
  });

  it("binds nobody who was not told to accept it: the others stay where they were, and follow when they are", async () => {
    const { summary } = await lose(6n);
    startWith([0, 1, 4], transition([0, 1]));
    net.cluster.start(2);
    expect(await goesOn([0, 1, 4], summary.height + 8n)).toBe(true);
    expect(height(2)).toBe(summary.height);
    const missed = () => net.cluster.replica(2)?.watches.transitions.missed();
    const id = net.first.chain.sealedBlockAt(summary.height + 1n)!.block.summary.extra;
    expect(missed()).toMatchObject({ id: hex0x(id), height: summary.height + 1n });
    expect(missed()).toEqual(missed());
    expect(net.first.watches.transitions.missed()).toBeUndefined();
    startWith(
      [2],
      transition([0, 1], {
        height: summary.height,
        parentHash: net.first.chain.store.hashAt(summary.height)!,
        epoch: 1n,
      }),
    );
    expect(await goesOn([2], summary.height + 8n)).toBe(true);
    expect(missed()).toBeUndefined();
    expect(net.cluster.replica(2)?.self).toBeUndefined();
  });

  it("goes on from the last block of an epoch whose checkpoint never became stable", async () => {
    net = new EpochNet({ seed: 5, nodes: 5, members: 4, signatures: "ideal" });
    net.start();
    await net.until(() => height(0) >= 15n, 60_000);
    // The block comes through, the checkpoint of it does not.
    await net.until(() => [0, 1].every((node) => height(node) >= 16n), 60_000);
    net.cluster.crash(2);
    net.cluster.crash(3);
    await net.until(() => false, 4_000);
    const { head } = net.first.chain;
    startWith([0, 1, 4], transition([0, 1]));
    expect(await goesOn([0, 1, 4], head.summary.height + 10n)).toBe(true);
    const first = net.first.chain.sealedBlockAt(head.summary.height + 1n)!.block.summary;
    expect(first.epoch).toBe(plainEpochOn(head) + 1n);
    if (endsEpoch(head.summary)) expect(first.epoch).toBe(head.summary.epoch + 2n);
  });

  it("is refused below its number of signatures, by whom it does not name, and where something final would be lost", async () => {
    const { summary } = await lose(6n);
    const { validators } = net.first.voting;
    const faultOf = (one: Transition) => checkTransition(one, validators)?.detail ?? "accepted";
    expect(faultOf(transition([0, 1]))).toBe("accepted");
    expect(faultOf(transition([0]))).toContain("1 of 2 signatures needed");
    expect(faultOf(transition([0, 2]))).toContain("node1 stays, and its operator has not signed");
    expect(faultOf(transition([0, 4]))).toContain("is no account of epoch 0");
    expect(faultOf(transition([0], { signaturesNeeded: 1 }))).toContain("at least 2");
    expect(faultOf({ ...transition([0, 1]), reason: "another" })).toContain("does not hold");
    const twice = [0, 1].map(() => net.member(0));
    expect(faultOf(transition([0, 1], { members: twice }))).toContain("distinct");
    const early = {
      height: summary.height - 1n,
      parentHash: net.first.chain.store.hashAt(summary.height - 1n)!,
    };
    startWith([0], transition([0, 1], early));
    await net.until(() => false, 100);
    expect(net.cluster.replica(0)).toBeUndefined();
    const unsigned = transition([0]);
    startWith([1], unsigned);
    await net.until(() => false, 100);
    expect(net.cluster.replica(1)).toBeUndefined();
  });

  it("brings back a chain whose operators removed a member although another was down, as they were warned", async () => {
    net = new EpochNet({ seed: 3, nodes: 5, members: 4, signatures: "ideal" });
    net.start();
    await net.until(() => height(0) >= 2n, 60_000);
    net.cluster.crash(3);
    await net.until(() => false, 3_000);
    const change = net.remove(2);
    const words = ReplicaMembership.of(net.cluster.replica(0)!)!.harms({
      ...{ kind: "propose", change, isForced: false, note: new Uint8Array(0) },
    });
    expect(words).toMatchObject({
      value: [
        "without node2 3 validators remain, of whom 2 must agree and 2 are heard now (not heard: node3): if 1 more of them is away the chain stands, and none may be faulty (4 tolerate one)",
      ],
    });
    expect(await net.decide(change, [0, 1, 2])).toBe(true);
    await net.until(() => net.governance.members.length === 3, 60_000);
    const { firstHeight } = net.governance;
    // Two of three agree; with one more away it stands.
    expect(await goesOn([0, 1], firstHeight + 6n)).toBe(true);
    net.cluster.crash(1);
    await net.until(() => false, 2_000);
    const { head } = net.first.chain;
    await net.until(() => false, 3_000);
    expect(height(0)).toBe(head.summary.height);
    startWith([0, 2], transition([0], { signaturesNeeded: 1, members: [0, 2].map((i) => net.member(i)) }));
    expect(await goesOn([0, 2], head.summary.height + 8n)).toBe(true);
    expect(net.first.chain.store.hashAt(head.summary.height)).toEqual(head.hash);
  });

  it("is the only one of its epoch: a node that has accepted it takes no other, whether or not it came to anything", async () => {
    const { summary } = await lose(6n);
    const [first, second] = [transition([0, 1]), transition([0, 1], { reason: "two files" })];
    // One of three alone: nothing becomes final, and it may have voted.
    startWith([0], first);
    await net.until(() => false, 2_000);
    expect(height(0)).toBe(summary.height);
    for (const kept of [[second], []]) {
      net.cluster.crash(0);
      net.cluster.node(0).transitions = kept;
      net.cluster.start(0);
      await net.until(() => false, 100);
      expect(net.cluster.replica(0) === undefined).toBe(kept.length === 1);
      if (kept.length === 1) net.cluster.node(0).cutPower();
      net.cluster.node(0).observing = false; // it is not its journal that is damaged
    }
    startWith([1, 4], second);
    startWith([0], second);
    await net.until(() => false, 100);
    expect(net.cluster.replica(0)).toBeUndefined();
    net.cluster.node(0).observing = false;
    startWith([0], first);
    // With the two that have the other one: it votes for nothing of theirs, and stops when it sees that they went on.
    expect(await goesOn([1, 4], summary.height + 4n)).toBe(true);
    expect(height(0)).toBeLessThanOrEqual(summary.height);
  });

  it("is the only one of its epoch for a node that has not voted under it yet, too", async () => {
    await lose(6n);
    const [first, second] = [transition([0, 1]), transition([0, 1], { reason: "two files" })];
    startWith([0], first);
    await net.until(() => net.cluster.replica(0) !== undefined, 100);
    for (const [kept, takesIt] of [
      [second, false],
      [first, true],
    ] as const) {
      net.cluster.crash(0);
      net.cluster.node(0).observing = false;
      startWith([0], kept);
      await net.until(() => false, 1);
      expect(net.cluster.replica(0) !== undefined).toBe(takesIt);
      if (!takesIt) net.cluster.node(0).cutPower();
    }
  });

  it("binds the key that voted under it, not only the database: where that is lost, the other one is refused", async () => {
    const { summary } = await lose(6n);
    const [first, second] = [transition([0, 1]), transition([0, 1], { reason: "two files" })];
    startWith([0, 1, 4], first);
    // Its votes are of a later epoch than that which the other one opens.
    expect(await goesOn([0, 1, 4], summary.height + 24n)).toBe(true);
    const node = net.cluster.node(4);
    net.cluster.crash(4);
    node.disk.rollBack(Number.POSITIVE_INFINITY);
    // Refused before it is noted.
    startWith([4], second);
    await net.until(() => false, 200);
    expect(failures).toEqual([
      expect.stringContaining("these are two chains, and a key that voted for both"),
    ]);
    node.cutPower();
    node.observing = false; // it is not its journal that is damaged
    startWith([4], first);
    expect(await goesOn([0, 1, 4], summary.height + 50n)).toBe(true);
    expect(net.cluster.replica(4)?.voting.votes).toBe(true);
  });

  it("is refused to a key that has voted in an epoch of that number without it", async () => {
    failures = [];
    net = new EpochNet({ seed: 3, nodes: 5, members: 4, signatures: "ideal" }, watching);
    net.cluster.node(0).disk.remember();
    net.start();
    await net.until(() => net.first.voting.epoch === 0n && height(0) >= 6n, 60_000);
    const early = net.first.chain.head;
    const file = transition([0, 1], {
      ...{ height: early.summary.height, parentHash: early.hash },
      members: [0, 1].map((node) => net.member(node)),
    });
    expect(await goesOn([0, 1, 2, 3], 20n)).toBe(true);
    const node = net.cluster.node(0);
    net.cluster.crash(0);
    node.disk.rollBack(Number.POSITIVE_INFINITY);
    for (const other of [1, 2, 3]) net.cluster.crash(other);
    startWith([0], file);
    await net.until(() => false, 200);
    expect(failures).toEqual([expect.stringContaining("is of epoch 1 under no transition; this chain")]);
  });

  it("is shown to a verifier, who accepts it by its name or not at all", async () => {
    await lose(6n, "ed25519");
    const accepted = transition([0, 1]);
    startWith([0, 1, 4], accepted);
    expect(await goesOn([0], accepted.height + 20n)).toBe(true);
    const links = linksOf(
      ReplicaMembership.of(net.first)!
        .epochs(0n, 10)
        .map(({ validators, end, openedBy }) => ({
          validators: validators.members.map(({ name, publicKey, account }) => ({
            name,
            publicKey: hex0x(publicKey),
            account: hex0x(account),
          })),
          end:
            end === undefined
              ? null
              : {
                  header: hex0x(encodeHeader(end.head.header)),
                  summary: hex0x(encodeSummary(end.head.summary)),
                  seal: hex0x(end.seal),
                },
          transition: openedBy === undefined ? null : showTransition(openedBy),
        })),
    );
    const opened = openGenesis(formatGenesis(net.world.genesis));
    if (!opened.ok) throw new Error(opened.fault.detail);
    const stranger = new ProvedSets(opened.value).extend(links[0]!);
    expect(stranger.ok ? "" : stranger.fault.detail).toMatch(
      /^BREAK OF TRUST .*"two machines burnt".*0x[0-9a-f]{64}$/,
    );
    const sets = new ProvedSets({ ...opened.value, accepted: [hex0x(transitionId(accepted))] });
    for (const link of links) expect(sets.extend(link)).toMatchObject({ ok: true });
    expect(sets.newest).toBeGreaterThanOrEqual(2n);
    expect(sets.breaksUpTo(sets.newest)).toMatchObject([{ height: accepted.height, epoch: 1n }]);
    // Nor with other members than were signed for.
    const file = { ...showTransition(accepted), members: showTransition(accepted).members.slice(1) };
    const forged = new ProvedSets({ ...opened.value, accepted: [hex0x(transitionId(accepted))] });
    expect(forged.extend({ ...links[0]!, transition: file }).ok).toBe(false);
  });

  it("reads as it was written, and refuses other files", async () => {
    await lose(2n);
    const one = transition([0, 1]);
    expect(readTransition(JSON.parse(JSON.stringify(showTransition(one))))).toEqual({ ok: true, value: one });
    for (const other of [
      {},
      [],
      "x",
      { ...showTransition(one), format: 2 },
      { ...showTransition(one), height: "-1" },
    ])
      expect(readTransition(other).ok).toBe(false);
  });
});
