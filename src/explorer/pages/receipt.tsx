/**
 * A receipt verified in the browser: dropped files and the genesis alone decide, so it works on a copy of this page that
 * was saved to disk, without any node. Nothing that is dropped leaves the browser.
 */
import { useState } from "preact/hooks";
import { printable } from "../../base/printable.ts";
import { sha256 } from "../../crypto/hash.ts";
import { openGenesis, type ReceiptAnswer, type TrustedGenesis, verifyReceipt } from "../../sdk/verify.ts";
import { client } from "../live/asked-nodes.ts";
import { trustedGenesis } from "../live/checks.ts";
import { showAmount } from "../model/format.ts";
import { HashLink, showTime } from "../parts/basics.tsx";
import { FileDrop } from "../parts/file-drop.tsx";
import { Fact, Facts, Heading, Note, Panel } from "../parts/layout.tsx";

/** Bytes that a receipt or a genesis may have to be read. A document may have any number. */
const JSON_BYTES_MAX = 64 * 1024 * 1024;

interface Dropped {
  readonly receipt?: { readonly name: string; readonly text: string };
  readonly genesis?: { readonly name: string; readonly text: string };
  readonly document?: { readonly name: string; readonly digest: Uint8Array };
}

export function Receipt() {
  const [files, setFiles] = useState<Dropped>({});
  const [anchorHash, setAnchorHash] = useState("");
  const [outcome, setOutcome] = useState<{ answer: ReceiptAnswer; by: string } | undefined>(undefined);
  const take = async (dropped: readonly File[]) => {
    let now = files;
    for (const file of dropped) now = { ...now, ...(await sort(file)) };
    setFiles(now);
    await judge(now, anchorHash, setOutcome);
  };
  const { receipt, genesis, document } = files;
  return (
    <>
      <Heading>Verify a receipt</Heading>
      <div class="grid">
        <Panel title="Files">
          <FileDrop
            multiple
            label="Drop the receipt here, and the document that it is for; without a node also genesis.json. They stay in this browser."
            take={(list) => void take(list)}
          />
          <Facts>
            <Fact name="receipt">{printable(receipt?.name ?? "–")}</Fact>
            <Fact name="document">
              {printable(document?.name ?? "– (only the receipt itself is checked)")}
            </Fact>
            <Fact name="genesis">
              {printable(genesis?.name ?? (client === undefined ? "– needed" : "of this node"))}
            </Fact>
            <Fact name="a block of the chain that you know">
              <input
                aria-label="hash of a block of a mined chain that you know"
                placeholder="only where blocks are mined: 0x…"
                value={anchorHash}
                maxLength={66}
                onInput={({ currentTarget: { value } }) => {
                  setAnchorHash(value);
                  void judge(files, value, setOutcome);
                }}
              />
            </Fact>
          </Facts>
        </Panel>
        <Panel title="Verdict">
          {outcome === undefined ? <p class="notice quiet">drop a receipt</p> : <Verdict {...outcome} />}
        </Panel>
      </div>
    </>
  );
}

/** What a file is, by what is in it. */
async function sort(file: File): Promise<Dropped> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const isText =
    bytes.length <= JSON_BYTES_MAX && /^\s*\{/.test(new TextDecoder().decode(bytes.subarray(0, 100)));
  const text = isText ? new TextDecoder().decode(bytes) : "";
  if (text.includes('"quorate-anchor-receipt"')) return { receipt: { name: file.name, text } };
  if (isText && openGenesis(text).ok) return { genesis: { name: file.name, text } };
  return { document: { name: file.name, digest: sha256(bytes) } };
}

async function judge(
  { receipt, genesis, document }: Dropped,
  anchorHash: string,
  show: (outcome: { answer: ReceiptAnswer; by: string } | undefined) => void,
): Promise<void> {
  if (receipt === undefined) return show(undefined);
  let trusted: string | TrustedGenesis;
  try {
    trusted = genesis?.text ?? (await trustedGenesis());
  } catch (error) {
    return show({
      answer: { valid: false, reason: `no genesis to hold it to: drop genesis.json (${String(error)})` },
      by: "",
    });
  }
  const known = anchorHash.trim() === "" ? {} : { anchorHash: anchorHash.trim() };
  const answer = verifyReceipt({
    receipt: receipt.text,
    genesis: trusted,
    digest: document?.digest,
    ...known,
  });
  show({ answer, by: genesis?.name ?? "the genesis of this node" });
}

function Verdict({ answer, by }: { readonly answer: ReceiptAnswer; readonly by: string }) {
  if (!answer.valid) {
    return (
      <Note tone={answer.unanchored === undefined ? "bad" : "warn"}>
        <strong>{answer.unanchored === undefined ? "Not valid." : "Not proved yet."}</strong>{" "}
        {printable(answer.reason)}
      </Note>
    );
  }
  const { digest, height, timeMs, sender, memo, signers, confirmations } = answer;
  return (
    <>
      <Note tone="good">
        <strong>Valid.</strong> Held to {printable(by)}
        {signers.length === 0
          ? `, ${confirmations} blocks of work`
          : `, signed by ${printable(signers.map(({ name }) => name).join(", "))}`}
        .
      </Note>
      <Facts>
        <Fact name="document's SHA-256">
          <code class="hex">{digest}</code>
        </Fact>
        <Fact name="anchored in block">{showAmount(height)}</Fact>
        <Fact name="time">{showTime(timeMs)}</Fact>
        <Fact name="by">
          <HashLink to="account" hash={sender} whole />
        </Fact>
        <Fact name="memo">{memo === "" ? <span class="quiet">none</span> : printable(memo)}</Fact>
      </Facts>
    </>
  );
}
