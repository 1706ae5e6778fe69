/** What whoever runs the node sees: each setting with where it comes from, and the end of its log. */
import { useEffect, useState } from "preact/hooks";
import { printable } from "../../base/printable.ts";
import type { ResultOf } from "../../sdk/node-calls.ts";
import { client } from "../live/asked-nodes.ts";
import { token } from "../live/token.ts";
import { Columns, Note, Panel, Scroll } from "./layout.tsx";
import { ForgetToken, TokenForm } from "./token-form.tsx";

const LOOK_MS = 3_000;
const LINES = 200;

type Inspection = ResultOf<"node_inspect">;

export function OperatorPanels() {
  const [found, setFound] = useState<Inspection | string | undefined>(undefined);
  const given = token.value;
  useEffect(() => {
    const asked = client;
    if (given === undefined || asked === undefined) return setFound(undefined);
    const look = () =>
      asked
        .call("node_inspect", { lines: LINES })
        .then(setFound, (error: unknown) => setFound(String(error)));
    void look();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, [given]);
  if (found === undefined || typeof found === "string") {
    return (
      <Panel title="Configuration and log" aside={<ForgetToken />}>
        {given === undefined ? <TokenForm file="HOME/rpc.token" /> : null}
        {found === undefined ? null : <Note tone="bad">{printable(found)}</Note>}
      </Panel>
    );
  }
  return (
    <>
      <Settings settings={found.settings} />
      <Log log={found.log} />
    </>
  );
}

function Settings({ settings }: { readonly settings: Inspection["settings"] }) {
  return (
    <Panel title="Configuration" aside={<ForgetToken />}>
      <Scroll label="configuration">
        <table>
          <Columns names={["setting", "value", "from"]} />
          <tbody>
            {settings.map(({ key, value, origin }) => (
              <tr key={key}>
                <td>{printable(key)}</td>
                <td class="wrap">
                  <code>{printable(JSON.stringify(value) ?? "")}</code>
                </td>
                <td class={origin === "default" ? "quiet" : ""}>{printable(origin)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}

function Log({ log: { file, lines } }: { readonly log: Inspection["log"] }) {
  return (
    <Panel title="Log" aside={file === null ? "standard error" : printable(file)}>
      {file === null ? <p class="quiet">This node logs to standard error.</p> : null}
      <Scroll label="the last lines of the log">
        <pre class="log">{lines.map((line) => printable(line)).join("\n")}</pre>
      </Scroll>
    </Panel>
  );
}
