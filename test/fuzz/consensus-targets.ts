/** Fuzz targets: what validators send and sign. Consensus messages through the verifier, certificates, evidence. */
import { EMPTY, utf8 } from "../../src/base/bytes.ts";
import { decodeEpochEnd, encodeEpochEnd } from "../../src/chain/snapshot/snapshot-epochs.ts";
import { decodeSealedBlock, encodeBlock, encodeSealedBlock } from "../../src/chain/types/block.ts";
import {
  decodeCheckpointCertificate,
  decodeCommitCertificate,
  encodeCheckpointCertificate,
  encodeCommitCertificate,
} from "../../src/consensus/pbft/certificate.ts";
import { encodeEvidence } from "../../src/consensus/pbft/evidence.ts";
import type { PbftMessage } from "../../src/consensus/pbft/message-verifier.ts";
import { type PbftBody, signingBytes } from "../../src/consensus/pbft/messages.ts";
import { selectConsensus } from "../../src/consensus/select.ts";
import { alice, bob, transfer } from "../chain/fixtures.ts";
import { buildBlock, createFixture, sealOf } from "../consensus/pbft/fixture.ts";
import { signMessage } from "../consensus/pbft/sign-message.ts";
import { checkpointOf, committedIn, newView, preparedIn, viewChange } from "../consensus/pbft/viewbench.ts";
import { blockOf } from "./examples.ts";
import { canonical, codeOf, type FuzzTarget } from "./target.ts";

/** Everything that is made of keys, once. */
function world() {
  const fixture = createFixture(4);
  const block = buildBlock(fixture, fixture.block0, 0, fixture.genesis.timeMs + 5n);
  // Not the fixture's, which remembers every verdict.
  const { verifier, openEvidence, rules } = selectConsensus(
    fixture.genesis,
    fixture.genesisHash,
  ) as typeof fixture.consensus;
  const sign = (body: PbftBody, extra: object = {}) =>
    verifier.encode(
      signMessage(fixture.signers[body.from]!, fixture.genesisHash, body, extra) as PbftMessage,
    );
  return { fixture, block, verifier, openEvidence, rules, sign };
}

const message: FuzzTarget = {
  name: "wire.consensus",
  inSuite: 2_000,
  open: () => {
    const { fixture, block, verifier, sign } = world();
    const place = { epoch: 0n, view: 0n, height: 1n, hash: block.hash };
    const withBlock = { block, blockBytes: encodeBlock(block) };
    const status = {
      view: 0n,
      mode: "normal",
      lowWatermark: 0n,
      stableCheckpoint: 0n,
      lastCommitted: 1n,
    } as const;
    const slots = [{ prePrepare: true, prepares: Uint8Array.of(6), commits: Uint8Array.of(1) }];
    const asked = [0, 1, 2].map((from) =>
      viewChange(fixture, from, 1n, { entries: [preparedIn(fixture, block, 0n)] }),
    );
    const behind = viewChange(fixture, 3, 2n, { stable: block, entries: [committedIn(fixture, block, 0n)] });
    const seeds = [
      sign({ type: "pre-prepare", from: 0, ...place }, withBlock),
      sign({ type: "prepare", from: 1, ...place }),
      sign({ type: "commit", from: 2, ...place }),
      sign({ type: "checkpoint", from: 1, epoch: 0n, ...checkpointOf(fixture, block) }),
      sign({ type: "status", from: 1, epoch: 0n, ...status, viewChangeTarget: 0n, slots }),
      sign({ type: "fetch", from: 1, epoch: 0n, hash: block.hash }),
      sign({ type: "block", from: 1, epoch: 0n, hash: block.hash }, withBlock),
      ...asked.map((one) => verifier.encode(one as never)),
      verifier.encode(behind as never),
      verifier.encode(newView(fixture, 1n, asked) as never),
    ];
    return {
      form: "bytes",
      seeds,
      words: [block.hash, fixture.genesisHash, new Uint8Array(8).fill(0xff)],
      run: (input) => {
        const parsed = verifier.parse(input);
        if (!parsed.ok) return parsed.fault.code;
        return canonical(input, verifier.verify(parsed.value), (read) => verifier.encode(read));
      },
    };
  },
};

/** Hashes in place of transactions: what is opened becomes the PRE-PREPARE that it stands for, or nothing. */
const compactProposal: FuzzTarget = {
  name: "wire.compact-proposal",
  inSuite: 2_000,
  open: () => {
    const { fixture, verifier } = world();
    const transactions = [0n, 1n, 2n].map((nonce) => transfer(alice, bob.publicKey, 3n, { nonce }));
    const block = blockOf(transactions);
    const place = {
      type: "pre-prepare",
      from: 0,
      epoch: 0n,
      view: 0n,
      height: 1n,
      hash: block.hash,
    } as const;
    const withBlock = { block, blockBytes: encodeBlock(block) };
    const proposal = signMessage(fixture.signers[0]!, fixture.genesisHash, place, withBlock) as PbftMessage;
    const { compact } = verifier;
    const seeds = [() => false, () => true].map((isFresh) => compact?.encode(proposal, isFresh) ?? EMPTY);
    return {
      form: "bytes",
      seeds,
      words: [block.hash, ...transactions.map(({ hash }) => hash)],
      run: (input) => {
        const parsed = verifier.parse(input);
        if (!parsed.ok) return parsed.fault.code;
        const opened = compact?.open(parsed.value);
        if (opened?.ok !== true) return opened?.fault.code ?? "none";
        return codeOf(opened.value.complete(transactions));
      },
    };
  },
};

const certificate: FuzzTarget = {
  name: "wire.certificate",
  inSuite: 1_000,
  open: () => {
    const { fixture, block, rules } = world();
    const end = { head: block, seal: sealOf(fixture, block), members: fixture.validators.members };
    const seeds = [
      sealOf(fixture, block),
      encodeCheckpointCertificate(checkpointOf(fixture, block)),
      encodeEpochEnd(end as never),
    ];
    return {
      form: "bytes",
      seeds,
      words: [block.hash],
      run: (input) => {
        const seal = rules.verifySeal(block, input);
        const codes = [
          canonical(input, decodeCommitCertificate(input), encodeCommitCertificate),
          canonical(input, decodeCheckpointCertificate(input), encodeCheckpointCertificate),
          canonical(input, decodeEpochEnd(input), encodeEpochEnd as never),
        ];
        return codes.includes("ok") ? (seal?.code ?? "ok") : "malformed";
      },
    };
  },
};

const evidence: FuzzTarget = {
  name: "gossip.evidence",
  inSuite: 1_000,
  open: () => {
    const { fixture, block, openEvidence } = world();
    const signed = (body: PbftBody) => ({
      ...body,
      signature: fixture.signers[body.from]!.sign(signingBytes(fixture.genesisHash, body)),
    });
    const vote = { type: "commit", from: 2, epoch: 0n, view: 5n, height: 9n } as const;
    const asked = {
      type: "view-change",
      from: 2,
      epoch: 0n,
      view: 5n,
      checkpoint: EMPTY,
      certified: [],
    } as const;
    return {
      form: "bytes",
      words: [block.hash],
      seeds: [
        encodeEvidence(
          signed({ ...vote, hash: block.hash }) as never,
          signed({ ...vote, hash: fixture.genesisHash }) as never,
        ),
        encodeEvidence(
          signed({ ...asked, stableCheckpoint: 0n }) as never,
          signed({ ...asked, stableCheckpoint: 4n }) as never,
        ),
      ],
      run: (input) => codeOf(openEvidence(input)),
    };
  },
};

const LIMITS = { maxTxBytes: 1_000, maxBlockBytes: 100_000, maxBlockTransactions: 100 };

const sealedBlock: FuzzTarget = {
  name: "wire.sealed-block",
  inSuite: 2_000,
  open: () => {
    const block = blockOf([0n, 1n].map((nonce) => transfer(alice, bob.publicKey, 3n, { nonce })));
    return {
      form: "bytes",
      seeds: [
        encodeSealedBlock({ block, seal: utf8("seal") }),
        encodeSealedBlock({ block: blockOf([]), seal: EMPTY }),
      ],
      run: (input) => canonical(input, decodeSealedBlock(input, LIMITS), encodeSealedBlock),
    };
  },
};

export const CONSENSUS_TARGETS: readonly FuzzTarget[] = [
  message,
  compactProposal,
  certificate,
  evidence,
  sealedBlock,
];
