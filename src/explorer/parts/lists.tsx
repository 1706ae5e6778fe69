/** Lists of blocks and of transactions as they stand on several pages. */

import type { ResultOf } from "../../sdk/node-calls.ts";
import { type ShownHeader, standing } from "../live/feed.ts";
import { memberName, membersAt } from "../live/members.ts";
import { summarizeCall } from "../model/calls.ts";
import { showAmount, showBytes } from "../model/format.ts";
import { Age, HashLink, HeightLink, Text } from "./basics.tsx";
import { Badge, Columns, Scroll } from "./layout.tsx";
import { LongRows } from "./long-rows.tsx";
import { BlockMark } from "./marks.tsx";

export type FoundTx = ResultOf<"tx_search">["items"][number];

export function BlockTable({
  blocks,
  label,
}: {
  readonly blocks: readonly ShownHeader[];
  readonly label: string;
}) {
  const isMined = standing.value?.info.consensus === "pow";
  return (
    <Scroll label={label}>
      <table>
        <Columns
          names={[["height"], "hash", ["txs"], ["size"], ...(isMined ? [] : ["proposer"]), ["age"] as const]}
        />
        <tbody>
          {blocks.map(({ height, hash, txCount, bodyBytes, proposer, time }) => (
            <tr key={hash}>
              <td class="right">
                <HeightLink height={height} />
              </td>
              <td>
                <BlockMark hash={hash} height={height} /> <HashLink to="block" hash={hash} />
              </td>
              <td class="right">{showAmount(txCount)}</td>
              <td class="right quiet">{showBytes(bodyBytes)}</td>
              {isMined ? null : (
                <td>
                  <Text>{height === 0 ? "–" : memberName(proposer, membersAt(height))}</Text>
                </td>
              )}
              <td class="right quiet">{height === 0 ? "genesis" : <Age timeMs={time} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function TxTable({
  txs,
  label,
  viewer,
}: {
  readonly txs: readonly FoundTx[];
  readonly label: string;
  /** An account from whose side the table is read. */
  readonly viewer?: string;
}) {
  return (
    <Scroll label={label}>
      <table>
        <Columns names={["transaction", "from", "what", ["height"], ["age"]]} />
        <LongRows
          items={txs}
          keyOf={({ txHash }) => txHash}
          cells={({ txHash, from, module, call, status, height, time }) => (
            <>
              <td>
                <HashLink to="transaction" hash={txHash} />
              </td>
              <td>
                {from === viewer ? (
                  <span class="quiet">this account</span>
                ) : (
                  <HashLink to="account" hash={from} />
                )}
              </td>
              <td>
                <Call module={module} call={call} />{" "}
                {status === "failed" ? <Badge tone="bad">failed</Badge> : null}
              </td>
              <td class="right">
                <HeightLink height={height} />
              </td>
              <td class="right quiet">
                <Age timeMs={time} />
              </td>
            </>
          )}
        />
      </table>
    </Scroll>
  );
}

/** What a transaction calls, in a few words. */
export function Call({ module, call }: { readonly module: string; readonly call: FoundTx["call"] }) {
  const { verb, amount, target } = summarizeCall(module, call);
  return (
    <span class="call">
      <Text>{verb}</Text> {amount === undefined ? null : <b class="amount">{showAmount(amount)}</b>}{" "}
      {target === undefined ? null : <HashLink to={target.page} hash={target.hash} />}
    </span>
  );
}
