/** Bytes with their fields named: the header's 80, the summary, the seal, as they were checked. */
import { Copy } from "./basics.tsx";
import { Panel } from "./layout.tsx";

export interface ByteField {
  readonly name: string;
  /** Bytes of the field. With undefined it has the rest. */
  readonly length?: number;
}

export const HEADER_FIELDS: readonly ByteField[] = [
  { name: "version, little-endian", length: 4 },
  { name: "hash of the parent, as it lies", length: 32 },
  { name: "body root: the tagged hash of the summary", length: 32 },
  { name: "time, seconds, little-endian", length: 4 },
  { name: "bits, little-endian", length: 4 },
  { name: "nonce, little-endian", length: 4 },
];

export function Bytes({
  title,
  hex,
  fields = [],
}: {
  readonly title: string;
  readonly hex: string;
  readonly fields?: readonly ByteField[];
}) {
  const digits = hex.replace(/^0x/, "").slice(0, 16_000);
  const parts: { name: string; text: string }[] = [];
  let at = 0;
  for (const { name, length } of fields) {
    const end = length === undefined ? digits.length : at + 2 * length;
    parts.push({ name, text: digits.slice(at, end) });
    at = end;
  }
  if (at < digits.length) parts.push({ name: fields.length === 0 ? "" : "rest", text: digits.slice(at) });
  return (
    <Panel
      title={title}
      aside={
        <>
          {(hex.length - 2) / 2} bytes <Copy text={hex} />
        </>
      }
    >
      <div class="bytes">
        {parts.map(({ name, text }) => (
          <div key={name}>
            {name === "" ? null : <span class="quiet">{name}</span>}
            <code class="hex">{text === "" ? "–" : text}</code>
          </div>
        ))}
      </div>
    </Panel>
  );
}
