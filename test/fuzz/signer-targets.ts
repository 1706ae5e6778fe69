/** Fuzz targets: what a node sends its signer, what a signer answers, and the records that a signer reads at its start. */
import { concatBytes, EMPTY, utf8 } from "../../src/base/bytes.ts";
import { DecodeError } from "../../src/codec/reader.ts";
import { type PbftBody, signingBytes } from "../../src/consensus/pbft/messages.ts";
import { VoteGuard } from "../../src/consensus/pbft/vote-guard.ts";
import { SignerDesk } from "../../src/node/signer/signer-desk.ts";
import {
  decodeSignerAnswer,
  encodeSignerAnswer,
  encodeSignerRequest,
  SIGNER_PROTOCOL_VERSION,
} from "../../src/node/signer/signer-frames.ts";
import { SignerSession } from "../../src/node/signer/signer-session.ts";
import { MemoryRecordLog } from "../../src/storage/memory-log.ts";
import { genesisHash, person } from "../chain/fixtures.ts";
import { canonical, FuzzFailure, type FuzzTarget } from "./target.ts";

const signer = person("proposer");
const HASH = genesisHash;
const of = (body: object) => signingBytes(genesisHash, { from: 0, epoch: 0n, ...body } as PbftBody);
const MESSAGES = [
  of({ type: "pre-prepare", view: 0n, height: 5n, hash: HASH }),
  of({ type: "prepare", view: 1n, height: 6n, hash: HASH }),
  of({ type: "commit", view: 1n, height: 6n, hash: HASH, epoch: 1n }),
  of({ type: "view-change", view: 2n, stableCheckpoint: 0n, checkpoint: EMPTY, certified: [] }),
  of({ type: "new-view", view: 2n, viewChanges: [], carried: [] }),
  of({ type: "fetch", hash: HASH }),
];
const hello = {
  type: "hello",
  version: SIGNER_PROTOCOL_VERSION,
  genesisHash,
  publicKey: signer.publicKey,
} as const;
const guarded = () => {
  const guard = new VoteGuard(genesisHash);
  for (const message of MESSAGES.slice(0, 2)) guard.allow(message);
  return guard;
};

/** A whole connection: frames in any state, ended or answered, and never a second signature for one place. */
const session: FuzzTarget = {
  name: "signer.session",
  inSuite: 3_000,
  open: () => {
    const say = (...requests: Parameters<typeof encodeSignerRequest>[0][]) =>
      concatBytes(...requests.map(encodeSignerRequest));
    return {
      form: "bytes",
      seeds: [
        say(hello, { type: "sign", message: MESSAGES[0]! }, { type: "ping" }),
        say(hello, { type: "stage", record: utf8("vote") }, { type: "append" }, { type: "read" }),
        say(hello, { type: "stage", record: utf8("vote") }, { type: "replace" }, { type: "read" }),
      ],
      words: [
        Uint8Array.of(0, 0, 0, 1),
        Uint8Array.of(0xff, 0xff, 0xff, 0xff),
        utf8("quorate/pbft/v1"),
        genesisHash,
      ],
      run: async (input) => {
        const failures: unknown[] = [];
        const parts = { signer, genesisHash, guard: guarded(), log: { log: () => undefined } };
        const logs = {
          signed: new MemoryRecordLog({ records: [] }),
          journal: new MemoryRecordLog({ records: [] }).opened(),
        };
        const desk = new SignerDesk({ ...parts, ...logs, fatal: (error) => failures.push(error) });
        const said: string[] = [];
        const served = new SignerSession({
          desk,
          send: (bytes) => {
            const answer = decodeSignerAnswer(bytes.subarray(4));
            if (!answer.ok) throw new FuzzFailure(`an answer that does not decode: ${answer.fault.detail}`);
            said.push(answer.value.type === "refused" ? answer.value.code : answer.value.type);
          },
          end: () => said.push("end"),
          take: () => true,
          isServed: () => false,
        });
        await served.receive(input);
        if (failures.length > 0) throw new FuzzFailure(`the signer had to stop: ${failures[0]}`);
        return said.at(-1) ?? "silent";
      },
    };
  },
};

/** What is allowed is allowed again, by a signer that has only its records, without a further one. */
const message: FuzzTarget = {
  name: "signer.message",
  inSuite: 4_000,
  open: () => ({
    form: "bytes",
    seeds: MESSAGES,
    words: [genesisHash, Uint8Array.of(1), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 6)],
    run: (input) => {
      const guard = guarded();
      const allowed = guard.allow(input);
      if (!allowed.ok) return allowed.fault.code;
      const again = new VoteGuard(genesisHash, guard.records()).allow(input);
      if (!again.ok || again.value.kind !== "none")
        throw new FuzzFailure("what was signed is not what the records say");
      return allowed.value.kind;
    },
  }),
};

const answer: FuzzTarget = {
  name: "signer.answer",
  inSuite: 2_000,
  open: () => ({
    form: "bytes",
    seeds: [
      encodeSignerAnswer({ type: "signed", signature: new Uint8Array(64).fill(3) }),
      encodeSignerAnswer({ type: "position", generation: 3, records: 9 }),
      encodeSignerAnswer({ type: "record", record: utf8("vote") }),
      encodeSignerAnswer({ type: "refused", code: "SIGNER_CONFLICT", detail: "words" }),
    ].map((frame) => frame.subarray(4)),
    run: (input) => {
      const read = decodeSignerAnswer(input);
      // Words are shown in a form of their own, and large numbers are nobody's.
      if (!read.ok || read.value.type === "refused" || read.value.type === "position")
        return read.ok ? "ok" : read.fault.code;
      return canonical(input, read, (value) => encodeSignerAnswer(value).subarray(4));
    },
  }),
};

const record: FuzzTarget = {
  name: "signer.record",
  inSuite: 1_000,
  open: () => ({
    form: "bytes",
    seeds: guarded().records(),
    run: (input) => {
      try {
        new VoteGuard(genesisHash, [input]);
        return "ok";
      } catch (error) {
        if (error instanceof DecodeError) return "damaged";
        throw error;
      }
    },
  }),
};

export const SIGNER_TARGETS: readonly FuzzTarget[] = [session, message, answer, record];
