/** Many calls to one node, a few at a time so that each answer stays small. */
import { type Client, RpcError } from "../../sdk/client.ts";
import { ask, refusalError } from "../rpc.ts";

const BATCH = 50;

/** The answers in the order of the items. @throws CliError at the first refusal. */
export async function batchOf<T>(
  client: Pick<Client, "batch">,
  items: readonly T[],
  call: (item: T) => { readonly method: string; readonly params: unknown },
): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (let i = 0; i < items.length; i += BATCH) {
    const calls = items.slice(i, i + BATCH).map(call) as Parameters<Client["batch"]>[0];
    for (const answer of await ask(client.batch(calls))) {
      if (answer instanceof RpcError) throw refusalError(answer);
      answers.push(answer);
    }
  }
  return answers;
}
