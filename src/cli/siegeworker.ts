/** The thread of one attacker of `lab siege`: begins at once, goes on until it is told to stop, says what it did. */
import { parentPort, workerData } from "node:worker_threads";
import { HostilePeer, Strangers } from "./siegepeers.ts";
import { HostileClient, WebPage } from "./siegerpc.ts";
import type { Attacker, FromAttacker, SiegeTask } from "./siegetask.ts";

function attackerOf(task: SiegeTask): Attacker {
  switch (task.attack) {
    case "strangers":
      return new Strangers(task);
    case "full-node":
    case "validator":
      return new HostilePeer(task);
    case "rpc-client":
      return new HostileClient(task);
    case "web-page":
      return new WebPage(task);
  }
}

// What a node does to an attacker, and the attacker's own carelessness, must not end the siege.
process.on("uncaughtException", () => undefined);
process.on("unhandledRejection", () => undefined);

const attacker = attackerOf(workerData as SiegeTask);
const tell = (message: FromAttacker) => parentPort?.postMessage(message);
parentPort?.once("message", () => {
  void attacker.stop().finally(() => {
    tell({ kind: "ended", traffic: attacker.traffic });
    process.exit();
  });
});
await attacker.start();
tell({ kind: "begun" });
