/** Steps of an engine as its driver takes them: to the end, with the signatures that they ask for on the way. */
import type { ConsensusEngine, Effect, Input, Parsed } from "../consensus/engine.ts";

/**
 * Asks for a signature of this validator, which is undefined when it is refused. Rejects when nobody can be
 * asked now.
 */
export type AskSignature = (message: Uint8Array) => Promise<Uint8Array | undefined>;

/**
 * Takes the inputs in order. Where signatures are asked for, nothing else may be given to the engine until it resolves.
 * @returns all their effects in order
 */
export function takeSteps<P extends Parsed, M>(
  engine: ConsensusEngine<P, M>,
  inputs: readonly Input<M>[],
  ask: AskSignature | undefined,
): Effect<M>[] | Promise<Effect<M>[]> {
  return ask === undefined ? inputs.flatMap((input) => engine.step(input)) : takeAsking(engine, inputs, ask);
}

async function takeAsking<P extends Parsed, M>(
  engine: ConsensusEngine<P, M>,
  inputs: readonly Input<M>[],
  ask: AskSignature,
): Promise<Effect<M>[]> {
  const all: Effect<M>[] = [];
  for (const input of inputs) {
    all.push(...engine.step(input));
    for (let last = all.at(-1); last?.kind === "sign"; last = all.at(-1)) {
      all.pop();
      all.push(...engine.step({ kind: "signed", signature: await ask(last.message) }));
    }
  }
  return all;
}

/** Whether an effect is a write that must be durable before anything later leaves. */
export function isDurable(effect: { readonly kind: string }): boolean {
  return effect.kind === "journal" || effect.kind === "rotate-journal" || effect.kind === "store-checkpoint";
}
