/** One field for everything that has a number or a hash: heights, blocks, transactions, anchored digests, accounts. */
import { useState } from "preact/hooks";
import { askAll, orUndefined } from "../live/asked-nodes.ts";
import { href, type PageName, parseQuery } from "../model/routes.ts";

export function Search() {
  const [text, setText] = useState("");
  const [word, setWord] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    const query = parseQuery(text);
    if (query.kind === "none") return setWord("a height, or 64 hex digits");
    if (query.kind === "height") go("block", query.value);
    else {
      const [page, argument] = await whatIs(query.value).catch(() => ["account", query.value] as const);
      go(page, argument);
    }
    setWord("");
    setText("");
  };
  return (
    <search class="search">
      <form onSubmit={(event) => void submit(event)}>
        <input
          type="search"
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
          placeholder="height, block, transaction, digest, account"
          aria-label="Look up a height, a block, a transaction, a digest or an account"
          aria-describedby="search-word"
          autocomplete="off"
          spellcheck={false}
          maxLength={100}
        />
        <span id="search-word" role="status" class="search-word">
          {word}
        </span>
      </form>
    </search>
  );
}

function go(page: PageName, argument: string): void {
  location.hash = href(page, argument);
}

/** Asks in one request what a hash is. What is nothing else may be an account. */
async function whatIs(hash: string): Promise<readonly [PageName, string]> {
  const [header, tx, anchor] = await askAll([
    { method: "chain_getHeader", params: { block: hash } },
    { method: "tx_get", params: { hash } },
    { method: "state_query", params: { path: `anchor/${hash}` } },
  ]);
  if (orUndefined(header)) return ["block", hash];
  if (orUndefined(tx)) return ["transaction", hash];
  return [orUndefined(anchor)?.value == null ? "account" : "anchors", hash];
}
