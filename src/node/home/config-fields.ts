/**
 * What the values of a configuration may be, where codec/field.ts has no such field: each reads the file's value and the text of
 * an environment variable or flag.
 */
import { type Address, asAddress, parseBytes32 } from "../../base/bytes.ts";
import { isDecimal } from "../../base/decimal.ts";
import { type Field, field, textField } from "../../codec/field.ts";
import { isStrongPublicKey } from "../../crypto/keys.ts";
import { isHost } from "./host-name.ts";
import { type LogLevels, parseLogLevels } from "./log-levels.ts";

export const HOUR_MS = 3_600_000;

export function booleanField(): Field<boolean> {
  return field("true or false", (value) =>
    value === true || value === "true" ? true : value === false || value === "false" ? false : undefined,
  );
}

export function logLevelsField(): Field<LogLevels> {
  return field('levels such as "info" or "info,pbft=debug,p2p=warn"', (value) =>
    typeof value === "string" ? parseLogLevels(value) : undefined,
  );
}

export function coinbaseField(): Field<Address | undefined> {
  const account = field<{ address: Address | undefined }>(
    `an account of 0x and 64 hex digits, or ""`,
    (value) => {
      if (value === "") return { address: undefined };
      const bytes = typeof value === "string" && value.startsWith("0x") ? parseBytes32(value) : undefined;
      const address = bytes === undefined ? undefined : asAddress(bytes);
      return address !== undefined && isStrongPublicKey(address) ? { address } : undefined;
    },
  );
  return { read: (value, place) => account.read(value, place)?.address };
}

/** A path or a label, or none. */
export function optionalField(): Field<string> {
  return textField("a text of at most 1,024 characters", /^[^\0\r\n]{0,1024}$/);
}

/** The number of a slot, which is undefined when the text is empty. */
export function slotField(): Field<number | undefined> {
  const slot = field<{ value: number | undefined }>('the number of a slot, or ""', (value) => {
    if (value === "") return { value: undefined };
    const number = typeof value === "string" && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;
    return typeof number === "number" && Number.isSafeInteger(number) && number >= 0
      ? { value: number }
      : undefined;
  });
  return { read: (value, place) => slot.read(value, place)?.value };
}

export function pathField(): Field<string> {
  return textField("a path of 1 to 1,024 characters", /^[^\0\r\n]{1,1024}$/);
}

export interface SignerAddress {
  readonly host: string;
  readonly port: number;
}

/** The address of a signer, which is undefined when the text is empty. */
export function signerAddressField(): Field<SignerAddress | undefined> {
  const address = field<{ value: SignerAddress | undefined }>(
    'a signer\'s address such as "tls://10.0.0.7:30400", or ""',
    (value) => {
      if (value === "") return { value: undefined };
      const found = typeof value === "string" ? SIGNER_URL.exec(value) : null;
      const host = found?.[1]?.replace(/^\[|\]$/g, "") ?? "";
      const number = Number(found?.[2]);
      return isHost(host) && number >= 1 && number <= 65_535 ? { value: { host, port: number } } : undefined;
    },
  );
  return { read: (value, place) => address.read(value, place)?.value };
}

const SIGNER_URL = /^(?:tls:\/\/)?(\[[0-9a-fA-F:.]+\]|[^/:\s]+):(\d{1,5})\/?$/;

export function amountField(): Field<bigint> {
  return field('an amount in decimal digits, as text such as "100"', (value) => {
    if (typeof value !== "string" || !isDecimal(value, 19)) return undefined;
    return BigInt(value);
  });
}

/** Reads an amount of work of at most 256 bits, since no chain has more. */
export function workField(): Field<bigint> {
  return field('work as 0x and up to 64 hex digits, such as "0x1f4000"', (value) =>
    typeof value === "string" && /^0x[0-9a-f]{1,64}$/i.test(value) ? BigInt(value) : undefined,
  );
}

/** Host names, which are a list in the file, and separated by commas in the environment. */
export function hostNamesField(): Field<readonly string[]> {
  return field('a list of host names such as "node0.example.org" (lower case, no port)', (value) => {
    const items = typeof value === "string" ? value.split(",").filter((item) => item !== "") : value;
    if (!Array.isArray(items)) return undefined;
    return items.every((item) => typeof item === "string" && HOST_NAME.test(item)) ? items : undefined;
  });
}

const HOST_NAME = /^[a-z0-9._-]{1,253}$/;

/** What follows from genesis is resolved where genesis is known (assembly/empty-blocks.ts). */
export function emptyBlocksField(): Field<number | "auto"> {
  const max = 24 * HOUR_MS;
  return field(`"auto" or an integer from 0 to ${max}`, (value) => {
    const number = typeof value === "string" && isDecimal(value) ? Number(value) : value;
    if (value === "auto") return value;
    return Number.isSafeInteger(number) && Number(number) >= 0 && Number(number) <= max
      ? Number(number)
      : undefined;
  });
}

export function originsField(): Field<readonly string[]> {
  return field('a list of origins such as "https://example.org" (no path), or "*"', (value) => {
    const items = typeof value === "string" ? value.split(",").filter((item) => item !== "") : value;
    if (!Array.isArray(items)) return undefined;
    return items.every((item) => typeof item === "string" && ORIGIN.test(item)) ? items : undefined;
  });
}

const ORIGIN = /^(\*|https?:\/\/[A-Za-z0-9.:[\]-]{1,253})$/;
