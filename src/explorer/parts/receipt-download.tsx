/** A receipt file to keep: everything that proves a transaction or an anchor offline, beside the genesis. */
import { parseBytes32 } from "../../base/bytes.ts";
import { createReceipt } from "../../sdk/receipt-file.ts";
import { standing } from "../live/feed.ts";
import type { ShownState, TxView } from "../live/ledger.ts";

/** Offers bytes as a file. */
function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Of an anchoring transaction a receipt that `quorate anchor verify` takes; of any other its proof as it is. */
export function DownloadReceipt({ view: { tx, proof } }: { readonly view: TxView }) {
  const info = standing.value?.info;
  if (proof === undefined || info === undefined) return null;
  const digest = typeof tx.call?.digest === "string" ? parseBytes32(tx.call.digest) : undefined;
  const chain = { chainId: BigInt(info.chainId), genesisHash: info.genesisHash };
  const save = () =>
    digest === undefined
      ? download(
          `${tx.txHash.slice(2, 18)}.proof.json`,
          JSON.stringify(
            {
              kind: "quorate-transaction-proof",
              network: { chainId: info.chainId, genesisHash: info.genesisHash },
              ...proof,
            },
            undefined,
            2,
          ),
        )
      : download(
          `${tx.txHash.slice(2, 18)}.receipt.json`,
          JSON.stringify(createReceipt({ chain: chain as never, digest, proof }), undefined, 2),
        );
  return (
    <button type="button" onClick={save}>
      {digest === undefined ? "download the proof" : "download the receipt"}
    </button>
  );
}

export function DownloadAnchor({
  answer,
  digest,
  sender,
}: {
  readonly answer: ShownState;
  readonly digest: string;
  readonly sender?: string;
}) {
  const info = standing.value?.info;
  const bytes = parseBytes32(digest);
  if (info === undefined || bytes === undefined) return null;
  const own = sender === undefined ? undefined : parseBytes32(sender);
  const save = () => {
    const chain = { chainId: BigInt(info.chainId), genesisHash: info.genesisHash } as never;
    const receipt = createReceipt({
      chain,
      digest: bytes,
      proof: answer,
      ...(own === undefined ? {} : { sender: own }),
    });
    download(`${digest.slice(2, 18)}.receipt.json`, JSON.stringify(receipt, undefined, 2));
  };
  return (
    <button type="button" class="primary" onClick={save}>
      download the receipt
    </button>
  );
}
