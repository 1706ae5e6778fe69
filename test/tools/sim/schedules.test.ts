/**
 * What plays schedules by the hundred. One file for the runner, so one process: the first few hundred schedules of a
 * process cost twice what the others do, until its code is compiled (adversary.ts: 7 s of processor time alone, 2 s
 * behind the brief schedules).
 */
import "./suites/byzantine.ts";
import "./suites/adversary.ts";
import "./suites/epochs.ts";
