/** The method that shows which validator is proven to have contradicted itself, with the proof itself. */
import { z } from "zod";
import { hex0x, showHash } from "../../base/bytes.ts";
import { EVIDENCE_LISTED_MAX } from "../../base/limits.ts";
import type { NodeApi } from "../api.ts";
import { method } from "../jsonrpc/method.ts";
import { bytesHex, hash32, timeMs, validatorIndex, wide } from "../schemas/answer-fields.ts";
import { showWide } from "../schemas/show-numbers.ts";
import { BLOCK_HASH, HASH_A } from "./examples.ts";

const LIMIT_DEFAULT = 20;

export const getEvidence = method({
  name: "consensus_getEvidence",
  summary:
    "Proven equivocations, the newest first: two messages of one validator that a correct one cannot both sign.",
  kind: "read",
  live: true,
  params: z.strictObject({
    limit: z
      .int()
      .positive()
      .max(EVIDENCE_LISTED_MAX)
      .optional()
      .meta({ description: `records at most; ${LIMIT_DEFAULT} if left out` }),
  }),
  result: z.array(
    z.strictObject({
      validator: validatorIndex,
      name: z.string().meta({ description: "the validator's name in the genesis" }),
      epoch: wide,
      view: wide,
      height: wide.meta({ description: "0 for a view-change" }),
      phase: z.enum(["pre-prepare", "prepare", "commit", "view-change"]),
      digests: z.array(hash32).length(2).meta({
        description: "the two block hashes, byte-reversed; of view-changes SHA-256 of what was signed",
      }),
      evidence: bytesHex.meta({
        description: "both signed messages: verifyEvidence of quorate/verify checks it",
      }),
      foundAtMs: timeMs.meta({ description: "when this node found it or was told, ms since the Unix epoch" }),
    }),
  ),
  examples: [
    {
      name: "one validator voted twice",
      params: { limit: 1 },
      result: [
        {
          validator: 3,
          name: "node3",
          epoch: 0,
          view: 7,
          height: 103,
          phase: "commit",
          digests: [BLOCK_HASH, HASH_A],
          evidence: "0x01",
          foundAtMs: 1767225600000,
        },
      ],
    },
  ],
  call({ api }, { limit = LIMIT_DEFAULT }) {
    const { members } = api.validators();
    return api.evidence(limit).map((record) => showEvidence(record, members));
  },
});

function showEvidence(
  { evidence, bytes, foundAtMs }: ReturnType<NodeApi["evidence"]>[number],
  members: readonly { readonly name: string }[],
) {
  const { author, epoch, view, height, phase, digests } = evidence;
  const show = phase === "view-change" ? hex0x : showHash;
  return {
    validator: author,
    name: members[author]?.name ?? `${author}`,
    epoch: showWide(epoch),
    view: showWide(view),
    height: showWide(height),
    phase,
    digests: digests.map((digest) => show(digest)),
    evidence: hex0x(bytes),
    foundAtMs,
  };
}
