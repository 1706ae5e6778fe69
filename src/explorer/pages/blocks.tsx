/** All blocks, a page at a time. The first page follows the chain. */
import { useState } from "preact/hooks";
import { askAll, orThrow } from "../live/asked-nodes.ts";
import { standing } from "../live/feed.ts";
import { useQuery } from "../live/query.ts";
import { showAmount } from "../model/format.ts";
import { Answered } from "../parts/answered.tsx";
import { Heading, Panel } from "../parts/layout.tsx";
import { BlockTable } from "../parts/lists.tsx";

const PAGE = 25;

export function Blocks() {
  const [top, setTop] = useState<number | undefined>(undefined);
  const head = standing.value?.status.height ?? 0;
  const to = Math.min(top ?? head, head);
  const from = Math.max(0, to - PAGE + 1);
  const found = useQuery(
    `blocks ${from} ${to}`,
    async () => orThrow((await askAll([{ method: "chain_getBlockRange", params: { from, to } }]))[0]),
    top === undefined,
  );
  return (
    <>
      <Heading aside={`${showAmount(head)} is the newest`}>Blocks</Heading>
      <Panel
        title={`${showAmount(to)} to ${showAmount(from)}`}
        aside={<Pager {...{ from, to, head, setTop }} />}
      >
        <Answered query={found}>
          {(headers) => <BlockTable blocks={[...headers].reverse()} label="blocks" />}
        </Answered>
      </Panel>
    </>
  );
}

interface PagerProps {
  readonly from: number;
  readonly to: number;
  readonly head: number;
  readonly setTop: (top: number | undefined) => void;
}

function Pager({ from, to, head, setTop }: PagerProps) {
  return (
    <span class="pager">
      <button type="button" disabled={to >= head} onClick={() => setTop(undefined)}>
        newest
      </button>
      <button type="button" disabled={to >= head} onClick={() => setTop(to + PAGE)}>
        newer
      </button>
      <button type="button" disabled={from === 0} onClick={() => setTop(Math.max(from - 1, 0))}>
        older
      </button>
    </span>
  );
}
