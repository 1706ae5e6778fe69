/**
 * data/invitations.json: which invitations of this node were taken, and by whom, so that none is taken by two, also after a
 * restart. What has expired is forgotten. A file that does not read is one of no use: a node starts without it.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { hex } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { checkJson, integerField, list, object, textField } from "../../codec/field.ts";
import { INVITATIONS_TAKEN_MAX } from "../../rpc/joining.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import type { Invitation } from "./invitation.ts";

const schema = list(
  object({
    serial: textField("16 bytes of hex", /^[0-9a-f]{32}$/),
    peerId: textField("a peer id", /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/),
    expiresAtMs: integerField(0, Number.MAX_SAFE_INTEGER),
  }),
);

interface Taken {
  readonly serial: string;
  readonly peerId: string;
  readonly expiresAtMs: number;
}

export class TakenInvitations {
  readonly #path: string;
  #taken: readonly Taken[];

  constructor(path: string) {
    this.#path = path;
    this.#taken = readTaken(path);
  }

  /** Lets a peer take an invitation. The same peer may take it again. Faults: INVITATION_USED, INVITATION_EXPIRED. */
  take({ serial, expiresAtMs }: Invitation, peerId: string, nowMs: number): Verdict<undefined> {
    if (nowMs >= expiresAtMs) {
      return refuse("INVITATION_EXPIRED", `the invitation expired at ${new Date(expiresAtMs).toISOString()}`);
    }
    const name = hex(serial);
    const before = this.#taken.find((one) => one.serial === name);
    if (before?.peerId === peerId) return accept(undefined);
    if (before !== undefined) {
      return refuse("INVITATION_USED", `the invitation was taken by ${before.peerId}; ask for another one`);
    }
    const valid = this.#taken.filter((one) => nowMs < one.expiresAtMs);
    if (valid.length >= INVITATIONS_TAKEN_MAX) {
      return refuse(
        "INVITATION_USED",
        `${valid.length} invitations of this node were taken and have not expired`,
      );
    }
    this.#taken = [...valid, { serial: name, peerId, expiresAtMs }];
    makeFolder(dirname(this.#path));
    writeWhole(this.#path, `${JSON.stringify(this.#taken, undefined, 1)}\n`);
    return accept(undefined);
  }
}

function readTaken(path: string): readonly Taken[] {
  if (!existsSync(path)) return [];
  const read = checkJson(schema, readFileSync(path, "utf8"));
  return read.ok ? read.value.slice(-INVITATIONS_TAKEN_MAX) : [];
}
