/** Why the RPC server could not take its port, in words that say what to do. */

export function describeListenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const where = `port ${port} on ${host}`;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `${where} is in use: stop the process that holds it, or choose another port`,
    EACCES: `${where} may not be used by this user: choose a port above 1023`,
    EADDRNOTAVAIL: `${host} is not an address of this machine`,
  };
  return new Error(`RPC: ${reasons[error.code ?? ""] ?? `cannot listen on ${where}`}`, { cause: error });
}
