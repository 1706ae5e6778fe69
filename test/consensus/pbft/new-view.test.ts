/**
 * Tables for the pure heart of the view change. Goal: `decide` carries over exactly what may have been committed,
 * and every way in which a VIEW-CHANGE or a NEW-VIEW can be wrong has its fault code, at the function and at the message verifier.
 */
import { describe, expect, it } from "vitest";
import { EMPTY, hex } from "../../../src/base/bytes.ts";
import type { Block } from "../../../src/chain/types/block.ts";
import { encodeCheckpointCertificate } from "../../../src/consensus/pbft/certificate.ts";
import { type CertifiedHead, preparedHead } from "../../../src/consensus/pbft/certified-head.ts";
import type { PbftMessage } from "../../../src/consensus/pbft/message-verifier.ts";
import type { ViewChangeBody } from "../../../src/consensus/pbft/messages.ts";
import {
  decide,
  readClaims,
  readDecision,
  type ViewChange,
  verifyCarried,
  verifyClaims,
} from "../../../src/consensus/pbft/new-view.ts";
import { buildBlock, createFixture, PARAMETERS } from "./fixture.ts";
import { signMessage } from "./sign-message.ts";
import { checkpointOf, committedIn, newView, preparedIn, viewChange } from "./viewbench.ts";

const fixture = createFixture(4);
const { genesisHash } = fixture;
const context = { genesisHash, validators: fixture.validators, logWindow: PARAMETERS.logWindow };

/** A branch of blocks from a parent; branches of different names differ. */
function branch(name: number, length: number, parent = fixture.block0): Block[] {
  const blocks: Block[] = [];
  for (let i = 0; i < length; i++) {
    const time = fixture.genesis.timeMs + parent.summary.height * 100n + BigInt(100 * (i + 1) + name);
    blocks.push(buildBlock(fixture, blocks.at(-1) ?? parent, 0, time));
  }
  return blocks;
}

const A = branch(1, 10);
const B = branch(2, 10);
/** Its heights 3, 4, ... stand on A's height 2. */
const C = branch(3, 4, A[1]);

const names = new Map(
  [A, B, C].flatMap((blocks, i) =>
    blocks.map((block): [string, string] => [hex(block.hash), `${"ABC"[i]}${block.summary.height}`]),
  ),
);

function entry(block: Block, view: bigint, kind: CertifiedHead["kind"] = "prepared"): CertifiedHead {
  return { kind, view, head: block, signers: [], bytes: EMPTY };
}

type Claim = Pick<ViewChange, "stableCheckpoint" | "proof" | "entries">;

/** What one replica claims: its checkpoint, and entries as block and view. */
function claim(stable: Block | undefined, ...entries: readonly CertifiedHead[]): Claim {
  const proof = stable === undefined ? undefined : { ...checkpointOf(fixture, stable) };
  return { stableCheckpoint: proof?.height ?? 0n, proof, entries };
}

function decided(...claims: readonly Claim[]): string {
  const { minHeight, carried } = decide(claims, genesisHash);
  return [minHeight, ...carried.map(({ head, view }) => `${names.get(hex(head.hash))}@${view}`)].join(" ");
}

describe("what a new view carries over", () => {
  const none = claim(undefined);
  const table: readonly [string, readonly Claim[], string][] = [
    ["is nothing when nobody prepared anything", [none, none, none], "0"],
    [
      "is a block that a single replica had prepared",
      [none, claim(undefined, entry(A[0]!, 0n)), none],
      "0 A1@0",
    ],
    [
      "is the block of the higher view",
      [claim(undefined, entry(A[0]!, 0n)), claim(undefined, entry(B[0]!, 2n)), none],
      "0 B1@2",
    ],
    [
      "is the block of the higher view, whoever comes first",
      [claim(undefined, entry(B[0]!, 2n)), none, claim(undefined, entry(A[0]!, 0n))],
      "0 B1@2",
    ],
    [
      "is per height the highest view, so it can come from two replicas",
      [claim(undefined, entry(A[0]!, 0n), entry(A[1]!, 0n)), claim(undefined, entry(A[0]!, 3n)), none],
      "0 A1@3 A2@0",
    ],
    [
      "ends where the pick does not extend the one before: what is cut off was committed nowhere",
      [
        claim(undefined, entry(A[0]!, 0n), entry(A[1]!, 0n), entry(A[2]!, 0n)),
        claim(undefined, entry(B[0]!, 1n)),
        none,
      ],
      "0 B1@1",
    ],
    [
      "ends at a broken link even if a later height would fit again",
      [
        claim(undefined, entry(A[0]!, 0n), entry(A[1]!, 0n), entry(A[2]!, 0n)),
        claim(undefined, entry(B[0]!, 0n), entry(B[1]!, 1n)),
        none,
      ],
      "0 A1@0",
    ],
    [
      "branches off above a common ancestor",
      [
        claim(undefined, entry(A[0]!, 0n), entry(A[1]!, 0n), entry(A[2]!, 0n)),
        claim(undefined, entry(A[0]!, 0n), entry(A[1]!, 0n), entry(C[0]!, 2n), entry(C[1]!, 2n)),
        none,
      ],
      "0 A1@0 A2@0 C3@2 C4@2",
    ],
    [
      "begins above the highest checkpoint that is proven",
      [claim(undefined, ...A.slice(0, 5).map((block) => entry(block, 0n))), claim(A[3]), none],
      "4 A5@0",
    ],
    [
      "takes what a replica at a lower checkpoint prepared above the highest one",
      [
        claim(A[3], entry(A[4]!, 0n)),
        claim(undefined, ...A.slice(0, 6).map((block) => entry(block, 0n))),
        claim(A[3]),
      ],
      "4 A5@0 A6@0",
    ],
    [
      "forgets what lies at or below the checkpoint, whatever its view",
      [claim(A[3]), claim(undefined, entry(B[0]!, 9n), entry(B[1]!, 9n)), none],
      "4",
    ],
    [
      "is nothing when what was prepared does not stand on the checkpoint",
      [claim(A[3]), claim(undefined, ...B.slice(0, 5).map((block) => entry(block, 0n))), none],
      "4",
    ],
    [
      "counts a committed block with its own view",
      [claim(undefined, entry(A[0]!, 1n, "committed")), claim(undefined, entry(A[0]!, 0n)), none],
      "0 A1@1",
    ],
    [
      "keeps a committed block below a prepared one of the same branch",
      [claim(undefined, entry(A[0]!, 0n, "committed"), entry(A[1]!, 1n)), none, none],
      "0 A1@0 A2@1",
    ],
    [
      "has no null requests: above the first height without an entry there is none",
      [claim(undefined, entry(A[0]!, 0n)), claim(A[1]), none],
      "2",
    ],
  ];
  it.each(table)("%s", (_, claims, expected) => {
    expect(decided(...claims)).toBe(expected);
  });

  it("does not depend on the order of V", () => {
    const claims = [
      claim(undefined, entry(A[0]!, 0n), entry(A[1]!, 0n)),
      claim(undefined, entry(A[0]!, 0n), entry(A[1]!, 0n), entry(C[0]!, 2n)),
      claim(undefined, entry(A[0]!, 1n)),
    ];
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ];
    const outcomes = orders.map((order) => decided(...order.map((i) => claims[i]!)));
    expect(new Set(outcomes)).toEqual(new Set(["0 A1@1 A2@0 C3@2"]));
  });
});

/** The message verifier's verdict on a message as bytes. */
function verifierFault(message: PbftMessage): string | undefined {
  // A fixture of its own: its message verifier has verified nothing yet.
  const { verifier } = createFixture(4).consensus;
  const parsed = verifier.parse(verifier.encode(message));
  if (!parsed.ok) return parsed.fault.code;
  const verified = verifier.verify(parsed.value);
  return verified.ok ? undefined : verified.fault.code;
}

/** What the verifier asks of a VIEW-CHANGE beyond its own signature, in its order. */
function openProofs(message: Parameters<typeof readClaims>[1]) {
  const claims = readClaims(context, message);
  return claims.ok ? verifyClaims(context, claims.value) : claims;
}

/** What it asks of a NEW-VIEW, whose VIEW-CHANGEs are valid by themselves. */
function checkNewView(message: Parameters<typeof readDecision>[1], asked: readonly ViewChange[]) {
  const decision = readDecision(context, message, asked);
  if (!decision.ok) return decision;
  const bad = verifyCarried(context, message);
  return bad === undefined ? decision : { ok: false as const, fault: bad };
}

describe("a VIEW-CHANGE", () => {
  const prepared = (count: number, view = 0n) =>
    A.slice(0, count).map((block) => preparedIn(fixture, block, view));
  const bytesOf = (entries: readonly CertifiedHead[]) => entries.map(({ bytes }) => bytes);

  it("with a hole-free chain of certificates on its checkpoint is taken", () => {
    const entries = [committedIn(fixture, A[4]!, 0n), preparedIn(fixture, A[5]!, 1n)];
    const message = viewChange(fixture, 2, 2n, { stable: A[3]!, entries });
    expect(verifierFault(message)).toBeUndefined();
    const opened = openProofs(message);
    expect(opened.ok && opened.value.entries.map(({ kind, view }) => `${kind} ${view}`)).toEqual([
      "committed 0",
      "prepared 1",
    ]);
    expect(opened.ok && opened.value.proof?.height).toBe(4n);
  });

  const forgedPrepare = () => {
    const { head } = preparedIn(fixture, A[0]!, 0n);
    const signature = new Uint8Array(64).fill(5);
    const prepares = [1, 2].map((signer) => ({ signer, signature }));
    return preparedHead({ view: 0n, head, prePrepare: signature, prepares });
  };
  const signedBy = (signers: readonly number[], forged = false) => {
    const { signatures, ...facts } = checkpointOf(fixture, A[3]!);
    const kept = signatures.filter(({ signer }) => signers.includes(signer));
    const broken = kept.map(({ signer }) => ({ signer, signature: new Uint8Array(64).fill(3) }));
    return encodeCheckpointCertificate({ ...facts, signatures: forged ? broken : kept });
  };
  const certified = (entries: readonly CertifiedHead[]): Partial<ViewChangeBody> => ({
    certified: bytesOf(entries),
  });
  const table: readonly [string, string, Partial<ViewChangeBody>][] = [
    ["with a hole in P", "wrong-view-change", certified([prepared(3)[0]!, prepared(3)[2]!])],
    ["whose P does not begin above its checkpoint", "wrong-view-change", certified(prepared(2).slice(1))],
    ["whose P repeats a height", "wrong-view-change", certified([prepared(1)[0]!, prepared(1)[0]!])],
    [
      "with a wrong link in P",
      "wrong-view-change",
      certified([prepared(1)[0]!, preparedIn(fixture, B[1]!, 0n)]),
    ],
    [
      "whose P does not stand on its checkpoint",
      "wrong-view-change",
      {
        stableCheckpoint: 4n,
        checkpoint: signedBy([0, 1, 2]),
        certified: bytesOf([preparedIn(fixture, B[4]!, 0n)]),
      },
    ],
    ["with a certificate of the view it asks for", "wrong-view-change", certified(prepared(1, 2n))],
    ["with a certificate of a view above", "wrong-view-change", certified(prepared(1, 7n))],
    ["without the checkpoint that it names", "wrong-view-change", { stableCheckpoint: 4n }],
    ["with a checkpoint for height 0", "wrong-view-change", { checkpoint: signedBy([0, 1, 2]) }],
    [
      "with the checkpoint of another height",
      "wrong-certificate",
      { stableCheckpoint: 8n, checkpoint: signedBy([0, 1, 2]) },
    ],
    [
      "with a checkpoint that too few signed",
      "wrong-certificate",
      { stableCheckpoint: 4n, checkpoint: signedBy([0, 1]) },
    ],
    [
      "with a checkpoint that nobody signed",
      "wrong-certificate",
      { stableCheckpoint: 4n, checkpoint: signedBy([0, 1, 2], true) },
    ],
    ["with a forged certificate", "wrong-certificate", certified([forgedPrepare()])],
    ["with an entry that is no certificate", "malformed", { certified: [new Uint8Array(9)] }],
    ["with a P longer than the window", "wrong-view-change", certified(prepared(9))],
    ["to view 0", "wrong-view-change", { view: 0n }],
  ];
  it.each(table)("%s is refused: %s", (_, code, changed) => {
    const message = viewChange(fixture, 2, 2n, { changed });
    const own = message.view === 0n ? undefined : openProofs(message);
    if (own !== undefined) expect(own).toMatchObject({ ok: false, fault: { code } });
    // A reader that knows L takes no longer list at all.
    const atVerifier = message.certified.length > PARAMETERS.logWindow ? "malformed" : code;
    expect(verifierFault(message)).toBe(atVerifier);
  });

  it("whose certificate names a block of too few PREPAREs, or the primary's own, is refused", () => {
    const { head } = preparedIn(fixture, A[0]!, 0n);
    const sign = (type: "pre-prepare" | "prepare", from: number) =>
      signMessage(fixture.signers[from]!, genesisHash, {
        type,
        from,
        epoch: 0n,
        view: 0n,
        height: 1n,
        hash: head.hash,
      }).signature;
    for (const signers of [[1], [0, 1]]) {
      const prepares = signers.map((signer) => ({ signer, signature: sign("prepare", signer) }));
      const certificate = preparedHead({ view: 0n, head, prePrepare: sign("pre-prepare", 0), prepares });
      const message = viewChange(fixture, 2, 2n, { entries: [certificate] });
      expect(openProofs(message)).toMatchObject({ fault: { code: "wrong-certificate" } });
    }
  });

  it("signed by another key than its sender's is refused", () => {
    const message = viewChange(fixture, 2, 2n);
    expect(verifierFault({ ...message, from: 3 })).toBe("bad-signature");
  });
});

describe("a NEW-VIEW", () => {
  const view = 2n;
  const entries = [preparedIn(fixture, A[0]!, 0n), preparedIn(fixture, A[1]!, 1n)];
  const asking = (from: number, target = view) => viewChange(fixture, from, target, { entries });
  const V = [asking(0), asking(1), asking(2)];
  const faultOf = (asked: readonly ViewChange[], lie?: Parameters<typeof newView>[3]) => {
    const message = newView(fixture, view, asked, lie);
    const checked = checkNewView(message, asked);
    const code = checked.ok ? undefined : checked.fault.code;
    expect(verifierFault(message)).toBe(code);
    return code;
  };

  it("whose O follows from a quorum's VIEW-CHANGEs is taken, in whatever order they stand", () => {
    expect(faultOf(V)).toBeUndefined();
    expect(faultOf([...V].reverse())).toBeUndefined();
    expect(newView(fixture, view, V).carried.map(({ height }) => height)).toEqual([1n, 2n]);
  });

  it("with V too small, too large, of two views, twice of one sender, or without its primary is refused", () => {
    expect(faultOf([V[0]!, V[2]!])).toBe("wrong-view-change");
    expect(faultOf([...V, asking(3)])).toBe("wrong-view-change");
    expect(faultOf([V[0]!, asking(1, 3n), V[2]!])).toBe("wrong-view-change");
    expect(faultOf([V[0]!, V[0]!, V[2]!])).toBe("wrong-view-change");
    expect(faultOf([V[0]!, V[0]!, V[1]!, V[2]!])).toBe("wrong-view-change");
    expect(faultOf([V[0]!, V[1]!, asking(3)])).toBe("wrong-view-change");
  });

  it("with an entry of O missing, too many, or another is refused, however well signed", () => {
    const third = signMessage(fixture.signers[2]!, genesisHash, {
      type: "pre-prepare",
      from: 2,
      epoch: 0n,
      view,
      height: 3n,
      hash: A[2]!.hash,
    });
    const other = signMessage(fixture.signers[2]!, genesisHash, {
      type: "pre-prepare",
      from: 2,
      epoch: 0n,
      view,
      height: 2n,
      hash: B[1]!.hash,
    });
    expect(faultOf(V, (carried) => carried.slice(0, 1))).toBe("wrong-view-change");
    expect(faultOf(V, () => [])).toBe("wrong-view-change");
    expect(faultOf(V, (carried) => [...carried, third])).toBe("wrong-view-change");
    expect(faultOf(V, (carried) => [carried[0]!, other])).toBe("wrong-view-change");
    expect(faultOf(V, (carried) => [...carried].reverse())).toBe("wrong-view-change");
  });

  it("with a PRE-PREPARE in O that its primary has not signed is refused", () => {
    const bad = (signature: Uint8Array) =>
      faultOf(V, (carried) => [carried[0]!, { ...carried[1]!, signature }]);
    expect(bad(new Uint8Array(64).fill(1))).toBe("bad-signature");
    const foreign = signMessage(fixture.signers[3]!, genesisHash, {
      type: "pre-prepare",
      from: 2,
      epoch: 0n,
      view,
      height: 2n,
      hash: A[1]!.hash,
    });
    expect(bad(foreign.signature)).toBe("bad-signature");
  });

  it("by another than the primary of its view is refused before any signature is checked", () => {
    expect(verifierFault({ ...newView(fixture, view, V), from: 1 })).toBe("wrong-role");
  });

  it("whose V holds a VIEW-CHANGE that is not valid by itself is refused with that one's fault", () => {
    const lying = viewChange(fixture, 1, view, { changed: { certified: [entries[1]!.bytes] } });
    expect(verifierFault(newView(fixture, view, [V[0]!, { ...lying, entries } as ViewChange, V[2]!]))).toBe(
      "wrong-view-change",
    );
    const unsigned = { ...V[1]!, signature: new Uint8Array(64) };
    expect(verifierFault(newView(fixture, view, [V[0]!, unsigned, V[2]!]))).toBe("bad-signature");
    const strange = newView(fixture, view, V);
    const vote = encodeVoteAsViewChange();
    const body = { ...strange, viewChanges: [strange.viewChanges[0]!, vote, strange.viewChanges[2]!] };
    const { signature: _, asked: __, decision: ___, ...unsignedBody } = body;
    expect(
      verifierFault(signMessage(fixture.signers[2]!, genesisHash, unsignedBody) as unknown as PbftMessage),
    ).toBe("wrong-view-change");
  });
});

/** Something of the right sender that is no VIEW-CHANGE. */
function encodeVoteAsViewChange(): Uint8Array {
  const vote = signMessage(fixture.signers[1]!, genesisHash, {
    type: "prepare",
    from: 1,
    epoch: 0n,
    view: 0n,
    height: 1n,
    hash: A[0]!.hash,
  });
  return fixture.consensus.verifier.encode(vote as PbftMessage);
}
