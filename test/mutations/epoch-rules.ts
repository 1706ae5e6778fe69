/** Mutations of the rules by which epochs end and members change; the profile `epochs-short`, as `npm test` plays it, is to find each, or else a longer one. */
import { type Edit, pbftEdit as edit, type Hunt, type Mutation } from "./mutation.ts";

const EPOCHS: readonly Hunt[] = [
  { profile: "epochs-short", nodes: 4, schedules: 1_000 },
  { profile: "epochs-brief", nodes: 4, schedules: 400 },
  { profile: "epochs", nodes: 4, schedules: 40 },
];

const at = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

export const EPOCH_RULES: readonly Mutation[] = (
  [
    {
      name: "the last checkpoint of an epoch does not end it",
      rule: "1.14 barrier",
      edits: [
        edit(
          "checkpoints",
          "  if (certificate.height === core.epochEnd) endEpoch(core, certificate);\n  else moveWindow(core, certificate);",
          "  moveWindow(core, certificate);",
        ),
      ],
    },
    {
      name: "the journal of the next epoch is not begun",
      rule: "1.14 votes never span epochs",
      redundant: "entering the epoch begins its journal too (Voting)",
      edits: [
        edit(
          "checkpoints",
          '  core.emit({\n    kind: "rotate-journal",\n    records: [encodeEpochRecord(core.epoch + 1n, core.options.transition)],\n  });\n',
          "",
        ),
      ],
    },
    {
      name: "a cut journal forgets its epoch",
      rule: "1.14 votes never span epochs",
      edits: [
        edit(
          "checkpoints",
          "const epoch = core.epoch === 0n ? [] : [encodeEpochRecord(core.epoch, core.options.transition)];",
          "const epoch: Uint8Array[] = [];",
        ),
      ],
    },
    {
      name: "nobody is told that an epoch is over",
      rule: "1.14 who serves whom",
      edits: [at("node/votes/voting.ts", "    mailEpochEnd(seat, mail);\n", "")],
    },
    {
      name: "a block of a later epoch opens it for nobody",
      rule: "1.14 entering",
      edits: [
        at(
          "node/votes/voting.ts",
          "if (epoch > this.#epoch) this.#enterSoon(epoch);\n    else this.#driver",
          "this.#driver",
        ),
      ],
    },
    {
      name: "votes of an older epoch are taken along",
      rule: "1.14 votes never span epochs",
      edits: [
        at(
          "node/votes/voting.ts",
          "if (changing.epochOfJournal(this.#records) === epoch && changing.hasVotes(this.#records)) return;",
          "return;",
        ),
      ],
    },
    {
      name: "mail is judged by the index that a key had once",
      rule: "1.14 authors are keys",
      edits: [at("node/votes/seats.ts", "return this.#indices.get(seat);", "return seat;")],
    },
    {
      name: "mail goes to the index that a key had once",
      rule: "1.14 authors are keys",
      edits: [
        at(
          "node/votes/seats.ts",
          "return must(this.#current[index], ",
          "return must([...this.#current.keys()][index], ",
        ),
      ],
    },
    {
      name: "a change takes effect at the first checkpoint after it",
      rule: "1.14 second checkpoint",
      edits: [
        at(
          "chain/governance/governance-state.ts",
          "(height / interval + 2n) * interval",
          "(height / interval + 1n) * interval",
        ),
      ],
    },
    {
      name: "a change waits for the regular end of the epoch",
      rule: "1.14 second checkpoint",
      edits: [
        at(
          "chain/modules/gov.ts",
          "const lastHeight = hurries ? end : governance.lastHeight;",
          "const lastHeight = governance.lastHeight;\n    void hurries;",
        ),
      ],
    },
    {
      name: "the hash of a set leaves out its epoch",
      rule: "1.14 nextValidatorsHash",
      edits: [at("chain/types/validator-set.ts", "new Writer().u64(epoch)", "new Writer().u64(0n)")],
    },
    {
      name: "an epoch keeps the members of the one before",
      rule: "1.14 reconfiguration",
      edits: [
        at(
          "chain/governance/governance-state.ts",
          "const { nextMembers: members, nextParameters: parameters } = governance;",
          "const { members, nextParameters: parameters } = governance;",
        ),
      ],
    },
    {
      name: "any number of seats changes in an epoch",
      rule: "1.14 limits",
      edits: [
        at("chain/governance/governance-state.ts", "Math.max(1, Math.floor((members - 1) / 3))", "members"),
      ],
    },
    {
      name: "half of the seats is a majority",
      rule: "1.14 strict majority",
      edits: [
        at(
          "chain/governance/proposals.ts",
          "Math.floor(members.length / 2) + 1",
          "Math.floor(members.length / 2)",
        ),
      ],
    },
    {
      name: "a seal is judged by the first set",
      rule: "1.13 the set of its height",
      edits: [
        edit(
          "rules",
          "      const set = sets.setOf(head.summary.epoch);\n      return set === undefined ?",
          "      const set = sets.setOf(0n);\n      return set === undefined ?",
        ),
      ],
    },
    {
      name: "an epoch stands on block 0",
      rule: "1.14 h = epochEnd",
      edits: [
        at(
          "consensus/select.ts",
          "validators, base, transition, room, ...rotation }",
          "validators, transition, room, ...rotation }",
        ),
        at("consensus/select.ts", "inEpoch: (epoch, base) => {", "inEpoch: (epoch) => {"),
      ],
    },
    {
      name: "C is empty at height 0 alone",
      rule: "1.8 C, in an epoch",
      edits: [
        edit(
          "new-view",
          "(stableCheckpoint === base) !== (checkpoint.length === 0)",
          "(stableCheckpoint === 0n) !== (checkpoint.length === 0)",
        ),
      ],
    },
    {
      name: "the primary builds on the last block of its epoch",
      rule: "1.14 barrier",
      edits: [
        edit(
          "proposing",
          "  if (endsTheEpoch(core, height - 1n)) return false;\n",
          "  endsTheEpoch(core, height - 1n);\n",
        ),
      ],
    },
    {
      name: "the node does not hear that its engine is done",
      rule: "1.14 entering",
      edits: [at("node/driver.ts", "        return this.#endEpoch(effect.epoch);", "        return;")],
    },
    {
      name: "a proof of possession may be of any age",
      rule: "1.14 possession",
      edits: [
        at("chain/governance/change.ts", "proof.height < oldest || proof.height < 0n", "proof.height < 0n"),
      ],
    },
    {
      name: "a proof of possession holds for any key and account",
      rule: "1.14 possession",
      edits: [
        at(
          "chain/governance/change.ts",
          "if (verifySignature(publicKey, message, proof.signature)) return",
          "if (verifySignature(publicKey, message, proof.signature) || message.length > 0) return",
        ),
      ],
    },
    {
      name: "a proof of possession does not say for which account",
      rule: "1.14 possession",
      edits: [
        at(
          "chain/governance/change.ts",
          "return concatBytes(TAG, genesisHash, place, blockHash, publicKey, account);",
          "return concatBytes(TAG, genesisHash, place, blockHash, publicKey, account.map(() => 0));",
        ),
      ],
    },
  ] satisfies Omit<Mutation, "hunts">[]
).map((mutation) => ({ ...mutation, hunts: EPOCHS }));

const TRANSITIONS: readonly Hunt[] = [{ profile: "transitions", nodes: 4, schedules: 60 }];

const withoutContradiction = at(
  "node/assembly/replica-parts.ts",
  " ?? contradictionOf(transition, kv);",
  ";\n    void contradictionOf;",
);

/** Rules of the way on without a quorum; the profile `transitions` is to find each. */
export const TRANSITION_RULES: readonly Mutation[] = (
  [
    {
      name: "a node takes a second transition for one epoch",
      rule: "ADR 33.1",
      edits: [withoutContradiction],
      redundant:
        "what it has voted under is in its journal, and refuses the other; before it has voted, there is nothing to contradict",
    },
    {
      name: "a node takes a second transition for one epoch, whatever it has voted under",
      rule: "ADR 33.1",
      edits: [
        withoutContradiction,
        at(
          "node/assembly/replica-parts.ts",
          "const voted = otherSide();",
          "void otherSide;\n  const voted = undefined as Fault | undefined;",
        ),
      ],
      // Seldom a node tries the other file after it has voted: 520 schedules of the profile do not show it.
      hunts: [{ profile: "transitions", nodes: 4, seed: 490, schedules: 60 }],
    },
    {
      name: "the first block under a transition does not say so",
      rule: "ADR 29.2 mark",
      edits: [
        edit(
          "rules",
          "  return transition === undefined\n",
          "  return transition === undefined || transition !== null\n",
        ),
      ],
    },
    {
      name: "every block of an epoch that a transition opened says so",
      rule: "ADR 29.2 mark",
      edits: [
        edit(
          "rules",
          "...markOf(sets.transitionOn?.(parent)),",
          "...markOf(sets.transitionOn?.(parent) ?? sets.transitionOf?.(epoch)),",
        ),
        edit(
          "rules",
          "const mark = markOf(sets.transitionOn?.(parent));",
          "const mark = markOf(sets.transitionOn?.(parent) ?? sets.transitionOf?.(epoch));",
        ),
      ],
    },
    {
      name: "an approved change outlives the transition",
      rule: "ADR 29.2 members",
      edits: [
        at(
          "chain/governance/governance-state.ts",
          "members: sorted, nextMembers: sorted }",
          "members: sorted }",
        ),
      ],
    },
    {
      name: "the state keeps the members that were replaced",
      rule: "ADR 29.2 members",
      edits: [
        at(
          "chain/governance/governance-state.ts",
          "parameters, members: sorted, nextMembers: sorted }",
          "parameters }",
        ),
      ],
    },
    {
      name: "the epoch of a transition ends at no checkpoint",
      rule: "ADR 29.2 end",
      edits: [
        at(
          "chain/governance/governance-state.ts",
          "(firstHeight / interval) * interval + BigInt(parameters.epochLength)",
          "(firstHeight / interval) * 0n + firstHeight + BigInt(parameters.epochLength)",
        ),
      ],
    },
    {
      name: "a node that starts at H stays in the epoch that was replaced",
      rule: "ADR 29.2 entering",
      edits: [
        at(
          "node/votes/epoch-standing.ts",
          "  if (transition !== undefined) return transition.epoch;\n",
          "  void transition;\n",
        ),
      ],
    },
    {
      name: "a transition is taken on any block of its epoch",
      rule: "ADR 29.2 place",
      edits: [
        at(
          "chain/epochs.ts",
          "return found !== undefined && equalBytes(found.parentHash, parent.hash) ? found : undefined;",
          "return found !== undefined && !endsEpoch(parent.summary) ? found : undefined;",
        ),
      ],
    },
  ] satisfies (Omit<Mutation, "hunts"> & { readonly hunts?: readonly Hunt[] })[]
).map((mutation) => ({ hunts: TRANSITIONS, ...mutation }));

/** For `run.ts --list`. */
export const MUTATIONS: readonly Mutation[] = [...EPOCH_RULES, ...TRANSITION_RULES];
