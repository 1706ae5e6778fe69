/**
 * What `quorate doctor` looks at where a validator's key is not in its home: whether the signer can be reached with the files of the
 * home, holds the key and votes on the chain; or whether the token is there and has the key. No PIN is given.
 */
import { equalBytes, hex0x, showHash } from "../../base/bytes.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { systemScheduler } from "../../node/assembly/system.ts";
import type { Config, SignerSettings, TokenConfig } from "../../node/home/config.ts";
import type { Home } from "../../node/home/home.ts";
import { Pkcs11 } from "../../node/signer/pkcs11-library.ts";
import type { SignerReport } from "../../node/signer/signer-frames.ts";
import { SignerLink } from "../../node/signer/signer-link.ts";
import { connectSigner, pemFiles } from "../../node/signer/signer-tls.ts";
import { checkTries } from "../../node/signer/token-key.ts";
import type { Finding } from "./doctor-checks.ts";

/** None where the key is in the home, or nobody votes from it. */
export async function examineKeyPlace(home: Home, config: Config): Promise<Finding[]> {
  if (config.mode !== "validator") return [];
  const { signer, token } = config;
  return [
    ...(signer === undefined ? [] : [await examineSigner(home, signer)]),
    ...(token === undefined ? [] : [examineToken(token)]),
  ];
}

async function examineSigner(home: Home, settings: SignerSettings): Promise<Finding> {
  const address = `tls://${settings.host}:${settings.port}`;
  const name = "signer";
  try {
    const report = await reportOf(home, settings);
    const problem = mismatch(home, settings, report);
    if (problem !== undefined) return { name, ok: false, detail: `${address}: ${problem}`, isInput: true };
    const { isServed, signed, refused, epoch, view, height } = report;
    const detail =
      `${address} holds the key of this home; ${isServed ? "a node is connected" : "no node is connected"}; ${signed} signed and ${refused} refused ` +
      `since it started; its record: epoch ${epoch}, view ${view}, votes up to height ${height} are done`;
    return { name, ok: true, detail };
  } catch (error) {
    const { message } = error as Error;
    const advice = message.includes("ECONNREFUSED") ? " (quorate signer start)" : "";
    return { name, ok: false, detail: `${address} cannot be asked: ${message}${advice}` };
  }
}

async function reportOf({ paths, genesis }: Home, settings: SignerSettings): Promise<SignerReport> {
  const socket = await connectSigner(settings, pemFiles(paths.dir, settings));
  const identity = {
    genesisHash: computeGenesisHash(genesis),
    publicKey: settings.publicKey ?? (new Uint8Array(32) as never),
  };
  const link = new SignerLink(socket, { identity, scheduler: systemScheduler, lost: () => undefined });
  try {
    const report = await link.standing(true);
    if (report === undefined) throw new Error("it does not say how it stands");
    return report;
  } finally {
    link.close();
  }
}

function mismatch({ genesis }: Home, { publicKey }: SignerSettings, found: SignerReport): string | undefined {
  const hash = computeGenesisHash(genesis);
  if (!equalBytes(found.genesisHash, hash))
    return `votes on the chain with genesis ${showHash(found.genesisHash)}, this home is of ${showHash(hash)}`;
  if (publicKey === undefined) return "signer.public_key is not set in config.toml";
  if (equalBytes(found.publicKey, publicKey)) return undefined;
  return `holds the key ${hex0x(found.publicKey)}, config.toml names ${hex0x(publicKey)} (signer.public_key)`;
}

function examineToken({ module, label, id, publicKey, ...where }: TokenConfig): Finding {
  const name = "token";
  try {
    const library = Pkcs11.open(module);
    try {
      const token = library.find(where);
      const session = library.session(token);
      const keys = session.publicKeys();
      session.close();
      checkTries(token, { mayRetry: false });
      const found = keys.find((key) => (label === "" || key.label === label) && (id === "" || key.id === id));
      const shown = found?.publicKey;
      if (publicKey !== undefined && shown !== undefined && !equalBytes(shown, publicKey)) {
        const detail = `token "${token.label}": the key is ${hex0x(shown)}, config.toml names ${hex0x(publicKey)} (signer.public_key)`;
        return { name, ok: false, detail, isInput: true };
      }
      const key =
        shown === undefined
          ? "it shows no public half of the key without a PIN"
          : `the key is ${hex0x(shown)}`;
      return { name, ok: true, detail: `token "${token.label}" is there; ${key}; the PIN was not tried` };
    } finally {
      library.close();
    }
  } catch (error) {
    return { name, ok: false, detail: (error as Error).message, isInput: true };
  }
}
