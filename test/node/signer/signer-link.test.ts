/** A node and its signer over a connection: the protocol, one node at a time, and what either side's death does. */
import { Duplex } from "node:stream";
import { expect, it } from "vitest";
import { asHash, hex0x, utf8 } from "../../../src/base/bytes.ts";
import { signingBytes } from "../../../src/consensus/pbft/messages.ts";
import { VoteGuard } from "../../../src/consensus/pbft/vote-guard.ts";
import { createSigner, verifySignature } from "../../../src/crypto/keys.ts";
import { RemoteSigner } from "../../../src/node/signer/remote-signer.ts";
import { SignerDesk } from "../../../src/node/signer/signer-desk.ts";
import { encodeSignerRequest } from "../../../src/node/signer/signer-frames.ts";
import { SIGNER_RETRY_MS_MAX, SIGNER_STATUS_MS } from "../../../src/node/signer/signer-limits.ts";
import { linkOver, SignerLink } from "../../../src/node/signer/signer-link.ts";
import { SignerSession } from "../../../src/node/signer/signer-session.ts";
import { MemoryRecordLog } from "../../../src/storage/memory-log.ts";
import type { OpenedLog } from "../../../src/storage/record-log.ts";

const signer = createSigner(new Uint8Array(32).fill(9));
const genesisHash = asHash(new Uint8Array(32).fill(7));
const identity = { publicKey: signer.publicKey, genesisHash, address: "signer:1" };
const commit = (hash: number, height = 1n) =>
  signingBytes(genesisHash, {
    type: "commit",
    from: 1,
    epoch: 0n,
    view: 0n,
    height,
    hash: asHash(new Uint8Array(32).fill(hash)),
  });
const log = { log: () => undefined };

/** Timers that only fire when a test says so. */
class Clock {
  #tasks: { due: number; task: () => void }[] = [];
  #now = 0;
  now = () => this.#now;
  after = (delayMs: number, task: () => void) => {
    const entry = { due: this.#now + delayMs, task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((each) => each !== entry);
    };
  };
  async pass(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#tasks.filter((each) => each.due <= this.#now);
    this.#tasks = this.#tasks.filter((each) => each.due > this.#now);
    for (const { task } of due) task();
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A signer with a disk, to which several nodes may connect. */
class World {
  signed = new MemoryRecordLog({ records: [] });
  journal = new MemoryRecordLog({ records: [] });
  desk!: SignerDesk;
  failures: unknown[] = [];
  isUp = true;
  #served: SignerSession | undefined;
  readonly #streams = new Set<Duplex>();

  constructor() {
    this.open();
  }

  open(): void {
    const { records, log: signed } = this.signed.opened();
    const guard = new VoteGuard(genesisHash, records);
    const journal = this.journal.opened();
    this.desk = new SignerDesk({
      signer,
      genesisHash,
      guard,
      signed,
      journal,
      log,
      fatal: (error) => this.failures.push(error),
    });
    this.isUp = true;
  }

  /** Power is lost: what was not durable is gone, and every connection. */
  crash(): void {
    this.isUp = false;
    this.#served = undefined;
    this.signed = this.signed.crash();
    this.journal = this.journal.crash();
    for (const stream of this.#streams) stream.destroy();
  }

  connect = async (): Promise<Duplex> => {
    if (!this.isUp) throw new Error("connect ECONNREFUSED");
    const node = new Duplex({
      read: () => undefined,
      write: (chunk, _, done) => {
        void session.receive(chunk);
        done();
      },
    });
    this.#streams.add(node);
    const session: SignerSession = new SignerSession({
      desk: this.desk,
      stagedBytesMax: 10_000,
      send: (bytes) => void (node.destroyed || node.push(bytes)),
      end: () => setImmediate(() => node.destroy()),
      isServed: () => this.#served !== undefined,
      take: () => {
        if (this.#served !== undefined) return false;
        this.#served = session;
        return true;
      },
    });
    node.on("close", () => {
      session.close();
      this.#streams.delete(node);
      if (this.#served === session) this.#served = undefined;
    });
    return node;
  };
}

async function linkTo(world: World, clock = new Clock()): Promise<SignerLink> {
  await settled();
  const link = new SignerLink(await world.connect(), { identity, scheduler: clock, lost: () => undefined });
  await link.greet();
  return link;
}

it("a signer signs what it may, journals first, and refuses what contradicts it with a code", async () => {
  const world = new World();
  const link = await linkTo(world);
  const signature = await link.ask(commit(1));
  expect(verifySignature(signer.publicKey, commit(1), signature as Uint8Array)).toBe(true);
  expect(world.signed.durable.records).toBe(1);
  expect(await link.ask(commit(2))).toMatchObject({ type: "refused", code: "SIGNER_CONFLICT" });
  expect(await link.ask(commit(1))).toEqual(signature);
  expect(await link.ask(utf8("quorate/tx/v1 all my money"))).toMatchObject({ code: "SIGNER_REFUSED" });
});

it("a signer keeps the node's journal: what was written is read after either side is started again", async () => {
  const world = new World();
  const first = await (await linkTo(world)).read();
  await first.log.append([Uint8Array.of(1), Uint8Array.of(2)]);
  expect(first.log.durable).toEqual({ generation: 1, records: 2 });
  await first.log.replace([Uint8Array.of(3)]);
  await first.log.append([Uint8Array.of(4)]);
  world.crash();
  world.open();
  const second = await (await linkTo(world)).read();
  expect(second.records).toEqual([Uint8Array.of(3), Uint8Array.of(4)]);
  expect(second.log.durable).toEqual({ generation: 2, records: 2 });
  await expect(first.log.append([Uint8Array.of(5)])).rejects.toThrow(/closed/);
});

it("a signer serves one node: a second one with the same key is refused, and takes over when the first is gone", async () => {
  const world = new World();
  const first = await linkTo(world);
  await expect(linkTo(world)).rejects.toMatchObject({ code: "SIGNER_BUSY" });
  await first.ask(commit(1));
  first.close();
  const second = await linkTo(world);
  expect(await second.ask(commit(2))).toMatchObject({ code: "SIGNER_CONFLICT" });
});

it("a signer refuses a node of another chain or key, and whoever does not begin with a HELLO", async () => {
  const world = new World();
  const wrong = [
    { ...identity, genesisHash: asHash(new Uint8Array(32)) },
    { ...identity, publicKey: createSigner(new Uint8Array(32)).publicKey },
  ];
  for (const each of wrong) {
    const link = new SignerLink(await world.connect(), {
      identity: each,
      scheduler: new Clock(),
      lost: () => undefined,
    });
    await expect(link.greet()).rejects.toMatchObject({ code: "SIGNER_MISMATCH" });
  }
  const rude = new SignerLink(await world.connect(), {
    identity,
    scheduler: new Clock(),
    lost: () => undefined,
  });
  await expect(rude.ask(commit(1))).rejects.toMatchObject({ code: "SIGNER_PROTOCOL" });
  const stream = await world.connect();
  stream.write(Buffer.from(encodeSignerRequest({ type: "ping" }).map((byte, i) => (i < 4 ? 0xff : byte))));
  await new Promise((resolve) => stream.on("close", resolve).resume());
});

it("a node that a signer cuts off without a word is told of its certificate, and later only that it was cut off", async () => {
  const world = new World();
  const stream = await world.connect();
  const ports = { identity, scheduler: new Clock(), lost: () => undefined };
  const unknown = new SignerLink(stream, ports);
  const asked = expect(unknown.read()).rejects.toThrow(/before the signer answered: .*signer\.cert/);
  stream.destroy();
  await asked;
  const link = await linkTo(world);
  world.crash();
  await expect(link.read()).rejects.toThrow(/^the connection was closed$/);
});

it("a node that stages without end is cut off", async () => {
  const world = new World();
  const link = await linkTo(world);
  const { log: journal } = await link.read();
  const record = new Uint8Array(900);
  await journal.append(new Array<Uint8Array>(11).fill(record));
  await expect(journal.append(new Array<Uint8Array>(12).fill(record))).rejects.toMatchObject({
    code: "SIGNER_PROTOCOL",
  });
});

it("a signer whose disk fails signs nothing more", async () => {
  const world = new World();
  world.signed = new MemoryRecordLog({
    records: [],
    flush: () => Promise.reject(new Error("no space left")),
  });
  world.open();
  const link = await linkTo(world);
  await expect(link.ask(commit(1))).rejects.toMatchObject({
    code: "SIGNER_FAILED",
    message: /no space left/,
  });
  expect(world.failures).toHaveLength(1);
  await expect(linkTo(world)).rejects.toMatchObject({ code: "SIGNER_FAILED" });
});

it("a node is given its vote, loses it with the signer, and gets it back by itself", async () => {
  const world = new World();
  const clock = new Clock();
  const seen: string[] = [];
  let journal: OpenedLog | undefined;
  const remote = new RemoteSigner(identity, {
    open: linkOver(world.connect, identity, clock),
    scheduler: clock,
    log,
  });
  world.isUp = false;
  remote.start({
    attach: async (opened) => {
      journal = opened;
      seen.push(`vote with ${opened.records.length}`);
    },
    detach: async () => void seen.push("no vote"),
  });
  await settled();
  expect(remote.status).toMatchObject({ connected: false, reason: "connect ECONNREFUSED" });
  await expect(remote.ask(commit(1))).rejects.toMatchObject({ name: "SignerLost" });
  world.isUp = true;
  await clock.pass(SIGNER_RETRY_MS_MAX);
  expect(remote.status).toMatchObject({ connected: true, reason: undefined });
  await journal!.log.append([Uint8Array.of(1)]);
  await remote.ask(commit(1));
  world.crash();
  await settled();
  expect(remote.status).toMatchObject({ connected: false, signed: 1 });
  world.open();
  await clock.pass(SIGNER_RETRY_MS_MAX);
  expect(seen).toEqual(["vote with 0", "no vote", "vote with 1"]);
  expect(await remote.ask(commit(2))).toBeUndefined();
  expect(remote.status).toMatchObject({ connected: true, refused: 1 });
  await remote.stop();
});

it("a vote at each of whose durable writes the signer dies is given once, or not at all", async () => {
  for (const kept of [0, 1]) {
    const world = new World();
    let hold: (() => void) | undefined;
    world.signed = new MemoryRecordLog({
      records: [],
      flush: () => new Promise((resolve) => (hold = resolve)),
    });
    world.open();
    const link = await linkTo(world);
    const asked = link.ask(commit(1));
    asked.catch(() => undefined);
    await settled();
    expect(hold).toBeDefined();
    world.signed = world.signed.crash(kept);
    const stays = world.signed.opened().records.length;
    world.crash();
    await expect(asked).rejects.toMatchObject({ name: "SignerLost" });
    world.signed = new MemoryRecordLog({ records: world.signed.opened().records });
    world.open();
    const again = await linkTo(world);
    const other = await again.ask(commit(2));
    expect(other instanceof Uint8Array).toBe(stays === 0);
  }
});

it("a signer says how it stands to whoever asks, also while a node is served, and to a node that goes on", async () => {
  const world = new World();
  const clock = new Clock();
  const remote = new RemoteSigner(identity, {
    ...{ open: linkOver(world.connect, identity, clock), scheduler: clock, log },
  });
  remote.start({ attach: async () => undefined, detach: async () => undefined });
  await settled();
  await remote.ask(commit(1));
  await remote.ask(commit(2));
  const asking = new SignerLink(await world.connect(), { identity, scheduler: clock, lost: () => undefined });
  const report = await asking.standing(true);
  expect(report).toMatchObject({
    ...{ isServed: true, signed: 1, refused: 1 },
    ...{ epoch: 0n, view: 0n, height: 0n, records: 0 },
  });
  expect([report?.publicKey, report?.genesisHash].map((bytes) => bytes && hex0x(bytes))).toEqual(
    [signer.publicKey, genesisHash].map(hex0x),
  );
  expect(remote.status.report).toMatchObject({ signed: 0, refused: 0 });
  await clock.pass(SIGNER_STATUS_MS);
  expect(remote.status).toMatchObject({ connected: true, report: { signed: 1, refused: 1 } });
  await remote.stop();
});
