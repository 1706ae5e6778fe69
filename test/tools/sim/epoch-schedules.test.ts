/** The same as schedules.test.ts with members that change, in a process of its own: either takes more than a minute of a processor. */
import "./suites/epochs.ts";
