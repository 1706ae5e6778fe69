/**
 * A validator's key in a PKCS#11 token: opened, logged in once, found by its label or id, and asked for signatures one after the
 * other. A session that is lost is opened again, at most so often; a PIN that was refused is never tried a second time, since
 * tokens count and lock.
 */
import { type Address, asAddress, equalBytes, hex0x, utf8 } from "../../base/bytes.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import { isStrongPublicKey, verifySignature } from "../../crypto/keys.ts";
import {
  codeOf,
  Pkcs11,
  type Pkcs11Session,
  type Token,
  TokenError,
  type TokenObject,
  wordsOf,
} from "./pkcs11-library.ts";
import { SIGNER_ANSWER_MS_MAX, SIGNER_RETRY_MS, SIGNER_RETRY_MS_MAX } from "./signer-limits.ts";

/** Says which key of which token is meant. */
export interface TokenSettings {
  /** Path of the vendor's library. */
  readonly module: string;
  /** The label of the token. When it is "", it is the one in the slot, or the only one. */
  readonly token: string;
  readonly slot: number | undefined;
  /** The label of the key. When it is "", it is found by its id, or is the only one. */
  readonly label: string;
  /** The id of the key in hex digits. When it is "", the key is found by its label. */
  readonly id: string;
}

export interface TokenPin {
  readonly value: string;
  /** It may be tried although the token says that the last try was refused. */
  readonly mayRetry: boolean;
}

interface OpenToken {
  readonly library: Pkcs11;
  readonly session: Pkcs11Session;
  readonly handle: Buffer;
}

export class TokenKey {
  readonly publicKey: Address;
  readonly #settings: TokenSettings;
  readonly #pin: TokenPin;
  readonly #scheduler: Scheduler;
  #open: OpenToken | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #failures = 0;
  #nextTryMs = 0;
  #last: TokenError | undefined;
  #isClosed = false;
  /** A call that the token has not answered in time. */
  #isHanging = false;

  private constructor(
    opened: OpenToken & { readonly publicKey: Address },
    settings: TokenSettings,
    { pin, scheduler }: { readonly pin: TokenPin; readonly scheduler: Scheduler },
  ) {
    this.#open = opened;
    this.publicKey = opened.publicKey;
    this.#settings = settings;
    this.#pin = pin;
    this.#scheduler = scheduler;
  }

  /**
   * @param expected the key that it must be, where that is known
   * @throws TokenError naming what is wrong, after one try of the PIN at most
   */
  static async open(
    settings: TokenSettings,
    pin: TokenPin,
    { expected, scheduler }: { readonly expected: Address | undefined; readonly scheduler: Scheduler },
  ): Promise<TokenKey> {
    const opened = openToken(settings, pin, expected);
    const key = new TokenKey(opened, settings, { pin, scheduler });
    try {
      // That the two halves belong together, before anything depends on it.
      await key.sign(utf8("quorate/token/v1"));
      return key;
    } catch (error) {
      key.close();
      throw error;
    }
  }

  /** What people call the key. */
  get name(): string {
    const { token, slot, label, id } = this.#settings;
    const where = token === "" ? `slot ${slot ?? "?"}` : `"${token}"`;
    return `token ${where}, key ${label === "" ? id : `"${label}"`}`;
  }

  /** A session is open, or is opened again. @throws TokenError */
  readonly ready = (): void => {
    if (this.#open === undefined) this.#reopen();
  };

  /** A signature that was verified. Rejects with a TokenError. */
  sign(message: Uint8Array): Promise<Uint8Array> {
    const done = this.#turn.then(() => this.#sign(message));
    this.#turn = done.catch(() => undefined);
    return done;
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  async #sign(message: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#signOnce(message);
    } catch (error) {
      if (error instanceof TokenError) throw error;
    }
    // Lost sessions are the usual case, and which code says so differs from vendor to vendor: once more, from the start.
    this.#drop();
    try {
      return await this.#signOnce(message);
    } catch (error) {
      this.#drop();
      if (error instanceof TokenError) throw error;
      throw this.#noted(new TokenError("token-lost", `${this.name}: ${wordsOf(error)}`, { cause: error }));
    }
  }

  async #signOnce(message: Uint8Array): Promise<Uint8Array> {
    this.ready();
    const { session, handle } = this.#open as OpenToken;
    const signature = await this.#inTime(session.sign(message, handle));
    if (verifySignature(this.publicKey, message, signature)) return signature;
    throw new TokenError(
      "wrong-key",
      `${this.name}: its signature is not valid for ${hex0x(this.publicKey)}`,
    );
  }

  #inTime(answer: Promise<Uint8Array>): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const cancel = this.#scheduler.after(SIGNER_ANSWER_MS_MAX, () => {
        // The library cannot be left while the call is in it.
        this.#isHanging = true;
        this.#open = undefined;
        reject(
          this.#noted(
            new TokenError("token-lost", `${this.name}: no answer for ${SIGNER_ANSWER_MS_MAX / 1_000} s`),
          ),
        );
      });
      const over = () => {
        this.#isHanging = false;
        cancel();
      };
      answer.finally(over).then(resolve, reject);
    });
  }

  /** Opens the token again, but not before its time, and never with a PIN that was refused. */
  #reopen(): void {
    if (this.#isClosed) throw new TokenError("token-lost", `${this.name}: closed`);
    if (this.#isHanging)
      throw new TokenError("token-lost", `${this.name}: it has not answered the last question yet`);
    if (this.#last !== undefined && (isFinal(this.#last) || this.#scheduler.now() < this.#nextTryMs))
      throw this.#last;
    try {
      this.#open = openToken(this.#settings, { ...this.#pin, mayRetry: false }, this.publicKey);
      this.#failures = 0;
      this.#last = undefined;
    } catch (error) {
      throw this.#noted(error as TokenError);
    }
  }

  #noted(error: TokenError): TokenError {
    this.#last = error;
    const delayMs = Math.min(SIGNER_RETRY_MS * 2 ** this.#failures++, SIGNER_RETRY_MS_MAX);
    this.#nextTryMs = this.#scheduler.now() + delayMs;
    return error;
  }

  #drop(): void {
    this.#open?.session.close();
    this.#open?.library.close();
    this.#open = undefined;
  }
}

/** Another try would be one too many. */
function isFinal({ code }: TokenError): boolean {
  return code === "wrong-pin" || code === "pin-locked" || code === "pin-refused-before";
}

const CKR_PIN_INCORRECT = 0xa0;
const CKR_PIN_LEN_RANGE = 0xa2;
const CKR_PIN_LOCKED = 0xa4;

/** @throws TokenError */
function openToken(
  settings: TokenSettings,
  pin: TokenPin,
  expected: Address | undefined,
): OpenToken & { readonly publicKey: Address } {
  const library = Pkcs11.open(settings.module);
  try {
    const token = library.find(settings);
    checkTries(token, pin);
    const session = library.session(token);
    login(session, token, pin);
    return { library, session, ...keyIn(session, token, { ...settings, expected }) };
  } catch (error) {
    library.close();
    if (error instanceof TokenError) throw error;
    throw new TokenError("token-lost", `${settings.module}: ${wordsOf(error)}`, { cause: error });
  }
}

/** A restart with the same wrong PIN would burn try after try until the token is locked. */
export function checkTries({ label, pin }: Token, { mayRetry }: Pick<TokenPin, "mayRetry">): void {
  if (pin.isLocked)
    throw new TokenError(
      "pin-locked",
      `token "${label}": its PIN is locked; unlock it with the vendor's tools`,
    );
  if (mayRetry || !(pin.isCountLow || pin.isLastTry)) return;
  const left = pin.isLastTry ? "one more wrong PIN locks it" : "tries are limited";
  throw new TokenError(
    "pin-refused-before",
    `token "${label}": a wrong PIN was given since the last right one, and ${left}: not tried again by itself. Set the PIN right, ` +
      "then start once with --pin-retry",
  );
}

/** @throws TokenError for a PIN that is wrong or locked */
export function login(
  session: Pick<Pkcs11Session, "login">,
  { label }: Pick<Token, "label">,
  { value }: Pick<TokenPin, "value">,
): void {
  try {
    session.login(value);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === CKR_PIN_LOCKED)
      throw new TokenError(
        "pin-locked",
        `token "${label}": its PIN is locked; unlock it with the vendor's tools`,
        { cause },
      );
    if (code !== CKR_PIN_INCORRECT && code !== CKR_PIN_LEN_RANGE) throw cause;
    const message = `token "${label}": the PIN is wrong. It was tried once and is not tried again: set it right, then start once with --pin-retry`;
    throw new TokenError("wrong-pin", message, { cause });
  }
}

interface KeySearch extends Pick<TokenSettings, "label" | "id"> {
  readonly expected: Address | undefined;
}

function keyIn(
  session: Pick<Pkcs11Session, "privateKeys" | "publicKeys">,
  { label: token }: Token,
  { label, id, expected }: KeySearch,
): { readonly handle: Buffer; readonly publicKey: Address } {
  const all = session.privateKeys();
  const asked = (one: TokenObject) => (label === "" || one.label === label) && (id === "" || one.id === id);
  const found = all.filter(asked);
  const [key] = found;
  const named = [...(label === "" ? [] : [`label "${label}"`]), ...(id === "" ? [] : [`id ${id}`])].join(
    " and ",
  );
  if (key === undefined || found.length > 1) {
    const there = all.map((one) => `"${one.label}" (id ${one.id})`).join(", ");
    const what =
      named === ""
        ? `${found.length} private keys, and none was named`
        : `${found.length} private keys with ${named}`;
    const message = `token "${token}": ${what}; there ${all.length === 0 ? "are none" : `are ${there}`}`;
    throw new TokenError("no-key", message);
  }
  const halves = session
    .publicKeys()
    .filter((one) => one.id === key.id && (id !== "" || one.label === key.label));
  if (!key.isEd25519 || halves.some((one) => !one.isEd25519)) {
    throw new TokenError(
      "wrong-curve",
      `token "${token}": the key "${key.label}" (id ${key.id}) is not of Ed25519`,
    );
  }
  const publicKey = halves.find((one) => one.publicKey !== undefined)?.publicKey ?? key.publicKey ?? expected;
  if (publicKey === undefined || !isStrongPublicKey(publicKey)) {
    const message = `token "${token}": shows no public key of "${key.label}"; say it: signer.public_key`;
    throw new TokenError("no-key", message);
  }
  if (expected !== undefined && !equalBytes(publicKey, expected)) {
    const message = `token "${token}": the key "${key.label}" is ${hex0x(publicKey)}, and ${hex0x(expected)} was expected (signer.public_key)`;
    throw new TokenError("wrong-key", message);
  }
  return { handle: key.handle, publicKey: asAddress(publicKey) };
}
