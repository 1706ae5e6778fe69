/** What a Byzantine member does where members change, through all epochs. */
import { equalBytes } from "../../../base/bytes.ts";
import type { Change } from "../../../chain/governance/change.ts";
import { endsEpoch } from "../../../chain/types/validator-set.ts";
import type { ConsensusEngine, Effect, Parsed, Typed, ValidatorId } from "../../../consensus/engine.ts";
import type { Misbehaviour, MisbehaviourContext } from "../misbehaviour.ts";
import type { Random } from "../random.ts";
import type { EpochNet } from "./epoch-net.ts";

const KINDS = ["withholds", "withholds-last", "old-epochs", "silent", "replays"] as const;
export type AdversaryKind = (typeof KINDS)[number];
export const EPOCH_ADVERSARIES: readonly AdversaryKind[] = KINDS;

/** Packets of its own that an adversary keeps. */
const KEPT_MAX = 400;

/** `replays` alone keeps the rules of consensus: its operator proposes what {@link falseNewcomer} makes. */
export function misbehave(kind: AdversaryKind, context: MisbehaviourContext): Misbehaviour {
  switch (kind) {
    case "silent":
      return { outgoing: () => [] };
    case "withholds":
      return { wrapEngine: (engine) => filtered(engine, (effect) => checkpointHeight(effect) === undefined) };
    case "withholds-last":
      return { wrapEngine: (engine) => filtered(engine, (effect) => !endsItsEpoch(effect, context)) };
    case "old-epochs":
      return { outgoing: repeating() };
    case "replays":
      return {};
  }
}

/** Every message of its own it sends again later, whatever epoch it is by then. */
function repeating(): NonNullable<Misbehaviour["outgoing"]> {
  const kept: { readonly to: ValidatorId; readonly packet: Uint8Array }[] = [];
  return (to, packet) => {
    if (kept.length < KEPT_MAX) kept.push({ to, packet });
    const old = kept[(kept.length * 7919) % kept.length] ?? { to, packet };
    const index = (packet.length + kept.length * 31) % kept.length;
    return [{ to, packet }, kept[index] ?? old];
  };
}

function endsItsEpoch(effect: Effect<Typed>, { replica }: MisbehaviourContext): boolean {
  const height = checkpointHeight(effect);
  const head = replica()?.chain.head;
  return head !== undefined && head.summary.height === height && endsEpoch(head.summary);
}

function checkpointHeight(effect: Effect<Typed>): bigint | undefined {
  if (effect.kind !== "broadcast" && effect.kind !== "send") return undefined;
  const { message } = effect;
  return message.type === "checkpoint" && "height" in message ? (message.height as bigint) : undefined;
}

function filtered(
  engine: ConsensusEngine<Parsed, Typed>,
  passes: (effect: Effect<Typed>) => boolean,
): ConsensusEngine<Parsed, Typed> {
  return {
    wants: (parsed) => engine.wants(parsed),
    awaits: (author, start, bytes) => engine.awaits?.(author, start, bytes) ?? true,
    status: () => engine.status(),
    step: (input) => engine.step(input).filter(passes),
  };
}

/**
 * A newcomer with a proof of possession that was made for something else, at any time before: another key, another account, or the
 * same of long ago, which was once valid. undefined: nothing has been proved yet.
 */
export function falseNewcomer(net: EpochNet, random: Random): Change | undefined {
  const seen = net.proofs;
  if (seen.length === 0) return undefined;
  const { node, proof } = random.chance(0.5) ? (seen[0] ?? random.pick(seen)) : random.pick(seen);
  const member = net.member(node);
  const seat = random.pick(net.governance.members);
  switch (random.pick(["again", "account", "key", "seat"] as const)) {
    case "again":
      return { kind: "add", member, proof };
    case "account":
      // Whoever has that account would vote for the seat.
      return {
        kind: "add",
        member: { ...member, account: random.pick(net.world.accounts).publicKey },
        proof,
      };
    case "key": {
      const other = net.member((node + 1) % net.world.validators.length);
      return { kind: "add", member: other, proof };
    }
    case "seat":
      return equalBytes(seat.publicKey, member.publicKey)
        ? undefined
        : { kind: "replace", publicKey: seat.publicKey, newKey: member.publicKey, proof };
  }
}
