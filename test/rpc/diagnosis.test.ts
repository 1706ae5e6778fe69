/** Goal: what went wrong can be asked for and proven elsewhere. Method: a node of the test whose state is set. */
import { describe, expect, it } from "vitest";
import { asHash, hex0x, showHash } from "../../src/base/bytes.ts";
import { encodeEvidence } from "../../src/consensus/pbft/evidence.ts";
import { signingBytes, type VoteBody } from "../../src/consensus/pbft/messages.ts";
import { Client } from "../../src/sdk/client.ts";
import { openGenesis, verifyEvidence } from "../../src/sdk/verify.ts";
import { genesisHash, genesisText, peer, validatorSigners } from "./fake-node.ts";
import { serve } from "./serve.ts";

const [A, B] = [1, 2].map((digit) => asHash(new Uint8Array(32).fill(digit)));

function signed(hash = A!, signer = 3) {
  const body: VoteBody = { type: "commit", from: 3, epoch: 0n, view: 7n, height: 9n, hash };
  return { ...body, signature: validatorSigners[signer]!.sign(signingBytes(genesisHash, body)) };
}

const bytes = encodeEvidence(signed(A), signed(B));
const record = {
  evidence: { author: 3, epoch: 0n, view: 7n, height: 9n, phase: "commit", digests: [A!, B!] },
  bytes,
  foundAtMs: 1_700_000_000_000,
} as const;

describe("consensus_getEvidence", () => {
  it("names the validator and gives a proof that holds without the node", async () => {
    const { node, url } = await serve();
    const client = new Client(url);
    expect(await client.call("consensus_getEvidence")).toEqual([]);
    node.equivocations = [record, { ...record, foundAtMs: 1 }];
    const [first, ...rest] = await client.call("consensus_getEvidence", { limit: 1 });
    expect(rest).toEqual([]);
    expect(first).toEqual({
      validator: 3,
      name: "node3",
      epoch: 0,
      view: 7,
      height: 9,
      phase: "commit",
      digests: [showHash(A!), showHash(B!)],
      evidence: hex0x(bytes),
      foundAtMs: 1_700_000_000_000,
    });
    expect(verifyEvidence(genesisText, first!.evidence)).toMatchObject({
      valid: true,
      validator: 3,
      name: "node3",
      height: 9n,
      digests: first!.digests,
    });
  });
});

describe("evidence offline", () => {
  it("is refused with a reason when it proves nothing", () => {
    const opened = openGenesis(genesisText);
    const trusted = opened.ok ? opened.value : "";
    for (const [evidence, reason] of [
      [encodeEvidence(signed(A), signed(A)), /say the same/],
      [encodeEvidence(signed(A), signed(B, 2)), /not signed by validator 3/],
      ["zz", /not hex/],
      ["0x02", /version 2/],
    ] as const) {
      const answer = verifyEvidence(trusted, evidence);
      expect(answer).toMatchObject({ valid: false, reason: expect.stringMatching(reason) as string });
    }
    expect(verifyEvidence("{}", bytes)).toMatchObject({ valid: false });
  });
});

describe("consensus_explain", () => {
  it("says what is missing", async () => {
    const { node, url } = await serve();
    const client = new Client(url);
    await node.commit();
    expect(await client.call("consensus_explain")).toMatchObject({
      state: "moving",
      ok: true,
      summary: expect.stringMatching(/^1 of 4 votes for height 2 in view 0; missing node1/) as string,
    });
    node.peerList = [peer(1)];
    expect(await client.call("consensus_explain")).toMatchObject({
      state: "no-quorum",
      ok: false,
      summary: "NO QUORUM: 2 of 4 validators online, need 3 - the chain is safe but halted",
    });
    node.validates = false;
    expect(await client.call("consensus_explain")).toMatchObject({ state: "no-engine", ok: true });
  });
});
