/** The progress bar of long commands: on a terminal only, on stderr, gone when it is done. */
import { SingleBar } from "cli-progress";
import type { Output } from "./output.ts";
import { drawingStream, isTerminalOf } from "./terminal.ts";

/** @param format is one of cli-progress, such as "anchoring {bar} {value}/{total}". */
export function startBar(out: Output, total: number, format: string): SingleBar | undefined {
  if (out.json || out.quiet || !isTerminalOf("stderr") || total < 2) return undefined;
  const bar = new SingleBar({ format, stream: drawingStream(), hideCursor: true, clearOnComplete: true });
  bar.start(total, 0);
  return bar;
}
