/**
 * Promise.withResolvers for Node 20, which libp2p 3 calls. The only polyfill of the project: import it before
 * anything that imports libp2p (static imports run in the order they are written), so in host.ts and in every
 * entry point. It does nothing where the runtime has the method. Source: ECMA-262 2024, Promise.withResolvers.
 */

interface Resolvers<T> {
  promise: Promise<T>;
  resolve(value: T | PromiseLike<T>): void;
  reject(reason?: unknown): void;
}

type PromiseWithResolvers = PromiseConstructor & { withResolvers?: <T>() => Resolvers<T> };

function installPolyfill(): void {
  const promises = Promise as PromiseWithResolvers;
  promises.withResolvers ??= <T>(): Resolvers<T> => {
    let resolve!: Resolvers<T>["resolve"];
    let reject!: Resolvers<T>["reject"];
    const promise = new Promise<T>((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    return { promise, resolve, reject };
  };
}

installPolyfill();
