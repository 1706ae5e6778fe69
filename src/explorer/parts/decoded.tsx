/** A value that a module's declaration decoded: names and values, hashes and accounts as links, amounts as text. */
import { printable } from "../../base/printable.ts";
import { showAmount } from "../model/format.ts";
import { Copy, HashLink, Time } from "./basics.tsx";
import { Fact, Facts } from "./layout.tsx";

export function Decoded({ value }: { readonly value: Readonly<Record<string, unknown>> | null }) {
  if (value === null) return <p class="notice quiet">not decoded: this explorer does not know the module</p>;
  return (
    <Facts>
      {Object.entries(value).map(([name, item]) => (
        <Fact key={name} name={printable(name)}>
          <One name={name} value={item} />
        </Fact>
      ))}
    </Facts>
  );
}

function One({ name, value }: { readonly name: string; readonly value: unknown }) {
  if (typeof value === "number" && /time/i.test(name) && value > 1e11) return <Time timeMs={value} />;
  if (value !== null && typeof value === "object") return <code>{printable(JSON.stringify(value))}</code>;
  if (typeof value !== "string") return <>{typeof value === "number" ? showAmount(value) : String(value)}</>;
  if (/^0x[0-9a-f]{64}$/.test(value)) {
    return (
      <>
        <HashLink to={name === "digest" ? "anchors" : "account"} hash={value} whole />
        <Copy text={value} />
      </>
    );
  }
  if (/^\d+$/.test(value) && /amount|balance|fee|sum/.test(name))
    return <b class="amount">{showAmount(value)}</b>;
  return <>{value === "" ? <span class="quiet">empty</span> : printable(value)}</>;
}
