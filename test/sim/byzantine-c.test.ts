/** Byzantine schedules at the fault limit, part c: half of them n = 4, the others n = 4 to 10 (test/sim/many.ts). */
import { manySchedules } from "./many.ts";

manySchedules(2);
