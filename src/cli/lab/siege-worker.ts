/**
 * The process of one attacker of `lab siege`: begins when it has its task, goes on until it is told to stop, says what
 * it did. Once it attacks it gives way to the nodes; it ends with the command.
 */
import { readdirSync } from "node:fs";
import { setPriority } from "node:os";
import { KnownBatches } from "./siege-known-batches.ts";
import { HostilePeer, Strangers } from "./siege-peers.ts";
import { HostileClient, WebPage } from "./siege-rpc.ts";
import type { Attacker, FromAttacker, SiegeTask, ToAttacker } from "./siege-task.ts";

function attackerOf(task: SiegeTask): Attacker {
  switch (task.attack) {
    case "strangers":
      return new Strangers(task);
    case "known-batches":
      return new KnownBatches(task);
    case "full-node":
    case "validator":
      return new HostilePeer(task);
    case "rpc-client":
      return new HostileClient(task);
    case "web-page":
      return new WebPage(task);
  }
}

/** The priority as `nice -n` counts. The nodes have 0. */
const PRIORITY = 5;

/** Lowers the priority of all threads: where each has its own (Linux), those which exist already keep theirs. */
function giveWay(): void {
  try {
    setPriority(PRIORITY);
    for (const thread of readdirSync("/proc/self/task")) setPriority(Number(thread), PRIORITY);
  } catch {
    // The system has no such list, or a thread has just ended.
  }
}

// What a node does to an attacker, and the attacker's own carelessness, must not end the siege.
process.on("uncaughtException", () => undefined);
process.on("unhandledRejection", () => undefined);
// A terminal's Ctrl-C reaches every process of the command, which ends this one itself.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit());

const report = (message: FromAttacker) => new Promise((resolve) => process.send?.(message, resolve));

async function attack(task: SiegeTask): Promise<void> {
  const attacker = attackerOf(task);
  let before = process.cpuUsage();
  process.on("message", async (order: ToAttacker) => {
    if (order === "measure") {
      before = process.cpuUsage();
      return;
    }
    const { user, system } = process.cpuUsage(before);
    await attacker.stop().catch(() => undefined);
    await report({ kind: "ended", traffic: attacker.traffic, cpuSeconds: (user + system) / 1e6 });
    process.exit();
  });
  await attacker.start();
  giveWay();
  await report({ kind: "begun" });
}

process.once("message", (task: SiegeTask) => void attack(task));
