// A lot of wheat on a running devnet: attested by alice, its certificate sealed to bob, who hears of it, opens it with the
// digest that the chain proves, and forgets it.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Client, Wallet } from "quorate/client";
import { openGenesis } from "quorate/verify";
import { verifyEntry } from "quorate/verify/entry";
import attestations from "./src/attestations.ts";
import { newSealingKey, open, type Sealed, seal } from "./src/sealing.ts";

const client = new Client(process.env.NODE_URL ?? "http://127.0.0.1:18545");
// The devnet's accounts are public: real keys come from `quorate keys new`.
const shown = execFileSync("npx", ["quorate", "devnet", "accounts", "--json"], { encoding: "utf8" });
const { accounts } = JSON.parse(shown) as { accounts: { name: string; secret: string }[] };
const walletOf = (name: string) => {
  const secret = accounts.find((account) => account.name === name)?.secret ?? "";
  return Wallet.fromSeed(Buffer.from(secret.slice(2), "hex"));
};
const [alice, bob] = [walletOf("alice"), walletOf("bob")];
const orderOf = async ({ address }: Wallet) => ({
  chain: await client.chain(),
  nonce: await client.nextNonce(address),
  fee: 1n,
});

const key = newSealingKey();
const published = bob.call(attestations.publish, { key: key.publicKey }, await orderOf(bob));
const { blockHeight } = await client.send(published, { wait: "final" });

const certificate = JSON.stringify({ lot: "wheat of field 7", moisture: 12.1, protein: 13.4 });
const sealed = seal(Buffer.from(certificate), [key.publicKey]);
// What goes to bob by any way; here in a variable.
const envelopes = new Map<string, Sealed>([[sealed.digest, sealed]]);
const call = { digest: sealed.digest, kind: "wheat", inputs: [] };
await client.send(alice.call(attestations.attest, call, await orderOf(alice)), { wait: "final" });

const genesis = openGenesis(readFileSync(".devnet/genesis.json", "utf8"));
if (!genesis.ok) throw new Error(genesis.fault.detail);
for await (const e of client.events({ module: attestations, event: "attested", from: blockHeight ?? 0 })) {
  const envelope = e.type === "event" ? envelopes.get(e.fields.digest) : undefined;
  if (e.type !== "event" || envelope === undefined) continue;
  const { digest, issuer, kind } = e.fields;
  const path = `attestations/attestations/${digest}`;
  const answer = await client.call("state_query", { path, prove: true });
  const order = {
    answer,
    module: attestations,
    state: "attestations",
    key: digest,
    genesis: genesis.value,
  } as const;
  console.log(verifyEntry(order));
  console.log(`${issuer} attested ${kind}: ${Buffer.from(open(envelope, key, digest)).toString()}`);
  break;
}

envelopes.clear();
console.log(`forgotten: of ${sealed.digest} the chain has the digest alone`);
client.close();
