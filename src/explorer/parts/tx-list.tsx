/** Transactions from the newest downwards, of one account or of all, older ones at the reader's wish. */
import { useEffect, useState } from "preact/hooks";
import { printable } from "../../base/printable.ts";
import { askAll, orThrow } from "../live/asked-nodes.ts";
import { useQuery } from "../live/query.ts";
import { showAmount } from "../model/format.ts";
import { Answered } from "./answered.tsx";
import { Panel } from "./layout.tsx";
import { type FoundTx, TxTable } from "./lists.tsx";

const PAGE = 25;
/** Older pages that one table holds. */
const OLDER_MAX = 1_000;

export function TxList({ address, title }: { readonly address?: string; readonly title: string }) {
  const named = address === undefined ? {} : { address };
  const [older, setOlder] = useState<{
    items: readonly FoundTx[];
    cursor: string | null | undefined;
    word: string;
  }>({ items: [], cursor: undefined, word: "" });
  useEffect(() => setOlder({ items: [], cursor: undefined, word: "" }), [address]);
  const newest = useQuery(`txs ${address}`, async () =>
    orThrow((await askAll([{ method: "tx_search", params: { ...named, limit: PAGE } }]))[0]),
  );
  const more = async (cursor: string) => {
    try {
      const found = orThrow(
        (await askAll([{ method: "tx_search", params: { ...named, limit: PAGE, cursor } }]))[0],
      );
      const word = found.items.length === 0 ? `nothing down to height ${showAmount(found.scannedTo)}` : "";
      setOlder({ items: [...older.items, ...found.items].slice(-OLDER_MAX), cursor: found.nextCursor, word });
    } catch (error) {
      setOlder({ ...older, word: printable(String(error)) });
    }
  };
  return (
    <Panel title={title}>
      <Answered query={newest}>
        {({ items, nextCursor, scannedTo }) => {
          const known = new Set(older.items.map(({ txHash }) => txHash));
          const all = [...items.filter(({ txHash }) => !known.has(txHash)), ...older.items];
          const cursor = older.cursor === undefined ? nextCursor : older.cursor;
          return (
            <>
              {all.length === 0 ? (
                <p class="notice quiet">
                  none{scannedTo > 0 ? ` down to height ${showAmount(scannedTo)}` : " yet"}
                </p>
              ) : (
                <TxTable txs={all} label={title} {...(address === undefined ? {} : { viewer: address })} />
              )}
              {cursor === null ? null : (
                <p class="more">
                  <button type="button" onClick={() => void more(cursor)}>
                    older
                  </button>{" "}
                  <span class="quiet" role="status">
                    {older.word}
                  </span>
                </p>
              )}
            </>
          );
        }}
      </Answered>
    </Panel>
  );
}
