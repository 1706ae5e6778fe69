/**
 * Work that only computes steps behind the end-to-end tests, which run beside it and whose processes have deadlines.
 */
import { setPriority } from "node:os";

const BEHIND = 10;

setPriority(BEHIND);
