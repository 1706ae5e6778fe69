/** Every method of this node, from its own OpenRPC document, with a form to try it. */
import { useState } from "preact/hooks";
import { printable } from "../../base/printable.ts";
import { askAll, client, orThrow } from "../live/asked-nodes.ts";
import { useQuery } from "../live/query.ts";
import { counted } from "../model/format.ts";
import { Answered } from "../parts/answered.tsx";
import { Badge, Fact, Facts, Heading, Panel } from "../parts/layout.tsx";

interface DiscoveredMethod {
  readonly name: string;
  readonly summary?: string;
  readonly params: readonly {
    readonly name: string;
    readonly required?: boolean;
    readonly schema?: { readonly description?: string; readonly type?: string; readonly default?: unknown };
  }[];
}

/** Characters of an answer that are shown. */
const SHOWN_MAX = 100_000;

export function Api() {
  const found = useQuery(
    "discover",
    async () =>
      (
        orThrow((await askAll([{ method: "rpc.discover" }]))[0]) as unknown as {
          methods: readonly DiscoveredMethod[];
        }
      ).methods,
    false,
  );
  const [name, setName] = useState("node_status");
  return (
    <>
      <Heading aside="JSON-RPC 2.0 by POST to this address, or over the WebSocket at /ws">API</Heading>
      <Answered query={found}>
        {(methods) => {
          const method = methods.find((one) => one.name === name);
          return (
            <>
              <Panel title="Try a method">
                <label class="row">
                  method{" "}
                  <select value={name} onChange={({ currentTarget }) => setName(currentTarget.value)}>
                    {methods.map((one) => (
                      <option key={one.name}>{one.name}</option>
                    ))}
                  </select>
                </label>
                {method === undefined ? null : <Try key={name} method={method} />}
              </Panel>
              <Panel title={counted(methods.length, "method")}>
                <Facts>
                  {methods.map((one) => (
                    <Fact
                      key={one.name}
                      name={
                        <button type="button" class="link" onClick={() => setName(one.name)}>
                          {printable(one.name)}
                        </button>
                      }
                    >
                      {printable(one.summary ?? "").replaceAll("`", "")}
                    </Fact>
                  ))}
                </Facts>
              </Panel>
            </>
          );
        }}
      </Answered>
    </>
  );
}

function Try({ method }: { readonly method: DiscoveredMethod }) {
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [answer, setAnswer] = useState<{ text: string; isRefused: boolean } | undefined>(undefined);
  const send = async (event: Event) => {
    event.preventDefault();
    const params = Object.fromEntries(
      Object.entries(values).flatMap(([key, text]) => (text === "" ? [] : [[key, readValue(text)]])),
    );
    try {
      const result: unknown = await client?.call(method.name as never, params as never);
      setAnswer({ text: JSON.stringify(result, undefined, 2), isRefused: false });
    } catch (error) {
      setAnswer({ text: error instanceof Error ? error.message : String(error), isRefused: true });
    }
  };
  return (
    <form onSubmit={(event) => void send(event)}>
      <p>{printable(method.summary ?? "").replaceAll("`", "")}</p>
      {method.params.map(({ name, required = false, schema }) => (
        <label key={name} class="param">
          <span>
            <code>{printable(name)}</code> {required ? <Badge>required</Badge> : null}{" "}
            <span class="quiet">{printable(schema?.description ?? schema?.type ?? "")}</span>
          </span>
          <input
            value={values[name] ?? ""}
            required={required}
            placeholder={schema?.default === undefined ? "" : JSON.stringify(schema.default)}
            onInput={({ currentTarget: { value } }) => setValues({ ...values, [name]: value })}
          />
        </label>
      ))}
      <p>
        <button type="submit" class="primary">
          call {printable(method.name)}
        </button>{" "}
        <span class="quiet">
          as <code>{`npx quorate rpc ${printable(method.name)}`}</code> does
        </span>
      </p>
      {answer === undefined ? null : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard.
        <pre class={answer.isRefused ? "answer notice bad" : "answer"} tabIndex={0}>
          {answer.text.slice(0, SHOWN_MAX)}
        </pre>
      )}
    </form>
  );
}

/** JSON where it is JSON (numbers, true, lists); else the text as it is. A long number stays text: digits are not lost. */
function readValue(text: string): unknown {
  if (/^\d{16,}$/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
