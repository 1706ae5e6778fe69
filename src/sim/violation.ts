/**
 * What a checker is: an observer that recomputes by its own arithmetic what must hold, and reports when it does not.
 * The first violation ends a run. The checkers are in checker*.ts; who runs them is run.ts.
 */
import type { Cluster } from "./cluster.ts";
import type { Observer } from "./observer.ts";
import type { Schedule } from "./schedule.ts";

export interface Violation {
  /** Which rule: a short name in kebab case, e.g. "agreement". */
  readonly rule: string;
  readonly atMs: number;
  /** The compared values. */
  readonly detail: string;
}

export interface CheckerContext {
  readonly schedule: Schedule;
  /** Not before the first event: the cluster is made with its observers. */
  readonly cluster: () => Cluster;
  readonly report: (rule: string, detail: string) => void;
}

export interface Checker extends Observer {
  /** After the last event of a run that reached its end without a violation; everything is settled. */
  finish?(): void;
}

export type CheckerMaker = (context: CheckerContext) => Checker;
