/**
 * Fuzz targets: a running replica that a peer sends mail, rumors and questions to, by way of a network in memory. After
 * every input the replica must still run; a question is answered or refused by an Error, and by no other throw.
 */
import { must } from "../../src/base/assert.ts";
import { asHash, utf8 } from "../../src/base/bytes.ts";
import { encodeSealedBlock } from "../../src/chain/types/block.ts";
import {
  encodePacket,
  MAIL_BLOCK,
  MAIL_CONSENSUS,
  MAIL_EPOCH_END,
  MAIL_TRANSACTION,
} from "../../src/node/ingress/packet.ts";
import type { NetworkHandlers, RumorTopic } from "../../src/node/ports.ts";
import { encodeBranchQuestion } from "../../src/p2p/sync/branch-wire.ts";
import { encodeQuestion } from "../../src/p2p/sync/repair-wire.ts";
import { encodeSnapshotQuestion } from "../../src/p2p/sync/snapshot-wire.ts";
import { announcementOf, encodeAnnouncement } from "../../src/p2p/transport/wire.ts";
import { Cluster } from "../node/cluster.ts";
import { MemoryNetwork } from "../node/memory-network.ts";
import { FuzzFailure, type FuzzTarget, type OpenTarget } from "./target.ts";

/** Virtual milliseconds for an input; the budgets of work fill again meanwhile. */
const PER_INPUT_MS = 20;

/** Above what is read unasked. */
const LARGE_BYTES = 70_000;

interface Played {
  readonly cluster: Cluster;
  readonly sender: MemoryNetwork;
  /** What validators sent each other for two blocks. */
  readonly overheard: readonly Uint8Array[];
  /** Of the replica that is left. */
  readonly handlers: NetworkHandlers;
}

/** Four validators make two blocks, then the first is left alone with a peer that sits where the second was. */
async function play(): Promise<Played> {
  const cluster = new Cluster();
  const overheard: Uint8Array[] = [];
  let handlers: NetworkHandlers | undefined;
  const { mail, start } = MemoryNetwork.prototype;
  MemoryNetwork.prototype.start = function (this: MemoryNetwork, own) {
    handlers ??= own;
    return start.call(this, own);
  };
  MemoryNetwork.prototype.mail = function (this: MemoryNetwork, to, bytes) {
    if (overheard.length < 60) overheard.push(bytes.slice());
    mail.call(this, to, bytes);
  };
  try {
    await cluster.start();
    for (const nonce of [0n, 1n]) {
      cluster.replica(0).submit(cluster.transfer(0, nonce, cluster.people[1]!.publicKey).bytes);
      const done = () => cluster.heights().every((height) => height > nonce);
      if (!(await cluster.until(done))) throw new Error(`no block: ${cluster.heights()}`);
    }
  } finally {
    Object.assign(MemoryNetwork.prototype, { mail, start });
  }
  for (const index of [1, 2, 3]) {
    await cluster.replica(index).stop();
    cluster.replicas.delete(index);
    cluster.ether.nodes.delete(index);
  }
  const sender = new MemoryNetwork(1, cluster.ether);
  await sender.start({
    mailReceived: () => undefined,
    mailAnnounced: () => ({ isAwaited: false, pause: undefined }),
    rumorReceived: () => Promise.resolve("ignore"),
    requestReceived: () => Promise.reject(new Error("no")),
    peerConnected: () => undefined,
    peerDisconnected: () => undefined,
  });
  return { cluster, sender, overheard, handlers: must(handlers, "the first replica started") };
}

function target(
  name: string,
  inSuite: number,
  make: (played: Played) => Pick<OpenTarget, "seeds"> & { give(input: Uint8Array): string | Promise<string> },
): FuzzTarget {
  return {
    name,
    inSuite,
    open: async () => {
      const played = await play();
      const { cluster } = played;
      const { seeds, give } = make(played);
      const failures: unknown[] = [];
      const note = (error: unknown) => void failures.push(error);
      process.on("unhandledRejection", note);
      return {
        form: "bytes",
        seeds,
        run: async (input) => {
          const given = give(input);
          await cluster.time.pass(PER_INPUT_MS);
          const [failure] = [...failures.splice(0), ...cluster.failures.splice(0)];
          if (failure !== undefined) throw failure;
          return given;
        },
        close: async () => {
          process.off("unhandledRejection", note);
          await cluster.stop();
          if (cluster.failures.length > 0) throw new FuzzFailure(`stopped: ${cluster.failures[0]}`);
        },
      };
    },
  };
}

const mail = target("wire.replica-mail", 100, ({ cluster, sender, overheard, handlers }) => {
  const sealed = cluster.replica(0).chain.sealedBlockAt(1n)!;
  const transaction = cluster.transfer(0, 2n, cluster.people[1]!.publicKey).bytes;
  return {
    seeds: [
      ...overheard,
      encodePacket(MAIL_CONSENSUS, utf8("x")),
      encodePacket(MAIL_BLOCK, encodeSealedBlock(sealed)),
      encodePacket(MAIL_TRANSACTION, transaction),
      encodePacket(MAIL_EPOCH_END, new Uint8Array(80)),
    ],
    give: (input) => {
      sender.mail(0, input);
      // As if it were the start of something longer.
      handlers.mailAnnounced("peer1", 1, { start: input.slice(0, 120), bytes: LARGE_BYTES });
      return `kind-${Math.min(input[0] ?? 0, 5)}`;
    },
  };
});

const TOPICS: readonly RumorTopic[] = ["transactions", "blocks", "evidence"];

/** The first byte names the topic. */
const rumor = target("gossip.replica", 100, ({ cluster, sender }) => {
  const sealed = cluster.replica(0).chain.sealedBlockAt(2n)!;
  const transaction = cluster.transfer(0, 2n, cluster.people[1]!.publicKey).bytes;
  const contents = [transaction, encodeAnnouncement(announcementOf(sealed)), utf8("evidence")];
  return {
    seeds: contents.map((content, topic) => encodePacket(topic, content)),
    give: (input) => {
      const topic = TOPICS[(input[0] ?? 0) % TOPICS.length]!;
      sender.publish(topic, input.slice(1));
      return topic;
    },
  };
});

const question = target("wire.replica-question", 100, ({ cluster, sender }) => {
  const { hash } = cluster.replica(0).chain.head;
  const digest = { height: 2n, headHash: hash, poolCount: 0, poolChecksum: new Uint8Array(32) };
  return {
    seeds: [
      encodeQuestion({ kind: "compare", digest, feeMin: 0n }),
      encodeQuestion({ kind: "blocks", from: 1n, bytesMax: 1_000_000 }),
      encodeQuestion({ kind: "pool", feeMin: 0n, salt: 5n }),
      encodeQuestion({ kind: "transactions", salt: 5n, shortHashes: [1n] }),
      encodeBranchQuestion({ kind: "heads", locator: [hash] }),
      encodeBranchQuestion({ kind: "bodies", bytesMax: 1_000, hashes: [hash] }),
      encodeBranchQuestion({ kind: "block-transactions", hash, indexes: [0] }),
      encodeSnapshotQuestion({ kind: "list" }),
      encodeSnapshotQuestion({ kind: "head", headHash: asHash(hash), offset: 5 }),
    ],
    give: (input) =>
      sender.request("peer0", input).then(
        () => "ok",
        (error: Error) => {
          if (error.constructor === Error) return "refused";
          throw error;
        },
      ),
  };
});

export const REPLICA_TARGETS: readonly FuzzTarget[] = [mail, rumor, question];
