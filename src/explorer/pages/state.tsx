/** Any value of the state by its path, decoded by its module and proved under the state root. */
import { useState } from "preact/hooks";
import { printable } from "../../base/printable.ts";
import { STATE_PATHS } from "../../rpc/schemas/state-path.ts";
import { readState } from "../live/ledger.ts";
import { useQuery } from "../live/query.ts";
import { route } from "../live/route.ts";
import { href } from "../model/routes.ts";
import { Answered } from "../parts/answered.tsx";
import { HeightLink } from "../parts/basics.tsx";
import { Decoded } from "../parts/decoded.tsx";
import { Fact, Facts, Heading, Note, Panel } from "../parts/layout.tsx";
import { Checks } from "../parts/marks.tsx";

export function State() {
  const path = route.value.argument;
  const [text, setText] = useState(path ?? "");
  return (
    <>
      <Heading>State</Heading>
      <Panel title="A value by its path">
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault();
            location.hash = href("state", text.trim());
          }}
        >
          <label class="grow">
            path{" "}
            <input
              value={text}
              onInput={({ currentTarget }) => setText(currentTarget.value)}
              size={60}
              maxLength={256}
              spellcheck={false}
              placeholder="account/0x…"
            />
          </label>
          <button type="submit">ask</button>
        </form>
        <p class="quiet">{STATE_PATHS}. The state is that of the latest block; older ones are not kept.</p>
      </Panel>
      {path === undefined ? null : <Value key={path} path={path} />}
    </>
  );
}

function Value({ path }: { readonly path: string }) {
  const found = useQuery(`state ${path}`, () => readState(path));
  return (
    <Answered query={found}>
      {({ answer, value, checks }) => (
        <div class="grid spaced">
          <Panel title={printable(path)}>
            {value === undefined ? <Note>Nothing stands there.</Note> : <Decoded value={value} />}
            <Facts>
              <Fact name="key">
                <code class="hex">{printable(answer.key)}</code>
              </Fact>
              <Fact name="stored bytes">
                <code class="hex">{printable(answer.value ?? "none")}</code>
              </Fact>
              <Fact name="as of">
                block <HeightLink height={answer.height} />
              </Fact>
            </Facts>
          </Panel>
          <Checks checks={checks} />
        </div>
      )}
    </Answered>
  );
}
