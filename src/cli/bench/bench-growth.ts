/**
 * `quorate bench growth`: how much disk a chain takes for a million transactions, as an archive and pruned; and `quorate bench
 * length`: what a block costs behind so many others. Without a network. docs/benchmarks.md.
 */
import { type GrowthFigures, type GrowthOptions, measureGrowth } from "../../tools/bench/growth.ts";
import { type LengthOptions, measureLengths } from "../../tools/bench/length-cost.ts";
import { badInput } from "../exit.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

const MILLION = 1_000_000;
const MIB = 1024 * 1024;

export async function runGrowth(out: Output, options: GrowthOptions): Promise<void> {
  if (2 * options.keepBlocks > options.blocks)
    throw badInput(
      `--keep-blocks ${options.keepBlocks} of --blocks ${options.blocks}: keep at most half, or nothing is pruned in the half that is measured`,
    );
  const bench = new BenchRun(out);
  const found = await bench.complete(() => measureGrowth(options, bench.signal, (text) => bench.show(text)));
  const { blocks, transfers, keepBlocks, accounts, mined = false } = options;
  const modes = found.map(({ mode, halfBytes, bytes, bytesPerTransaction, bytesPerBlock }) => ({
    mode,
    halfBytes,
    bytes,
    bytesPerTransaction: short(bytesPerTransaction),
    bytesPerBlock: short(bytesPerBlock),
    perMillionTransactionsMiB: short((bytesPerTransaction * MILLION) / MIB),
  }));
  const measured = `${blocks} ${mined ? "mined " : ""}blocks of ${transfers} transfers between ${accounts} accounts were played; the growth is that of the second half, files after compaction`;
  out.result({ name: "growth", unit: "MiB of disk for a million transactions", measured, modes, options }, [
    out.style("bold", `quorate bench growth · ${measured} · pruned keeps ${keepBlocks} bodies`),
    ...table(["mode", "files", "a transaction", "a block", "a million transactions"], found.map(rowOf)),
  ]);
}

function rowOf({ mode, bytes, bytesPerTransaction, bytesPerBlock }: GrowthFigures): string[] {
  return [
    mode,
    `${(bytes / MIB).toFixed(1)} MiB`,
    `${bytesPerTransaction.toFixed(1)} bytes`,
    `${bytesPerBlock.toFixed(0)} bytes`,
    `${((bytesPerTransaction * MILLION) / MIB).toFixed(0)} MiB`,
  ];
}

export async function runLength(out: Output, options: LengthOptions): Promise<void> {
  const bench = new BenchRun(out);
  const costs = await bench.complete(() => measureLengths(options, bench.signal, (text) => bench.show(text)));
  const { transfers, accounts, measured } = options;
  const lengths = costs.map(({ blocks, blockUs, ratio }) => ({
    blocks,
    value: short(blockUs),
    ratio: short(ratio),
  }));
  const rows = costs.map(({ blocks, blockUs, ratio }) => [
    blocks.toLocaleString("en"),
    `${blockUs.toFixed(0)} us`,
    ratio.toFixed(2),
  ]);
  const unit = "microseconds of processor time a block, built, executed and committed";
  out.result({ name: "length", unit, lengths, options }, [
    out.style(
      "bold",
      `quorate bench length · medians of ${measured} blocks of ${transfers} transfers between ${accounts} accounts`,
    ),
    ...table(["blocks below", "a block", "to the first"], rows),
  ]);
}
