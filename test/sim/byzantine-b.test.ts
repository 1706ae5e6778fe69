/** Byzantine schedules at the fault limit, part b: nine in ten with n = 4 (test/sim/many.ts). */
import { manySchedules } from "./many.ts";

manySchedules(1);
