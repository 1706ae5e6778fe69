/**
 * Log levels by component, as a person writes them: "info", or "info,pbft=debug,p2p=warn". Which component a line
 * comes from is its writer's word (base/log.ts); writing it is the node's log adapter.
 */
import type { LogLevel } from "../../base/log.ts";

export interface LogLevels {
  /** The level of components that are not named. */
  readonly level: LogLevel;
  readonly components: ReadonlyMap<string, LogLevel>;
}

const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Undefined when a part is neither a level nor component=level, or is given twice. */
export function parseLogLevels(text: string): LogLevels | undefined {
  let level: LogLevel | undefined;
  const components = new Map<string, LogLevel>();
  for (const part of text.split(",")) {
    const [first = "", second, ...rest] = part.trim().split("=");
    const parsed = LOG_LEVELS.find((known) => known === (second ?? first).trim());
    if (parsed === undefined || rest.length > 0) return undefined;
    const component = second === undefined ? undefined : first.trim();
    if (component === undefined ? level !== undefined : !NAME.test(component) || components.has(component))
      return undefined;
    if (component === undefined) level = parsed;
    else components.set(component, parsed);
  }
  return { level: level ?? "info", components };
}

/** The levels in the form that is parsed. */
function showLogLevels({ level, components }: LogLevels): string {
  return [level, ...[...components].map(([component, its]) => `${component}=${its}`)].join(",");
}

/** The levels of a running node, which its operator may change. */
export class ChangingLevels {
  #levels: LogLevels;

  constructor(levels: LogLevels) {
    this.#levels = levels;
  }

  isLogged(component: string, level: LogLevel): boolean {
    return lets(this.#levels, component, level);
  }

  show(): string {
    return showLogLevels(this.#levels);
  }

  /** @returns false, and changes nothing, when the text means no levels */
  change(text: string): boolean {
    const levels = parseLogLevels(text);
    if (levels === undefined) return false;
    this.#levels = levels;
    return true;
  }
}

const NAME = /^[a-z][a-z0-9-]{0,31}$/;

function lets(levels: LogLevels, component: string, level: LogLevel): boolean {
  const threshold = levels.components.get(component) ?? levels.level;
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(threshold);
}
