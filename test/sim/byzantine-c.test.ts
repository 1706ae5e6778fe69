/** Byzantine schedules at the fault limit, part c: nine in ten with n = 4 (test/sim/many.ts). */
import { manySchedules } from "./many.ts";

manySchedules(2);
