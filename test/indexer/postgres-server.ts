/**
 * A real PostgreSQL server of a test: its own files, a socket in its own folder, no port; killed and started again at
 * will, gone when the test ends. Only where `initdb` and `postgres` are installed.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";

/** Where the programs are: on the PATH, or where Debian puts them. */
function programs(): { readonly initdb: string; readonly postgres: string } | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian)
    ? readdirSync(debian).map((version) => join(debian, version, "bin"))
    : [];
  for (const folder of [...(process.env.PATH ?? "").split(":"), ...versions]) {
    const found = { initdb: join(folder, "initdb"), postgres: join(folder, "postgres") };
    if (existsSync(found.initdb) && existsSync(found.postgres)) return found;
  }
  return undefined;
}

/** PostgreSQL refuses to run as root: then it runs as the user of that name, or as nobody. */
function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string, name: string) =>
    Number(execFileSync("id", [flag, name], { stdio: ["ignore", "pipe", "ignore"] }));
  for (const name of ["postgres", "nobody"]) {
    try {
      return { uid: idOf("-u", name), gid: idOf("-g", name) };
    } catch {
      // No such user.
    }
  }
  return undefined;
}

export const hasPostgres: boolean = programs() !== undefined;

export class PostgresServer {
  readonly #folder: string;
  readonly #user = unprivileged() ?? {};
  #process: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), "quorate-pg-"));
    const server = new PostgresServer(folder);
    chmodSync(folder, 0o755);
    const { uid, gid } = server.#user as { uid?: number; gid?: number };
    if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
    const initdb = programs()?.initdb ?? "initdb";
    const options = ["--no-sync", "--no-locale", "-E", "UTF8", "-A", "trust", "-U", "tester"];
    execFileSync(initdb, ["-D", join(folder, "data"), ...options], {
      ...server.#user,
      cwd: folder,
      stdio: "ignore",
    });
    await server.restart();
    return server;
  }

  get url(): string {
    return this.urlOf("postgres");
  }

  urlOf(database: string): string {
    return `postgres://tester@localhost/${database}?host=${this.#folder}`;
  }

  /** Starts it, if it does not run, and waits until it answers. */
  async restart(): Promise<void> {
    for (const deadline = Date.now() + 60_000; ; ) {
      // A server that comes too early finds backends of the one that was killed, and ends.
      if (!this.#isRunning) this.#process = this.#spawn();
      try {
        const client = new pg.Client({ connectionString: this.url });
        client.on("error", () => undefined);
        await client.connect();
        await client.end();
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  get #isRunning(): boolean {
    const child = this.#process;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  #spawn(): ChildProcess {
    const settings = ["listen_addresses=", "fsync=off", "max_wal_size=64MB", "shared_buffers=16MB"];
    return spawn(
      programs()?.postgres ?? "postgres",
      ["-D", join(this.#folder, "data"), "-k", this.#folder, ...settings.flatMap((one) => ["-c", one])],
      { ...this.#user, cwd: this.#folder, stdio: "ignore" },
    );
  }

  /** As a crash would: its backends notice and end as well. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || !this.#isRunning) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child !== undefined && this.#isRunning) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGQUIT");
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
