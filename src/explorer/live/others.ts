/** The nodes of `?nodes=` side by side: each is asked by itself every second, and told apart from what the first says. */
import { signal } from "@preact/signals";
import { type Answer, askAll, clientOf, nodeUrls, orThrow } from "./asked-nodes.ts";

type Given<T> = Exclude<T, Error>;

export interface SeenNode {
  readonly url: string;
  /** Undefined while it has not answered yet. */
  readonly answers:
    | {
        readonly info: Given<Answer<"node_info">>;
        readonly status: Given<Answer<"node_status">>;
        readonly peers: Given<Answer<"net_peers">>;
        readonly explain: Given<Answer<"consensus_explain">>;
      }
    | undefined;
  /** Why it does not answer now; what it told stands from before. */
  readonly gone: string | undefined;
}

export const seenNodes = signal<readonly SeenNode[]>(
  nodeUrls.map((url) => ({ url, answers: undefined, gone: undefined })),
);

const POLL_MS = 1_500;

export function startOthers(): void {
  for (const [i, url] of nodeUrls.entries()) void follow(i, url);
}

async function follow(i: number, url: string): Promise<void> {
  const node = clientOf(url);
  for (;;) {
    let change: Partial<SeenNode>;
    try {
      const [info, status, peers, explain] = await askAll(
        [
          { method: "node_info" },
          { method: "node_status" },
          { method: "net_peers" },
          { method: "consensus_explain" },
        ],
        node,
      );
      const answers = {
        info: orThrow(info),
        status: orThrow(status),
        peers: orThrow(peers),
        explain: orThrow(explain),
      };
      change = { answers, gone: undefined };
    } catch (error) {
      change = { gone: String(error instanceof Error ? error.message : error) };
    }
    seenNodes.value = seenNodes.peek().map((seen, at) => (at === i ? { ...seen, ...change } : seen));
    await new Promise((resolve) => setTimeout(resolve, document.hidden ? 10 * POLL_MS : POLL_MS));
  }
}

/** Names of the nodes whose head a block is. */
export function followersOf(hash: string): readonly string[] {
  return seenNodes.value.flatMap(({ answers }) =>
    answers?.status.headHash === hash ? [answers.info.name] : [],
  );
}
