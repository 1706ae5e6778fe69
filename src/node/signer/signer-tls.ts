/** A connection to a signer: TLS 1.3 with certificates on both sides, each pinned by the other or vouched for by whom it trusts. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from "node:tls";
import type { SignerSettings } from "../home/config.ts";
import { StartError } from "../home/start-error.ts";
import { SIGNER_ANSWER_MS_MAX } from "./signer-limits.ts";

export interface PemFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** @throws StartError `missing` */
export function pemFiles(
  dir: string,
  { ca, cert, key }: Pick<SignerSettings, "ca" | "cert" | "key">,
): PemFiles {
  const read = (file: string): string => {
    const path = resolve(dir, file);
    try {
      return readFileSync(path, "utf8");
    } catch (cause) {
      const detail = `${path}: cannot be read (${(cause as Error).message}); quorate signer pair makes it`;
      throw new StartError({ code: "missing", detail }, { cause });
    }
  };
  return { ca: read(ca), cert: read(cert), key: read(key) };
}

/** An open connection on which both sides have shown their certificates. Rejects with an Error that says why not. */
export function connectSigner(
  { host, port }: Pick<SignerSettings, "host" | "port">,
  files: PemFiles,
): Promise<TLSSocket> {
  return new Promise((done, failed) => {
    const socket = connect({
      host,
      port,
      ...files,
      minVersion: "TLSv1.3",
      checkServerIdentity: (name, found) =>
        isPinned(found, files.ca) ? undefined : checkServerIdentity(name, found),
    });
    socket.setNoDelay(true);
    const timer = setTimeout(
      () => socket.destroy(new Error(`no connection to ${host}:${port}`)),
      SIGNER_ANSWER_MS_MAX,
    );
    const refused = (error: Error) => {
      clearTimeout(timer);
      failed(new Error(`${error.message}${hintOf(error)}`, { cause: error }));
    };
    socket.once("error", refused);
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      socket.off("error", refused);
      done(socket);
    });
  });
}

/** OpenSSL's codes for a certificate that nobody vouches for whom this node trusts. */
const UNTRUSTED = [
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
];

function hintOf({ code = "" }: NodeJS.ErrnoException): string {
  if (!UNTRUSTED.includes(code)) return "";
  return " that signer.ca does not vouch for: it is another signer's, or the signer was made anew; take ca.crt of quorate signer pair";
}

/** The very certificate that was paired: its names do not matter then. */
function isPinned(found: PeerCertificate, ca: string): boolean {
  try {
    return new X509Certificate(ca).raw.equals(found.raw);
  } catch {
    return false;
  }
}
