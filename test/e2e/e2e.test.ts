/**
 * Real processes on loopback, one suite after the other so that they do not starve each other. They are one file for
 * the runner, which lets files of a project that must take turns wait until everything else has ended: mostly waiting
 * for processes, they cost little beside the other tests.
 * One alone: npx vitest run --project e2e -t "a few words of its name".
 */
import "./suites/viewchange.ts";
import "./suites/devnet.ts";
import "./suites/partition.ts";
import "./suites/mining.ts";
import "./suites/readme.ts";
import "./suites/refusals.ts";
import "./suites/anchor.ts";
import "./suites/bench.ts";
import "./suites/service.ts";
import "./suites/signer.ts";
import "./suites/false-snapshot.ts";
