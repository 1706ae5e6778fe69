/**
 * The adapter of pkcs11js: the few calls of PKCS#11 that a validator's key needs, and what a token's refusals mean. The
 * package is compiled when it is installed and few need it, so it is loaded where a configuration names a module, and never else.
 * Source: PKCS #11 3.0 (OASIS), 6.3.16 for CKM_EDDSA; docs/adr/0042-02.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";

const PKCS11JS_VERSION = "2.1.7";

type Handle = Buffer;
interface Attribute {
  readonly type: number;
  readonly value?: Buffer | number | boolean | string;
}

/** What pkcs11js says of a token, padded with spaces. */
interface TokenInfo {
  readonly label: string;
  readonly serialNumber: string;
  readonly flags: number;
}

interface Library {
  load(path: string): void;
  close(): void;
  C_Initialize(options: { readonly flags: number }): void;
  C_Finalize(): void;
  C_GetSlotList(tokenPresent: boolean): Handle[];
  C_GetTokenInfo(slot: Handle): TokenInfo;
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_CloseSession(session: Handle): void;
  C_Login(session: Handle, userType: number, pin: string): void;
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void;
  C_FindObjects(session: Handle, most: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(session: Handle, object: Handle, template: readonly Attribute[]): { value: Buffer }[];
  C_SignInit(session: Handle, mechanism: { mechanism: number; parameter: null }, key: Handle): void;
  C_SignAsync(session: Handle, message: Buffer, room: Buffer): Promise<Buffer>;
  C_GenerateKeyPair(
    session: Handle,
    mechanism: { mechanism: number; parameter: null },
    publicKey: readonly Attribute[],
    privateKey: readonly Attribute[],
  ): unknown;
}

export type TokenFault =
  | "no-pkcs11js"
  | "no-module"
  | "no-token"
  | "no-pin"
  | "wrong-pin"
  | "pin-refused-before"
  | "pin-locked"
  | "no-key"
  | "wrong-curve"
  | "wrong-key"
  | "token-lost";

/** What is wrong with a token, in one line that names it. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly code: TokenFault;

  constructor(code: TokenFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const CKF_OS_LOCKING_OK = 2;
const CKF_SERIAL_SESSION = 4;
const CKF_RW_SESSION = 2;
const CKU_USER = 1;
const CKM_EC_EDWARDS_KEY_PAIR_GEN = 0x1055;
const CKM_EDDSA = 0x1057;
const CLASS = 0;
const TOKEN = 1;
const PRIVATE = 2;
const LABEL = 3;
const KEY_TYPE = 0x100;
const ID = 0x102;
const SENSITIVE = 0x103;
const SIGN = 0x108;
const VERIFY = 0x10a;
const EXTRACTABLE = 0x162;
const EC_PARAMS = 0x180;
const EC_POINT = 0x181;
const CLASS_PUBLIC_KEY = 2;
const CLASS_PRIVATE_KEY = 3;
const KEY_TYPE_EC_EDWARDS = 0x40;
/** The object identifier of Ed25519, 1.3.101.112, and the name that PKCS #11 2.40 has for it. */
const ED25519_PARAMETERS = ["06032b6570", "130c656477617264733235353139"];
const CKR_USER_ALREADY_LOGGED_IN = 0x100;
const CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191;
/** Objects of one token that are looked at. */
const OBJECTS_MAX = 1_000;

export interface Token {
  readonly label: string;
  readonly serial: string;
  readonly slot: number;
  /** What the token says of tries of the user's PIN. */
  readonly pin: { readonly isCountLow: boolean; readonly isLastTry: boolean; readonly isLocked: boolean };
}

export interface TokenObject {
  readonly label: string;
  /** The id of the object in hex digits. */
  readonly id: string;
  readonly isEd25519: boolean;
  /** The public key, 32 bytes. Undefined where the object does not show it. */
  readonly publicKey: Uint8Array | undefined;
}

/**
 * One PKCS#11 module that is initialised. Calls may wait for the device, and only signing leaves the event
 * loop alone.
 */
export class Pkcs11 {
  readonly #library: Library;
  readonly #path: string;

  private constructor(library: Library, path: string) {
    this.#library = library;
    this.#path = path;
  }

  /** @throws TokenError `no-pkcs11js`, `no-module` */
  static open(path: string): Pkcs11 {
    const make = loadPackage();
    if (!existsSync(path)) throw new TokenError("no-module", `${path}: there is no such PKCS#11 module`);
    const library = new make();
    try {
      library.load(path);
    } catch (cause) {
      throw new TokenError("no-module", `${path}: cannot be loaded as a PKCS#11 module: ${wordsOf(cause)}`, {
        cause,
      });
    }
    try {
      library.C_Initialize({ flags: CKF_OS_LOCKING_OK });
    } catch (cause) {
      if (codeOf(cause) !== CKR_CRYPTOKI_ALREADY_INITIALIZED)
        throw new TokenError("no-module", `${path}: does not start: ${wordsOf(cause)}`, { cause });
    }
    return new Pkcs11(library, path);
  }

  /** Never throws: what is lost need not be closed. */
  close(): void {
    for (const end of [() => this.#library.C_Finalize(), () => this.#library.close()]) attempt(end);
  }

  tokens(): Token[] {
    return this.#library.C_GetSlotList(true).flatMap((slot) => {
      const info = attempt(() => this.#library.C_GetTokenInfo(slot));
      return info === undefined || (info.flags & 0x400) === 0 ? [] : [tokenOf(slot, info)];
    });
  }

  /** @throws TokenError `no-token`, naming those that are there */
  find({ token, slot }: { readonly token: string; readonly slot: number | undefined }): Token {
    const all = this.tokens();
    const found = all.filter(
      (one) => (token === "" || one.label === token) && (slot === undefined || one.slot === slot),
    );
    const [first] = found;
    if (first !== undefined && found.length === 1) return first;
    const asked = [
      ...(token === "" ? [] : [`label "${token}"`]),
      ...(slot === undefined ? [] : [`slot ${slot}`]),
    ];
    const there = all.map((one) => `"${one.label}" (slot ${one.slot})`).join(", ");
    const what =
      asked.length === 0 ? "no token was named" : `${found.length} tokens with ${asked.join(" and ")}`;
    throw new TokenError(
      "no-token",
      `${this.#path}: ${what}; there ${all.length === 0 ? "are none" : `are ${there}`}`,
    );
  }

  session(token: Token, isWriting = false): Pkcs11Session {
    const slot = this.#library.C_GetSlotList(true).find((one) => numberOf(one) === token.slot);
    if (slot === undefined) throw new TokenError("token-lost", `the token "${token.label}" is not there`);
    const session = this.#library.C_OpenSession(slot, CKF_SERIAL_SESSION | (isWriting ? CKF_RW_SESSION : 0));
    return new Pkcs11Session(this.#library, session);
  }
}

/** An open session. Its methods throw what pkcs11js throws: see {@link codeOf}. */
export class Pkcs11Session {
  readonly #library: Library;
  readonly #session: Handle;

  constructor(library: Library, session: Handle) {
    this.#library = library;
    this.#session = session;
  }

  login(pin: string): void {
    try {
      this.#library.C_Login(this.#session, CKU_USER, pin);
    } catch (error) {
      if (codeOf(error) !== CKR_USER_ALREADY_LOGGED_IN) throw error;
    }
  }

  privateKeys(): (TokenObject & { readonly handle: Buffer })[] {
    return this.#objects(CLASS_PRIVATE_KEY);
  }

  publicKeys(): TokenObject[] {
    return this.#objects(CLASS_PUBLIC_KEY);
  }

  async sign(message: Uint8Array, key: Buffer): Promise<Uint8Array> {
    this.#library.C_SignInit(this.#session, { mechanism: CKM_EDDSA, parameter: null }, key);
    const signature = await this.#library.C_SignAsync(this.#session, Buffer.from(message), Buffer.alloc(64));
    return new Uint8Array(signature);
  }

  /** A new Ed25519 key that never leaves the token. */
  generate(label: string, id: Uint8Array): void {
    const shared = [
      { type: TOKEN, value: true },
      { type: LABEL, value: label },
      { type: ID, value: Buffer.from(id) },
    ];
    this.#library.C_GenerateKeyPair(
      this.#session,
      { mechanism: CKM_EC_EDWARDS_KEY_PAIR_GEN, parameter: null },
      [
        ...shared,
        { type: PRIVATE, value: false },
        { type: VERIFY, value: true },
        { type: EC_PARAMS, value: Buffer.from(ED25519_PARAMETERS[0] ?? "", "hex") },
      ],
      [
        ...shared,
        { type: PRIVATE, value: true },
        { type: SENSITIVE, value: true },
        { type: EXTRACTABLE, value: false },
        { type: SIGN, value: true },
      ],
    );
  }

  close(): void {
    attempt(() => this.#library.C_CloseSession(this.#session));
  }

  #objects(kind: number): (TokenObject & { readonly handle: Buffer })[] {
    this.#library.C_FindObjectsInit(this.#session, [{ type: CLASS, value: kind }]);
    let handles: Buffer[];
    try {
      handles = this.#library.C_FindObjects(this.#session, OBJECTS_MAX);
    } finally {
      this.#library.C_FindObjectsFinal(this.#session);
    }
    return handles.map((handle) => {
      const parameters = this.#read(handle, EC_PARAMS)?.toString("hex") ?? "";
      const type = this.#read(handle, KEY_TYPE);
      return {
        handle,
        label: this.#read(handle, LABEL)?.toString("utf8") ?? "",
        id: this.#read(handle, ID)?.toString("hex") ?? "",
        // Some tokens show the curve of the public key alone.
        isEd25519:
          type !== undefined &&
          numberOf(type) === KEY_TYPE_EC_EDWARDS &&
          (parameters === "" || ED25519_PARAMETERS.includes(parameters)),
        publicKey: pointOf(this.#read(handle, EC_POINT)),
      };
    });
  }

  /** Undefined for what the object does not have, or does not show. */
  #read(handle: Buffer, type: number): Buffer | undefined {
    return attempt(() => this.#library.C_GetAttributeValue(this.#session, handle, [{ type }]))?.[0]?.value;
  }
}

/** The number of a PKCS#11 error (CKR_...), or 0 for any other error. */
export function codeOf(error: unknown): number {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "number" ? code : 0;
}

export function wordsOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [first = ""] = message.split("\n");
  return first;
}

/** Read by the number of its slot: a handle is as wide as a C long. */
function numberOf(handle: Buffer): number {
  return handle.length === 0 ? 0 : handle.readUIntLE(0, Math.min(handle.length, 6));
}

function tokenOf(slot: Handle, { label, serialNumber, flags }: TokenInfo): Token {
  return {
    ...{ label: label.trim(), serial: serialNumber.trim(), slot: numberOf(slot) },
    pin: {
      isCountLow: (flags & 0x1_0000) !== 0,
      isLastTry: (flags & 0x2_0000) !== 0,
      isLocked: (flags & 0x4_0000) !== 0,
    },
  };
}

/** An octet string in DER that holds the point, or the point itself. */
function pointOf(value: Buffer | undefined): Uint8Array | undefined {
  if (value?.length === 34 && value[0] === 0x04 && value[1] === 32) return new Uint8Array(value.subarray(2));
  return value?.length === 32 ? new Uint8Array(value) : undefined;
}

function attempt<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch {
    return undefined;
  }
}

function loadPackage(): new () => Library {
  try {
    const { PKCS11 } = createRequire(import.meta.url)("pkcs11js") as { PKCS11: new () => Library };
    return PKCS11;
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND" ? "is not installed" : wordsOf(cause);
    const message =
      `the package pkcs11js, by which tokens are spoken to, ${why}: it is compiled where it is installed, and only needed ` +
      `for signer.pkcs11. Beside quorate run: npm install --no-save pkcs11js@${PKCS11JS_VERSION}`;
    throw new TokenError("no-pkcs11js", message, { cause });
  }
}
