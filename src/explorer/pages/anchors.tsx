/** Anchored documents: a digest, or a document whose digest is taken here, looked up with proof; a receipt to keep. */
import { useState } from "preact/hooks";
import { hex0x } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/hash.ts";
import { readState } from "../live/ledger.ts";
import { useQuery } from "../live/query.ts";
import { route } from "../live/route.ts";
import { showAmount } from "../model/format.ts";
import { href, parseQuery } from "../model/routes.ts";
import { Answered } from "../parts/answered.tsx";
import { HashLink, HeightLink, Text, Time } from "../parts/basics.tsx";
import { FileDrop } from "../parts/file-drop.tsx";
import { Fact, Facts, Heading, Note, Panel } from "../parts/layout.tsx";
import { Checks, MarkSign, markOf } from "../parts/marks.tsx";
import { DownloadAnchor } from "../parts/receipt-download.tsx";

export function Anchors() {
  const digest = route.value.argument;
  const [text, setText] = useState("");
  const [word, setWord] = useState("");
  const query = parseQuery(text);
  const take = async ([file]: readonly File[]) => {
    if (file === undefined) return;
    setWord(file.name);
    location.hash = href("anchors", hex0x(sha256(new Uint8Array(await file.arrayBuffer()))));
  };
  return (
    <>
      <Heading aside={<a href={href("receipt")}>verify a receipt</a>}>Anchors</Heading>
      <Panel title="Look a document up">
        <FileDrop
          label="Drop a document here, or choose it: its SHA-256 is taken in this browser and looked up"
          take={(files) => void take(files)}
        />
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault();
            if (query.kind === "hash") location.hash = href("anchors", query.value);
          }}
        >
          <label>
            or its digest{" "}
            <input
              value={text}
              onInput={({ currentTarget }) => setText(currentTarget.value)}
              size={40}
              maxLength={80}
              spellcheck={false}
            />
          </label>
          <button type="submit" disabled={query.kind !== "hash"}>
            look up
          </button>
          {word === "" ? null : (
            <span class="quiet">
              the document was <Text>{word}</Text>
            </span>
          )}
        </form>
      </Panel>
      {digest === undefined || !/^0x[0-9a-f]{64}$/.test(digest) ? null : <Anchor digest={digest} />}
    </>
  );
}

function Anchor({ digest }: { readonly digest: string }) {
  const found = useQuery(`anchor ${digest}`, () => readState(`anchor/${digest}`));
  return (
    <Answered query={found}>
      {({ value, checks, answer }) => (
        <div class="grid spaced">
          <Panel
            title="Digest"
            aside={value === undefined ? undefined : <DownloadAnchor answer={answer} digest={digest} />}
          >
            <Facts>
              <Fact name="SHA-256">
                <code class="hex">{digest}</code> <MarkSign mark={markOf(checks)} />
              </Fact>
              {value === undefined ? null : (
                <>
                  <Fact name="first anchored by">
                    <HashLink to="account" hash={String(value.sender)} whole />
                  </Fact>
                  <Fact name="in block">
                    <HeightLink height={Number(value.height)} />
                  </Fact>
                  {typeof value.timeMs === "number" || typeof value.time === "number" ? (
                    <Fact name="time">
                      <Time timeMs={Number(value.timeMs ?? value.time)} />
                    </Fact>
                  ) : null}
                  <Fact name="memo">
                    {value.memo === "" ? (
                      <span class="quiet">none</span>
                    ) : (
                      <Text>{String(value.memo ?? "")}</Text>
                    )}
                  </Fact>
                  {value.count === undefined ? null : (
                    <Fact name="anchored by">
                      {showAmount(value.count)} {String(value.count) === "1" ? "account" : "accounts"}
                    </Fact>
                  )}
                </>
              )}
            </Facts>
            {value === undefined ? (
              <Note tone="warn">Nobody anchored this digest, as of block {showAmount(answer.height)}.</Note>
            ) : null}
          </Panel>
          <Checks checks={checks} />
        </div>
      )}
    </Answered>
  );
}
