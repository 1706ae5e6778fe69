/**
 * The equivocating primary: its victims are shown another valid block for the same place than the rest, and every
 * accomplice that also equivocates votes for both, to each side for its own, in all phases at once.
 * Source: pbft.md 1.5 (A4), 1.10 (1).
 */
import { byteText } from "../../../base/bytes.ts";
import type { Block } from "../../../chain/types/block.ts";
import type { ValidatorId } from "../../../consensus/engine.ts";
import type { ParsedMessage } from "../../../consensus/pbft/message-bytes.ts";
import type { Misbehaviour, MisbehaviourContext, Outgoing } from "../misbehaviour.ts";
import type { AdversarySpec } from "../schedule.ts";
import type { AdversaryKnowledge } from "./adversary-knowledge.ts";
import { anotherBlock, othersOf } from "./forger.ts";

/** Pairs of blocks that the equivocators of a run have told, by the text of the first one's hash and the view. */
export class Stories {
  readonly #byFirst = new Map<string, Story>();
  readonly equivocators = new Set<ValidatorId>();

  find(view: bigint, hash: Uint8Array): Story | undefined {
    return this.#byFirst.get(`${view} ${byteText(hash)}`);
  }

  add(view: bigint, story: Story): void {
    this.#byFirst.set(`${view} ${byteText(story.first.hash)}`, story);
  }
}

interface Story {
  readonly first: Block;
  readonly second: Block;
  /** Who is told the second. */
  readonly victims: readonly ValidatorId[];
}

export function equivocate(
  context: MisbehaviourContext,
  { victims }: Extract<AdversarySpec, { kind: "equivocate" }>,
  knowledge: AdversaryKnowledge,
  stories: Stories,
): Misbehaviour {
  const { validator, signer } = context;
  const { forger } = knowledge;
  stories.equivocators.add(validator);

  const begin = (message: ParsedMessage): Story | undefined => {
    if (message.type !== "pre-prepare") return undefined;
    const known = stories.find(message.view, message.hash);
    if (known !== undefined) return known;
    const first = forger.blockOf(message.attachment);
    const second = first && anotherBlock(context, first);
    if (first === undefined || second === undefined) return undefined;
    const story = { first, second, victims };
    stories.add(message.view, story);
    voteForBoth(knowledge, stories, message.view, story);
    return story;
  };

  const swap = (to: ValidatorId, packet: Uint8Array): readonly Outgoing[] => {
    const message = forger.open(packet);
    if (message === undefined || message.from !== validator) return [{ to, packet }];
    if (message.type === "pre-prepare") {
      const story = begin(message);
      if (story === undefined || !story.victims.includes(to)) return [{ to, packet }];
      return [{ to, packet: forger.proposal(story.second, message.view, signer) }];
    }
    if (message.type !== "prepare" && message.type !== "commit") return [{ to, packet }];
    const story = stories.find(message.view, message.hash);
    if (story === undefined || !story.victims.includes(to)) return [{ to, packet }];
    const { view, height } = message;
    const body = forger.vote(message.type, { view, height, hash: story.second.hash }, validator);
    return [{ to, packet: forger.packet(body, signer) }];
  };
  return { outgoing: (to, packet) => (context.active() ? swap(to, packet) : [{ to, packet }]) };
}

/** Every equivocator that runs, the primary included, to each side for what it was told. */
function voteForBoth(knowledge: AdversaryKnowledge, stories: Stories, view: bigint, story: Story): void {
  const { forger } = knowledge;
  for (const voter of stories.equivocators) {
    const member = knowledge.members.get(voter);
    if (member === undefined || !member.active()) continue;
    for (const to of othersOf(member)) {
      const { hash, summary } = story.victims.includes(to) ? story.second : story.first;
      const place = { view, height: summary.height, hash };
      for (const phase of ["prepare", "commit"] as const) {
        if (phase === "prepare" && forger.primaryOf(view) === voter) continue;
        // After the proposal, which is mailed in this very turn.
        const packet = forger.packet(forger.vote(phase, place, voter), member.signer);
        member.after(0, () => member.mail(to, packet));
      }
    }
  }
}
