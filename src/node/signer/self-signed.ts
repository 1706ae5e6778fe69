/**
 * A certificate that speaks for itself: an ECDSA key on P-256 and an X.509 certificate of it, signed by that very key, for
 * two sides that pin each other's and need no authority. Node.js makes keys and signatures but no certificates; the
 * packages that do bring twenty others, so the few fields are written here (DER, docs/adr/0034-01). Whoever checks
 * them is OpenSSL. Source: RFC 5280, 4.1; RFC 5758, 3.2.
 */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

export interface SelfSigned {
  readonly certificatePem: string;
  /** The secret key as PEM in PKCS#8. */
  readonly keyPem: string;
}

/**
 * @param name common name, for people
 * @param hosts names and IP addresses by which it is reached
 */
export function makeCertificate(name: string, hosts: readonly string[], nowMs: number): SelfSigned {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(ECDSA_WITH_SHA256);
  const subject = sequence(element(SET, sequence(COMMON_NAME, element(UTF8_STRING, Buffer.from(name)))));
  const validity = sequence(timeOf(nowMs - DAY_MS), timeOf(nowMs + YEARS_MS));
  const facts = sequence(
    element(VERSION, integer(Buffer.of(2))),
    integer(serialNumber()),
    algorithm,
    subject,
    validity,
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    element(EXTENSIONS, sequence(BASIC_CONSTRAINTS, alternativeNames(hosts))),
  );
  const certificate = sequence(facts, algorithm, bitString(sign("sha256", facts, privateKey)));
  const keyPem = createPrivateKey({
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
    format: "pem",
  });
  return {
    certificatePem: pemOf("CERTIFICATE", certificate),
    keyPem: keyPem.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

const DAY_MS = 86_400_000;
/** Whoever pins a certificate replaces it by pairing anew, not by waiting for its end. */
const YEARS_MS = 20 * 365 * DAY_MS;

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

const identifier = (...bytes: number[]) => element(OBJECT_IDENTIFIER, Buffer.from(bytes));
/** The object identifier 1.2.840.10045.4.3.2. */
const ECDSA_WITH_SHA256 = identifier(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02);
/** The object identifier 2.5.4.3. */
const COMMON_NAME = identifier(0x55, 0x04, 0x03);
/** The extension 2.5.29.19, which is critical and says that this is no authority. */
const BASIC_CONSTRAINTS = sequence(
  identifier(0x55, 0x1d, 0x13),
  element(0x01, Buffer.of(0xff)),
  element(OCTET_STRING, sequence()),
);

/** The extension 2.5.29.17, which names the hosts that the certificate is for. */
function alternativeNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    isIP(host) === 0 ? element(DNS_NAME, Buffer.from(host)) : element(IP_ADDRESS, addressBytes(host)),
  );
  return sequence(identifier(0x55, 0x1d, 0x11), element(OCTET_STRING, sequence(...names)));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  // The URL parser writes any IPv6 address in one form: groups of hex digits, the longest run of zeros as "::".
  const [left = "", right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const head = groups(left);
  const tail = groups(right ?? "");
  const zeros = new Array<number>(8 - head.length - tail.length).fill(0);
  return Buffer.from([...head, ...zeros, ...tail].flatMap((group) => [group >> 8, group & 0xff]));
}

function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  // Positive, and without a zero in front: one encoding.
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function integer(bytes: Buffer): Buffer {
  return element(INTEGER, bytes);
}

function bitString(bytes: Buffer): Buffer {
  return element(BIT_STRING, Buffer.concat([Buffer.of(0), bytes]));
}

function timeOf(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
  // Years before 2050 have two digits.
  return text < "2050"
    ? element(UTC_TIME, Buffer.from(text.slice(2)))
    : element(GENERALIZED_TIME, Buffer.from(text));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(SEQUENCE, Buffer.concat(parts));
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

function pemOf(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
