/** The same as schedules.test.ts with members that change, in a process of its own: 1,000 of them take more than a minute of a processor. */
import "./suites/epochs.ts";
