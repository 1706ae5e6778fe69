/** What waits in this node's pool, and how full it is. */
import { askAll, orThrow } from "../live/asked-nodes.ts";
import { standing } from "../live/feed.ts";
import { useQuery } from "../live/query.ts";
import { showAmount, showBytes } from "../model/format.ts";
import { Answered } from "../parts/answered.tsx";
import { HashLink } from "../parts/basics.tsx";
import { Badge, Columns, Figure, Heading, Panel, Scroll } from "../parts/layout.tsx";
import { Call } from "../parts/lists.tsx";
import { LongRows } from "../parts/long-rows.tsx";

export function Pool() {
  const pool = standing.value?.pool;
  const found = useQuery("pool", async () =>
    orThrow((await askAll([{ method: "mempool_list", params: { limit: 200 } }]))[0]),
  );
  return (
    <>
      <Heading>Pool</Heading>
      {pool === undefined ? null : (
        <dl class="figures">
          <Figure name="Transactions" note={`of ${showAmount(pool.transactionsMax)} at most`}>
            {showAmount(pool.transactions)}
          </Figure>
          <Figure name="Bytes" note={`of ${showBytes(pool.bytesMax)}`}>
            {showBytes(pool.bytes)}
          </Figure>
          <Figure name="Ready to run">{showAmount(pool.executable)}</Figure>
          <Figure name="Waiting for a nonce">{showAmount(pool.queued)}</Figure>
        </dl>
      )}
      <Panel
        title="In the order in which they came"
        aside="the first 200; this node's own view, which nothing proves"
      >
        <Answered query={found}>
          {({ items }) =>
            items.length === 0 ? (
              <p class="notice quiet">the pool is empty</p>
            ) : (
              <Scroll label="pool">
                <table>
                  <Columns names={["transaction", "from", ["nonce"], "what", ["fee"], ""]} />
                  <LongRows
                    items={items}
                    keyOf={({ txHash }) => txHash}
                    cells={({ txHash, from, nonce, module, call, fee, executable }) => (
                      <>
                        <td>
                          <HashLink to="transaction" hash={txHash} />
                        </td>
                        <td>
                          <HashLink to="account" hash={from} />
                        </td>
                        <td class="right">{showAmount(nonce)}</td>
                        <td>
                          <Call module={module} call={call} />
                        </td>
                        <td class="right">{showAmount(fee)}</td>
                        <td>{executable ? null : <Badge tone="warn">waits for a nonce</Badge>}</td>
                      </>
                    )}
                  />
                </table>
              </Scroll>
            )
          }
        </Answered>
      </Panel>
    </>
  );
}
