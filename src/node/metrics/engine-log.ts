/** What the log says of an engine's events: those that an operator should see, one line each. */
import type { LogFields, LogLevel } from "../../base/log.ts";
import type { EngineEvent, ValidatorId } from "../../consensus/engine.ts";

export interface EventLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** The line for an event, or undefined for one that is not logged. */
export function logLineOf(event: EngineEvent, self: ValidatorId | undefined): EventLine | undefined {
  switch (event.type) {
    case "diverged":
    case "amnesia": {
      const { type, height, detail } = event;
      return { level: "error", message: `${type}: this node has stopped voting`, fields: { height, detail } };
    }
    case "recovering": {
      const { kind, height: awaited } = event.awaits;
      const message =
        "the database is younger than the journal: fetching what is missing, without a vote until then";
      return { level: "warn", message, fields: { height: event.height, awaited: `${kind} ${awaited}` } };
    }
    case "recovered":
      return { level: "info", message: "recovered: this node votes again", fields: { height: event.height } };
    case "checkpoint-stable":
      return { level: "info", message: "checkpoint stable", fields: { height: event.height } };
    case "view-change": {
      const { from, view, reason } = event;
      if (from !== self) return undefined;
      const level = reason === "rotation" ? "info" : "warn";
      return { level, message: "view change", fields: { view, reason } };
    }
    case "new-view": {
      const { view, from: primary, minHeight: minSeq, maxHeight: maxSeq } = event;
      return { level: "info", message: "new view", fields: { view, primary, minSeq, maxSeq } };
    }
    default:
      return undefined;
  }
}
