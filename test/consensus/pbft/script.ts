/**
 * Step scripts: text commands in, effects out. A script is a conversation with a cluster that does nothing by
 * itself: mail waits until it is delivered or lost, timers until they are fired; only local work (building,
 * checking, importing) is done at once. Lines starting with "> " are commands, the lines below are what came of it.
 *
 *   cluster n=4 depth=1 heartbeat=0 pace=0 | start | work HEIGHT | deliver FILTER | lose FILTER | settle
 *   fire ID TIMER | crash ID [after=EFFECT] | restart ID | show ID
 *   forge PRE-PREPARE|PREPARE|COMMIT from=ID to=ID,.. block=NAME   (signed with the real key of `from`)
 *   FILTER: kind=commit from=0 to=1 height=2, each optional. "quietly" before a command leaves its output out.
 */

import { equalBytes, hex } from "../../../src/base/bytes.ts";
import { type Block, type BlockHead, encodeBlock } from "../../../src/chain/types/block.ts";
import type { Effect, EngineSettings, Timer } from "../../../src/consensus/engine.ts";
import type { PbftMessage } from "../../../src/consensus/pbft/message-verifier.ts";
import type { VoteBody, VoteType } from "../../../src/consensus/pbft/messages.ts";
import { isPatience } from "./bench.ts";
import { SETTINGS } from "./cluster.ts";
import { buildBlock, createFixture, type Fixture } from "./fixture.ts";
import { Host, type World } from "./host.ts";
import { signMessage } from "./sign-message.ts";

interface Packet {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
  readonly message: PbftMessage;
}

type Options = Readonly<Record<string, string>>;

export class Script implements World {
  fixture: Fixture = createFixture(4);
  settings: EngineSettings = SETTINGS;
  targetHeight = 0n;
  hosts: Host[] = [];
  #mail: Packet[] = [];
  #timers = new Map<string, Timer>();
  #tasks: (() => void)[] = [];
  #lines: string[] = [];
  /** hex of the hash -> name: the height and a packet in the order of appearance. */
  readonly #names = new Map<string, string>();
  readonly #blocks = new Map<string, Block>();
  #clock = 0;
  /** Crash after the next effect of this kind. */
  readonly #crashAt = new Map<number, string>();

  /** Runs the commands of a script; returns the script with what came of each. */
  run(text: string): string {
    const kept = text
      .split("\n")
      .filter((line) => line.startsWith("> ") || line.startsWith("#") || line === "");
    return kept
      .map((line) => (line.startsWith("> ") ? [line, ...this.#command(line.slice(2))].join("\n") : line))
      .join("\n");
  }

  #command(line: string): string[] {
    const words = line.split(" ").filter((word) => !word.includes("="));
    const options = Object.fromEntries(
      line.split(" ").flatMap((word) => (word.includes("=") ? [word.split("=")] : [])),
    ) as Options;
    this.#lines = [];
    const quiet = words[0] === "quietly" && words.shift() !== undefined;
    this.#perform(words[0]!, words.slice(1), options);
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) task();
    return quiet ? [] : this.#lines.map((output) => `  ${output}`);
  }

  #perform(command: string, words: readonly string[], options: Options): void {
    const host = () => this.hosts[Number(words[0])]!;
    switch (command) {
      case "cluster":
        return this.#create(options);
      case "start":
        for (const each of this.hosts) each.start();
        return;
      case "work":
        this.targetHeight = BigInt(words[0]!);
        for (const each of this.hosts) each.reportPending();
        return;
      case "deliver":
        for (const packet of this.#take(options)) this.#deliver(packet);
        return;
      case "lose":
        this.#lines.push(`lost ${this.#take(options).length}`);
        return;
      case "settle":
        for (let round = 0; this.#mail.length + this.#tasks.length > 0 && round < 1_000; round++) {
          for (const packet of this.#take({})) this.#deliver(packet);
          for (const task of this.#tasks.splice(0)) task();
        }
        return;
      case "fire": {
        const timer = this.#timers.get(`${words[0]} ${words[1]}`);
        if (timer === undefined) throw new Error(`no timer ${words.join(" ")}`);
        return host().step({ kind: "timer-fired", timer });
      }
      case "crash":
        if (options.after !== undefined) this.#crashAt.set(host().id, options.after);
        else host().crash();
        return;
      case "restart":
        return host().start();
      case "show":
        return this.#show(host());
      case "forge":
        return this.#forge(words[0]!.toLowerCase() as VoteType, options);
      default:
        throw new Error(`unknown command ${command}`);
    }
  }

  #create({ n = "4", depth = "1", heartbeat = "0", pace = "0" }: Options): void {
    this.fixture = createFixture(Number(n), { pipelineDepth: Number(depth) });
    const emptyBlocksMs = heartbeat === "0" ? undefined : Number(heartbeat);
    this.settings = { ...SETTINGS, blockTimeMs: Number(pace), emptyBlocksMs };
    this.hosts = this.fixture.signers.map((_, id) => new Host(id, this));
  }

  now(): number {
    return 1_000 * ++this.#clock;
  }

  mail(from: number, to: number, bytes: Uint8Array, message: PbftMessage): void {
    this.#mail.push({ from, to, bytes, message });
  }

  timer(host: Host, timer: Timer): void {
    this.#timers.set(`${host.id} ${timer.name}`, timer);
  }

  clearTimer(host: Host, name: string): void {
    this.#timers.delete(`${host.id} ${name}`);
  }

  local(host: Host, _what: string, task: () => void): void {
    const { incarnation } = host;
    this.#tasks.push(() => {
      if (host.incarnation === incarnation) task();
    });
  }

  serve(from: number, to: number, fromHeight: bigint): void {
    const blocks = this.hosts[from]!.blocksFrom(fromHeight);
    this.#tasks.push(() => {
      for (const bytes of blocks) this.hosts[to]!.importBytes(bytes);
    });
  }

  sync(): void {}

  observe(host: Host, effect: Effect<PbftMessage>): void {
    const line = this.#describe(effect);
    if (line !== undefined) this.#lines.push(`${host.id}: ${line}`);
    if (this.#crashAt.get(host.id) === effect.kind) {
      this.#crashAt.delete(host.id);
      this.#lines.push(`${host.id}: crashed`);
      host.crash();
    }
  }

  #deliver({ from, to, bytes, message }: Packet): void {
    const host = this.hosts[to]!;
    if (host.engine === undefined) return;
    if (message.type !== "status") this.#lines.push(`${from} -> ${to} ${this.#describeMessage(message)}`);
    host.receive(bytes);
    for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) task();
  }

  #take({ kind, from, to, height }: Options): Packet[] {
    const matches = (packet: Packet): boolean =>
      (kind === undefined || packet.message.type === kind) &&
      (from === undefined || from.split(",").includes(String(packet.from))) &&
      (to === undefined || to.split(",").includes(String(packet.to))) &&
      (height === undefined || ("height" in packet.message && String(packet.message.height) === height));
    const taken = this.#mail.filter(matches);
    this.#mail = this.#mail.filter((packet) => !matches(packet));
    return taken;
  }

  #forge(type: VoteType, { from = "0", to = "", block: name = "1z" }: Options): void {
    const block = this.#blocks.get(name) ?? this.#invent(name, Number(from));
    const { hash, summary } = block;
    const vote: VoteBody = { type, from: Number(from), epoch: 0n, view: 0n, height: summary.height, hash };
    const attached = type === "pre-prepare" ? { block, blockBytes: encodeBlock(block) } : {};
    const signer = this.fixture.signers[Number(from)]!;
    const message = signMessage(signer, this.fixture.genesisHash, vote as VoteBody<"prepare">, attached);
    const bytes = this.fixture.consensus.verifier.encode(message as PbftMessage);
    for (const each of to.split(",")) {
      this.#mail.push({ from: Number(from), to: Number(each), bytes, message: message as PbftMessage });
    }
  }

  /** A block that nobody built: on the block of this height that appeared first. */
  #invent(name: string, proposer: number): Block {
    const height = BigInt(name.slice(0, -1));
    const parent: BlockHead = height === 1n ? this.fixture.block0 : this.#blocks.get(`${height - 1n}a`)!;
    const block = buildBlock(
      this.fixture,
      parent,
      proposer,
      this.fixture.genesis.timeMs + BigInt(this.now()),
    );
    this.#name(block);
    return block;
  }

  #name(block: Block): void {
    if (this.#names.has(hex(block.hash))) return;
    const { height } = block.summary;
    const packets = [..."abcdefghij"];
    const packet = packets.find((each) => !this.#blocks.has(`${height}${each}`))!;
    this.#names.set(hex(block.hash), `${height}${packet}`);
    this.#blocks.set(`${height}${packet}`, block);
  }

  #named(hash: Uint8Array): string {
    return this.#names.get(hex(hash)) ?? (equalBytes(hash, this.fixture.genesisHash) ? "0" : "?");
  }

  #describe(effect: Effect<PbftMessage>): string | undefined {
    if (isPatience(effect)) return undefined;
    switch (effect.kind) {
      case "journal":
        return `journal ${["", "PRE-PREPARE", "PREPARE", "COMMIT", "VIEW-CHANGE", "NEW-VIEW", "PREPARE"][effect.record[1]!]}`;
      case "rotate-journal":
        return `rotate-journal ${effect.records.length} records`;
      case "store-checkpoint":
        return `store-checkpoint ${effect.height}`;
      case "broadcast":
        return `broadcast ${this.#describeMessage(effect.message)}`;
      case "send":
        return `send ${effect.to} ${this.#describeMessage(effect.message)}`;
      case "set-timer":
        return effect.timer.name === "status"
          ? undefined
          : `set-timer ${effect.timer.name} ${effect.delayMs}`;
      case "clear-timer":
        return `clear-timer ${effect.name}`;
      case "build-block":
        return `build-block on ${this.#named(effect.parent)}${effect.allowEmpty ? " or empty" : ""}`;
      case "check-block":
        this.#name(effect.block);
        return `check-block ${this.#named(effect.block.hash)}${effect.certified ? " certified" : ""}`;
      case "import-block":
        return `import-block ${this.#named(effect.sealed.block.hash)}`;
      case "request-sync":
        return `request-sync ${effect.height}`;
      case "serve-blocks":
        return `serve-blocks ${effect.to} from ${effect.fromHeight}`;
      case "report-fault":
        return `report-fault ${effect.author}`;
      case "announce": {
        const { event } = effect;
        if (event.type === "pre-prepare" || event.type === "prepare" || event.type === "commit")
          return undefined;
        return `announce ${event.type} ${"hash" in event ? this.#named(event.hash) : "height" in event ? event.height : `${event.from} ${event.view}`}`;
      }
    }
  }

  #describeMessage(message: PbftMessage): string {
    if ("block" in message) this.#name(message.block);
    const type = message.type.toUpperCase();
    if (message.type !== "status") {
      return "hash" in message ? `${type} ${this.#named(message.hash)}` : type;
    }
    const slots = message.slots.map(
      ({ prePrepare, prepares, commits }) => `${prePrepare ? "+" : "-"}${bits(prepares)}/${bits(commits)}`,
    );
    return `${type} lc=${message.lastCommitted} h=${message.stableCheckpoint} ${slots.join(" ")}`.trimEnd();
  }

  #show(host: Host): void {
    const { mode, view, lastCommitted, stableCheckpoint, highWatermark, slots } = host.engine!.status();
    this.#lines.push(
      `${host.id}: ${mode} view=${view} lc=${lastCommitted} h=${stableCheckpoint} H=${highWatermark}`,
    );
    for (const { height, hash, phase, prepares, commits } of slots) {
      const block = hash === undefined ? "-" : this.#named(hash);
      this.#lines.push(`   ${height}: ${block} ${phase} prepares=${prepares} commits=${commits}`);
    }
  }
}

/** The replicas that a bitmap of one byte names. */
function bits(bitmap: Uint8Array): string {
  return [0, 1, 2, 3, 4, 5, 6, 7].filter((i) => (bitmap[0]! >> i) & 1).join("");
}
