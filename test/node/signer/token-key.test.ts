/** What is refused of a token before its library is asked. With a real token: test/token/softhsm.check.ts. */
import { expect, it } from "vitest";
import { Pkcs11, TokenError } from "../../../src/node/signer/pkcs11-library.ts";
import { checkTries, login } from "../../../src/node/signer/token-key.ts";

it("a key in a token does not try a PIN that may lock the token, and says so", () => {
  const token = (pin: object) => ({
    ...{ label: "t", serial: "1", slot: 0 },
    pin: { isCountLow: false, isLastTry: false, isLocked: false, ...pin },
  });
  const codeOf = (pin: object, mayRetry = false) => {
    try {
      checkTries(token(pin), { mayRetry });
      return "ok";
    } catch (error) {
      return (error as TokenError).code;
    }
  };
  expect([
    codeOf({}),
    codeOf({ isCountLow: true }),
    codeOf({ isLastTry: true }),
    codeOf({ isLocked: true }),
  ]).toEqual(["ok", "pin-refused-before", "pin-refused-before", "pin-locked"]);
  expect([codeOf({ isLastTry: true }, true), codeOf({ isLocked: true }, true)]).toEqual(["ok", "pin-locked"]);
});

it("a key in a token names what is absent where the library cannot be loaded: the package, or the file", () => {
  const open = () => Pkcs11.open("/nowhere/library.so");
  expect(open).toThrow(TokenError);
  expect(open).toThrow(/pkcs11js|\/nowhere\/library\.so: there is no such PKCS#11 module/);
});

it("a key in a token says that a PIN is wrong in words, whoever asks", () => {
  const session = {
    login: () => {
      throw Object.assign(new Error("CKR_PIN_INCORRECT"), { code: 0xa0 });
    },
  };
  const asked = () => login(session, { label: "t" }, { value: "0000" });
  expect(asked).toThrow(TokenError);
  expect(asked).toThrow(/token "t": the PIN is wrong\. It was tried once/);
});
