/**
 * What a bundler puts in the place of signature-kernel.ts and batch-verification.ts for a browser (package.json,
 * "browser"): there is no kernel, and @noble/ed25519 judges. A page checks few signatures, and is loaded often.
 */
import { unreachable } from "../base/assert.ts";

export const KERNEL_CHECK_US = 0;

export function openSignatureKernel(): undefined {
  return undefined;
}

/** Nobody has a kernel to call these with. */
export function verifyByKernel(kernel: never): never {
  return unreachable(kernel);
}

export function judgeEach(claims: never): never {
  return unreachable(claims);
}

export function verifyTogether(kernel: never): never {
  return unreachable(kernel);
}
