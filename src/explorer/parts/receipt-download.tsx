/** A receipt file to keep: everything that proves a transaction or an anchor offline, beside the genesis. */
import { parseBytes32 } from "../../base/bytes.ts";
import { createReceipt, type ReceiptSource } from "../../sdk/receipt-file.ts";
import { linksTo } from "../live/checks.ts";
import { standing } from "../live/feed.ts";
import type { ShownState, TxView } from "../live/ledger.ts";

/** Offers a value as a JSON file. */
function download(name: string, value: unknown): void {
  const url = URL.createObjectURL(
    new Blob([JSON.stringify(value, undefined, 2)], { type: "application/json" }),
  );
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** For an anchoring transaction a receipt that `quorate anchor verify` takes, and for any other its proof as it is. */
export function DownloadReceipt({ view: { tx, proof } }: { readonly view: TxView }) {
  const info = standing.value?.info;
  if (proof === undefined || info === undefined) return null;
  const name = tx.txHash.slice(2, 18);
  if (typeof tx.call?.digest === "string") return <Save digest={tx.call.digest} proof={proof} />;
  const { chainId, genesisHash } = info;
  const whole = { kind: "quorate-transaction-proof", network: { chainId, genesisHash }, ...proof };
  return (
    <button type="button" onClick={() => download(`${name}.proof.json`, whole)}>
      download the proof
    </button>
  );
}

export function DownloadAnchor({ answer, digest }: { readonly answer: ShownState; readonly digest: string }) {
  return <Save digest={digest} proof={answer} />;
}

function Save({ digest, proof }: { readonly digest: string; readonly proof: ReceiptSource["proof"] }) {
  const info = standing.value?.info;
  const bytes = parseBytes32(digest);
  if (info === undefined || bytes === undefined) return null;
  const save = () => {
    const chain = { chainId: BigInt(info.chainId), genesisHash: info.genesisHash };
    const summary = "tx" in proof ? proof.summary : proof.finality?.summary;
    const epochs = linksTo(summary ?? "");
    download(`${digest.slice(2, 18)}.receipt.json`, createReceipt({ chain, digest: bytes, proof, epochs }));
  };
  return (
    <button type="button" class="primary" onClick={save}>
      download the receipt
    </button>
  );
}
