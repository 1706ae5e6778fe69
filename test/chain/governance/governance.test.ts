import { describe, expect, it } from "vitest";
import { asAddress, asHash, type Hash } from "../../../src/base/bytes.ts";
import {
  applyChange,
  type Change,
  checkProof,
  possessionBytes,
  readChange,
  writeChange,
} from "../../../src/chain/governance/change.ts";
import {
  closeEpoch,
  type Governance,
  genesisGovernance,
  readGovernance,
  seatsThatMayChange,
  secondCheckpointAfter,
  writeGovernance,
} from "../../../src/chain/governance/governance-state.ts";
import { readOpenProposals, tallyOf } from "../../../src/chain/governance/proposals.ts";
import { gov } from "../../../src/chain/modules/gov.ts";
import type { GovCall } from "../../../src/chain/modules/gov-declaration.ts";
import { StateOverlay } from "../../../src/chain/state/state-overlay.ts";
import { createValidatorSet, type Validator } from "../../../src/chain/types/validator-set.ts";
import { decode } from "../../../src/codec/reader.ts";
import { Writer } from "../../../src/codec/writer.ts";
import { createSigner } from "../../../src/crypto/keys.ts";

const signerOf = (i: number) => createSigner(new Uint8Array(32).fill(i + 1));
const PEER_END = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

function member(i: number): Validator {
  return {
    name: `node${i}`,
    publicKey: signerOf(i).publicKey,
    account: signerOf(100 + i).publicKey,
    peerId: `12D3KooW${PEER_END[i]}${"A".repeat(43)}`,
  };
}

const LIMITS = { maxBlockBytes: 100_000, maxBlockTransactions: 500, maxTxBytes: 16_384, minFee: 1n };
const BOUNDS = { checkpointInterval: 4, logWindow: 8, limits: LIMITS };
const PROOF = { height: 1n, signature: new Uint8Array(64) };

function governanceOf(count: number, changes: Partial<Governance> = {}): Governance {
  const members = Array.from({ length: count }, (_, i) => member(i));
  return { ...genesisGovernance({ epochLength: 16, rotationInterval: 4 }, members)!, ...changes };
}

const apply = (governance: Governance, change: Change) => applyChange(governance, change, BOUNDS);
const add = (i: number): Change => ({ kind: "add", member: member(i), proof: PROOF });
const remove = (i: number): Change => ({ kind: "remove", publicKey: member(i).publicKey });

describe("a change of members", () => {
  it("comes back from its bytes as it was, of each kind", () => {
    const { publicKey } = member(1);
    const changes: Change[] = [
      add(7),
      remove(1),
      { kind: "replace", publicKey, newKey: member(8).publicKey, proof: PROOF },
      { kind: "admit", name: "follower", peerId: member(9).peerId },
      { kind: "dismiss", peerId: member(9).peerId },
      { kind: "set", parameter: "rotationInterval", value: 7 },
    ];
    for (const change of changes) {
      const writer = new Writer();
      writeChange(writer, change);
      expect(decode(writer.finish(), "change", readChange)).toEqual({ ok: true, value: change });
    }
  });

  it("is for the next epoch: the members of this one stay", () => {
    const applied = apply(governanceOf(4), add(4));
    if (!applied.ok) throw new Error(applied.fault.detail);
    expect(applied.value.members).toHaveLength(4);
    expect(applied.value.nextMembers.map(({ name }) => name)).toContain("node4");
  });

  it.each([
    [1, 1],
    [4, 1],
    [6, 1],
    [7, 2],
    [10, 3],
  ])("of %i members lets %i seats change in one epoch", (count, seats) => {
    expect(seatsThatMayChange(count)).toBe(seats);
    let governance = governanceOf(count);
    for (let i = 0; i < seats; i++) {
      const applied = apply(governance, add(20 + i));
      if (!applied.ok) throw new Error(applied.fault.detail);
      governance = applied.value;
    }
    expect(apply(governance, add(30))).toMatchObject({ fault: { code: "epoch-full" } });
  });

  it.each<[string, Change, RegExp]>([
    ["a key that is there", add(1), /publicKey is taken/],
    [
      "an account that is there",
      { ...add(5), member: { ...member(5), account: member(2).account } } as Change,
      /account is taken/,
    ],
    [
      "a name that is there",
      { ...add(5), member: { ...member(5), name: "node2" } } as Change,
      /name is taken/,
    ],
    [
      "a weak key",
      { ...add(5), member: { ...member(5), publicKey: asAddress(new Uint8Array(32)) } } as Change,
      /weak/,
    ],
    [
      "a name with a line end",
      { ...add(5), member: { ...member(5), name: "a\nb" } } as Change,
      /name must be/,
    ],
    ["somebody who is not there", remove(9), /no validator/],
    [
      "an epoch that is no multiple of K",
      { kind: "set", parameter: "epochLength", value: 17 },
      /no multiple/,
    ],
    ["an epoch of one checkpoint", { kind: "set", parameter: "epochLength", value: 4 }, /no multiple/],
  ])("with %s does not fit", (_, change, words) => {
    const applied = apply(governanceOf(4), change);
    expect(applied).toMatchObject({ ok: false, fault: { code: "unfit" } });
    expect(applied.ok ? "" : applied.fault.detail).toMatch(words);
  });

  it("never removes the last validator", () => {
    expect(apply(governanceOf(1), remove(0))).toMatchObject({ fault: { code: "unfit" } });
  });
});

describe("a proof of possession", () => {
  const genesisHash = asHash(new Uint8Array(32).fill(9));
  const hashAt = (height: bigint): Hash => asHash(new Uint8Array(32).fill(Number(height)));
  const context = { genesisHash, checkpointInterval: 4, height: 20n, hashAt };

  function proved(height: bigint, by = 5, account = member(5).account): Change {
    const claim = { genesisHash, height, blockHash: hashAt(height), publicKey: member(5).publicKey, account };
    const signature = signerOf(by).sign(possessionBytes(claim));
    return { kind: "add", member: member(5), proof: { height, signature } };
  }

  it("holds over a block of the last two checkpoints, and over none that is older or not there yet", () => {
    for (const height of [12n, 19n])
      expect(checkProof(proved(height), governanceOf(4), context).ok).toBe(true);
    for (const height of [11n, 20n, 21n])
      expect(checkProof(proved(height), governanceOf(4), context).ok).toBe(false);
  });

  it("holds by the new key alone, for the account that it names", () => {
    expect(checkProof(proved(19n, 6), governanceOf(4), context).ok).toBe(false);
    expect(checkProof(proved(19n, 5, member(6).account), governanceOf(4), context).ok).toBe(false);
  });

  it("of a key that takes a seat over names the account of the seat", () => {
    const publicKey = member(2).publicKey;
    const newKey = member(5).publicKey;
    const sign = (account: Validator["account"]) => {
      const claim = { genesisHash, height: 19n, blockHash: hashAt(19n), publicKey: newKey, account };
      return { height: 19n, signature: signerOf(5).sign(possessionBytes(claim)) };
    };
    const change = (account: Validator["account"]): Change => ({
      kind: "replace",
      publicKey,
      newKey,
      proof: sign(account),
    });
    expect(checkProof(change(member(2).account), governanceOf(4), context).ok).toBe(true);
    expect(checkProof(change(member(5).account), governanceOf(4), context).ok).toBe(false);
  });
});

describe("an epoch", () => {
  it("is opened by the last block of the one before, whose header can name its set", () => {
    const state = new StateOverlay({ get: () => undefined });
    const planned = apply(governanceOf(4), add(4));
    if (!planned.ok) throw new Error(planned.fault.detail);
    writeGovernance(state, { ...planned.value, lastHeight: 8n });
    expect(closeEpoch(state, 7n, () => undefined)).toBeUndefined();
    expect(closeEpoch(state, 8n, () => undefined)).toEqual(
      createValidatorSet(1n, planned.value.nextMembers).hash,
    );
    expect(readGovernance(state)).toMatchObject({ epoch: 1n, firstHeight: 9n, lastHeight: 24n, changed: 0 });
    expect(readGovernance(state)?.members).toHaveLength(5);
  });

  it("ends at the second checkpoint after a change", () => {
    expect([1n, 3n, 4n, 5n, 8n].map((height) => secondCheckpointAfter(height, 4))).toEqual([
      8n,
      8n,
      12n,
      12n,
      16n,
    ]);
  });

  it("names another set than the one before although nobody has come or gone", () => {
    const { members } = governanceOf(4);
    expect(createValidatorSet(1n, members).hash).not.toEqual(createValidatorSet(0n, members).hash);
  });
});

it("votes are counted by the seats of the set, whoever has voted", () => {
  const governance = governanceOf(4);
  const vote = (i: number, approves = true) => ({ account: member(i).account, approves, isForced: false });
  const votes = [vote(0), vote(1), vote(7), vote(2, false)];
  expect(tallyOf({ votes }, governance)).toEqual({ approve: 2, reject: 1, needed: 3 });
});

describe("a proposal that is not decided within two epochs", () => {
  const overlay = new StateOverlay({ get: () => undefined });
  writeGovernance(overlay, governanceOf(4));
  const governing = {
    ...BOUNDS,
    genesisHash: asHash(new Uint8Array(32)),
    modules: undefined,
    hashAt: () => asHash(new Uint8Array(32)),
  };
  const run = (sender: number, height: bigint, call: GovCall) =>
    gov.execute(call, {
      ...{ height, timeMs: 0n, sender: member(sender).account, fee: 0n, txid: asHash(new Uint8Array(32)) },
      ...{ state: overlay, emit: () => undefined, governing },
    });
  const propose = { kind: "propose", change: remove(3), isForced: false, note: new Uint8Array() } as const;
  const vote = (proposal: bigint) => ({ kind: "vote", proposal, approves: true, isForced: false }) as const;

  it("has expired: no vote counts any more, and its place is free", () => {
    run(0, 5n, propose);
    run(1, 36n, vote(1n));
    expect(() => run(2, 37n, vote(1n))).toThrow("proposal 1 is expired");
    expect(readGovernance(overlay)?.nextMembers).toHaveLength(4);
    run(0, 37n, propose);
    expect(readOpenProposals(overlay)).toEqual({ nextId: 3n, ids: [2n] });
  });
});
