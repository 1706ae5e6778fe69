/**
 * The attackers of `lab siege` that speak the peers' protocol, with the node's own network code: strangers that take
 * places and ask, an allowlisted full node that floods by gossip and questions, a validator that floods by mail. Each
 * is bounded in connections and in what it sends a second; a node that sends it away is dialled again.
 */
import { connect, type Socket } from "node:net";
import { must } from "../../base/assert.ts";
import { concatBytes } from "../../base/bytes.ts";
import { SILENT } from "../../base/log.ts";
import { assembleBlock, decodeSealedBlock, encodeSealedBlock } from "../../chain/types/block.ts";
import { createSigner } from "../../crypto/keys.ts";
import { systemScheduler } from "../../node/assembly/system.ts";
import { encodePacket, MAIL_BLOCK, MAIL_TRANSACTION } from "../../node/ingress/packet.ts";
import { P2pNetwork } from "../../p2p/network.ts";
import { decodeAnswer, encodeQuestion } from "../../p2p/sync/repair-wire.ts";
import { peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { Wallet } from "../../sdk/wallet.ts";
import type { SiegeTraffic } from "../../tools/lab/siege/siege.ts";
import { dearQuestions } from "./siege-questions.ts";
import { type Attacker, type SiegeTask, TransferTally } from "./siege-task.ts";

const LISTEN = "/ip4/127.0.0.1/tcp/0";
const TURN_MS = 50;
/** Wrongly signed transactions of each turn. */
const TRANSACTIONS_A_TURN = 100;
/** Wrongly sealed blocks of each turn, to each validator; every so many turns a large one. */
const BLOCKS_A_TURN = 5;
const LARGE_BLOCK_TURNS = 10;
/** Different transactions made before the attack. The others differ from them in their signatures. */
const TEMPLATES = 200;
const STRANGERS = 64;
/** Connections of strangers to each node that never say a word. */
const IDLE_SOCKETS = 100;
/** Questions of each stranger under way at each peer. */
const STRANGER_QUESTIONS_AT_ONCE = 1;
/** Questions of the full node under way at each peer. */
const QUESTIONS_AT_ONCE = 4;
const FALSE_HEIGHT = 2n ** 64n - 1n;
const RETRY_MS = 20;
const READY_MS_MAX = 10_000;
/** How long all strangers' handshakes may take. */
const SETTLED_MS_MAX = 5_000;

/** A full node without a vote, or a validator with its own key. */
export class HostilePeer implements Attacker {
  readonly #task: SiegeTask;
  readonly #tally = new TransferTally();
  readonly #network: P2pNetwork;
  readonly #transactions: WrongTransactions;
  #blocks: readonly Uint8Array[] = [];
  #timer: NodeJS.Timeout | undefined;
  #turn = 0;
  #isStopped = false;

  constructor(task: SiegeTask) {
    this.#task = task;
    this.#network = networkOf(task, task.identitySeed, task.validatorSeed);
    this.#transactions = new WrongTransactions(task);
  }

  get traffic(): SiegeTraffic {
    return this.#tally.counts;
  }

  async start(): Promise<void> {
    await startNetwork(this.#network);
    await connected(this.#network);
    if (this.#task.validatorSeed === undefined) {
      for (const { peerId } of this.#task.peers) {
        for (let i = 0; i < QUESTIONS_AT_ONCE; i++) void this.#ask(peerId, i);
      }
      this.#timer = setInterval(() => this.#gossip(), TURN_MS);
    } else {
      this.#blocks = await this.#wrongBlocks();
      this.#timer = setInterval(() => this.#mail(), TURN_MS);
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#network.stop();
  }

  #gossip(): void {
    for (let i = 0; i < TRANSACTIONS_A_TURN; i++) {
      const bytes = this.#transactions.next();
      this.#network.publish("transactions", bytes);
      this.#tally.add("wrongly signed transactions by gossip");
    }
  }

  /** One question after the other: blocks from the first on, the pool, heads where there are branches. */
  async #ask(peerId: string, first: number): Promise<void> {
    const questions = dearQuestions(this.#task);
    const asked = { network: this.#network, peerId, questions, tally: this.#tally };
    await askOn(asked, first, () => this.#isStopped);
  }

  #mail(): void {
    const own = createSigner(must(this.#task.validatorSeed, "only a validator has mail to send")).publicKey;
    this.#turn++;
    for (const [to, address] of this.#task.validators.entries()) {
      if (Buffer.compare(address, own) === 0) continue;
      for (let i = 0; i < TRANSACTIONS_A_TURN; i++) {
        this.#network.mail(to, encodePacket(MAIL_TRANSACTION, this.#transactions.next()));
        this.#tally.add("wrongly signed transactions by mail");
      }
      const [small, large = small] = this.#blocks;
      const block = this.#turn % LARGE_BLOCK_TURNS === 0 ? large : small;
      for (let i = 0; i < BLOCKS_A_TURN && block !== undefined; i++) {
        this.#network.mail(to, encodePacket(MAIL_BLOCK, anotherTime(block, this.#turn * BLOCKS_A_TURN + i)));
        this.#tally.add("wrongly sealed blocks by mail");
      }
    }
  }

  /** A small and a large block of the chain. With another time they are no longer what their seals are for. */
  async #wrongBlocks(): Promise<readonly Uint8Array[]> {
    const blocks: Uint8Array[] = [];
    for (const { peerId } of this.#task.peers) {
      const question = encodeQuestion({ kind: "blocks", from: 1n, bytesMax: 1024 * 1024 });
      const bytes = await this.#network.request(peerId, question).catch(() => undefined);
      const answer = bytes === undefined ? undefined : decodeAnswer("blocks", bytes);
      if (answer?.ok === true) blocks.push(...answer.value.blocks.map((block) => block.slice()));
      if (blocks.length > 1) break;
    }
    blocks.sort((a, b) => a.length - b.length);
    const sealed = blocks.flatMap((bytes) => {
      const decoded = decodeSealedBlock(bytes, this.#task.limits);
      if (!decoded.ok) return [];
      const { block, seal } = decoded.value;
      const wrong = assembleBlock(block.header, block.summary, block.transactions);
      return [encodeSealedBlock({ block: wrong, seal })];
    });
    return [...sealed.slice(0, 1), ...sealed.slice(-1)];
  }
}

/** Many identities that anybody can make: idle connections, false heads, questions. */
export class Strangers implements Attacker {
  readonly #task: SiegeTask;
  readonly #tally = new TransferTally();
  readonly #networks: readonly P2pNetwork[];
  readonly #sockets = new Map<number, Set<Socket>>();
  readonly #timers: NodeJS.Timeout[] = [];
  #isStopped = false;

  constructor(task: SiegeTask) {
    this.#task = task;
    this.#networks = Array.from({ length: STRANGERS }, () =>
      networkOf(task, crypto.getRandomValues(new Uint8Array(32)), undefined, FALSE_HEIGHT),
    );
  }

  get traffic(): SiegeTraffic {
    return this.#tally.counts;
  }

  async start(): Promise<void> {
    for (const network of this.#networks) {
      await startNetwork(network);
      this.#tally.add("identities with a false head");
    }
    // Their handshakes at once take this process whole: the attack is under way when they are let in, or are not.
    await Promise.all(this.#networks.map((network) => connected(network, SETTLED_MS_MAX)));
    for (const [i, network] of this.#networks.entries()) this.#ask(network, i);
    this.#timers.push(setInterval(() => this.#idle(), 10 * TURN_MS));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const sockets of this.#sockets.values()) for (const socket of sockets) socket.destroy();
    await Promise.all(this.#networks.map((network) => network.stop()));
  }

  /** Asks every peer: one that does not let it in, or has sent it away, refuses. */
  #ask(network: P2pNetwork, first: number): void {
    const questions = dearQuestions(this.#task);
    for (const { peerId } of this.#task.peers) {
      const asked = { network, peerId, questions, tally: this.#tally };
      for (let i = 0; i < STRANGER_QUESTIONS_AT_ONCE; i++)
        void askOn(asked, first + i, () => this.#isStopped);
    }
  }

  #idle(): void {
    for (const { p2pPort } of this.#task.peers) {
      const sockets = this.#sockets.get(p2pPort) ?? new Set();
      this.#sockets.set(p2pPort, sockets);
      while (sockets.size < IDLE_SOCKETS) {
        const socket = connect(p2pPort, "127.0.0.1");
        sockets.add(socket);
        this.#tally.add("idle connections");
        socket.on("error", () => undefined);
        socket.once("close", () => sockets.delete(socket));
        socket.resume();
      }
    }
  }
}

/** Transactions of an account with money that look right in everything but the signature, each different. */
class WrongTransactions {
  readonly #templates: readonly Uint8Array[];
  #next = 0;

  constructor({ accountSeed, chainId, genesisHash }: SiegeTask) {
    const wallet = Wallet.fromSeed(accountSeed);
    // Signed for another chain: well formed, and wrong only after the whole check.
    const chain = { chainId, genesisHash: genesisHash.map((byte) => byte ^ 1) as typeof genesisHash };
    this.#templates = Array.from({ length: TEMPLATES }, (_, i) => {
      const order = { chain, nonce: BigInt(i % 32), fee: 1_000n, memo: `siege ${i}` };
      return wallet.transfer({ ...order, to: wallet.address, amount: 1n }).bytes;
    });
  }

  next(): Uint8Array {
    const count = this.#next++;
    const bytes = must(this.#templates[count % TEMPLATES], "the index is below their number").slice();
    // Low bytes of the signature's second half: still a number below the group's order.
    new DataView(bytes.buffer).setUint32(bytes.length - 32, count);
    return bytes;
  }
}

/** Offset of the header's time in an encoded sealed block: u32 length, version 4, two hashes of 32. */
const TIME_OFFSET = 4 + 4 + 32 + 32;

function anotherTime(sealed: Uint8Array, by: number): Uint8Array {
  const bytes = concatBytes(sealed);
  const view = new DataView(bytes.buffer);
  view.setUint32(TIME_OFFSET, view.getUint32(TIME_OFFSET, true) + 1 + by, true);
  return bytes;
}

interface Asked {
  readonly network: P2pNetwork;
  readonly peerId: string;
  readonly questions: readonly Uint8Array[];
  readonly tally: TransferTally;
}

/** Asks one question after the other, from the `first` of them on. After a refusal it waits a moment. */
async function askOn(
  { network, peerId, questions, tally }: Asked,
  first: number,
  isOver: () => boolean,
): Promise<void> {
  for (let i = first; !isOver(); i++) {
    // Nobody there to be asked: not counted as a question.
    if (!network.peers().some((peer) => peer.peerId === peerId)) {
      await pause(TURN_MS);
      continue;
    }
    try {
      tally.add("questions");
      const question = must(questions[i % questions.length], "there is at least one question");
      const answer = await network.request(peerId, question);
      tally.add("bytes of answers", answer.length);
    } catch {
      tally.add("questions refused");
      await pause(RETRY_MS);
    }
  }
}

export function networkOf(
  { chainId, genesisHash, validators, peers }: SiegeTask,
  identitySeed: Uint8Array,
  validatorSeed: Uint8Array | undefined,
  headHeight = 0n,
): P2pNetwork {
  return new P2pNetwork(
    {
      identitySeed,
      listen: LISTEN,
      genesisHash,
      chainId,
      name: "hostile",
      staticPeers: peers
        .filter(({ peerId }) => peerId !== peerIdFromSeed(identitySeed))
        .map(({ name, peerId, p2pPort }) => ({ name, peerId, multiaddr: `/ip4/127.0.0.1/tcp/${p2pPort}` })),
      allowlist: [],
      validators,
      signer: validatorSeed === undefined ? undefined : createSigner(validatorSeed),
    },
    { scheduler: systemScheduler, logger: SILENT, headHeight: () => headHeight, jitter: Math.random },
  );
}

/** It takes everything, passes nothing on and answers nothing. */
export function startNetwork(network: P2pNetwork): Promise<void> {
  return network.start({
    mailReceived: () => undefined,
    mailAnnounced: () => ({ isAwaited: false, pause: undefined }),
    rumorReceived: async () => "ignore",
    requestReceived: () => Promise.reject(new Error("no answer")),
    peerConnected: () => undefined,
    peerDisconnected: () => undefined,
  });
}

/** Waits until it has a peer, or a while: an attack that nobody lets in is one as well. */
export async function connected(network: P2pNetwork, waitMs = READY_MS_MAX): Promise<void> {
  const deadline = Date.now() + waitMs;
  while (network.peers().length === 0 && Date.now() < deadline) await pause(TURN_MS);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
