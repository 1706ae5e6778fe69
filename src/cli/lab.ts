/**
 * `quorate lab`: what breaks a chain and how likely it is, measured with the node's own rules, block tree and fork
 * choice, and judged by theory; the siege attacks real processes and is judged by limits. Each experiment prints a
 * table and leaves results and a report in a folder. docs/lab.md says what is measured and how it is judged.
 */
import type { Command } from "commander";
import { group } from "./command.ts";
import { addAttack51 } from "./labattack51.ts";
import { addCensor } from "./labcensor.ts";
import { addEclipse } from "./labeclipse.ts";
import { addEquivocate } from "./labequivocate.ts";
import { checkLabDir } from "./labfiles.ts";
import { addGenerals } from "./labgenerals.ts";
import { addMajority } from "./labmajority.ts";
import { addPartition } from "./labpartition.ts";
import { addSelfish } from "./labselfish.ts";
import { addSiege } from "./labsiege.ts";
import { addSilent } from "./labsilent.ts";
import { addSpam } from "./labspam.ts";
import { addTimewarp } from "./labtimewarp.ts";

export function addLab(program: Command): void {
  const lab = group(program, "lab", "attack a chain on virtual time and compare with theory");
  lab.hook("preAction", (_, command) => checkLabDir(command.opts().out));
  addAttack51(lab);
  addSelfish(lab);
  addGenerals(lab);
  addEquivocate(lab);
  addSilent(lab);
  addPartition(lab);
  addMajority(lab);
  addTimewarp(lab);
  addEclipse(lab);
  addCensor(lab);
  addSpam(lab);
  addSiege(lab);
}
