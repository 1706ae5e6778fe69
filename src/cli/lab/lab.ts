/**
 * `quorate lab`: what breaks a chain and how likely it is, measured with the node's own rules, block tree and fork
 * choice, and judged by theory; the siege attacks real processes and is judged by limits. Each experiment prints a
 * table and leaves results and a report in a folder. docs/lab.md says what is measured and how it is judged.
 *
 * This folder: `quorate lab`, a file for each experiment, its threads, and the processes of live races and sieges. Not
 * here: the experiments (tools/lab).
 */
import type { Command } from "commander";
import { group } from "../command.ts";
import { addAttack51 } from "./lab-attack51.ts";
import { addCensor } from "./lab-censor.ts";
import { addEclipse } from "./lab-eclipse.ts";
import { addEquivocate } from "./lab-equivocate.ts";
import { checkLabDir } from "./lab-files.ts";
import { addGenerals } from "./lab-generals.ts";
import { addMajority } from "./lab-majority.ts";
import { addPartition } from "./lab-partition.ts";
import { addSelfish } from "./lab-selfish.ts";
import { addSiege } from "./lab-siege.ts";
import { addSilent } from "./lab-silent.ts";
import { addSpam } from "./lab-spam.ts";
import { addTimewarp } from "./lab-timewarp.ts";

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
