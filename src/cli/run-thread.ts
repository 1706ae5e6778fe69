/** Work in a thread of its own: what it tells comes as it is told, and an end with an error is one here. */
import { Worker } from "node:worker_threads";

/**
 * @param path the thread's file
 * @param task what it begins with
 * @throws Error when it ends with another code than 0
 */
export function runThread<T>(path: URL, task: object, receive: (answer: T) => void): Promise<void> {
  const worker = new Worker(path, { workerData: task });
  return new Promise((resolve, reject) => {
    worker.on("message", receive);
    worker.once("error", reject);
    worker.once("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`a thread ended with code ${code}`)),
    );
  });
}
