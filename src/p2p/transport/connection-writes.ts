/**
 * Fewer and larger writes on a connection. Two habits of the libraries cost more than the messages themselves, where
 * these are short: yamux answers every Data frame with a window update, and what is encrypted goes to the socket in two
 * writes, its length and itself, each a system call and on loopback a packet. Here a window is updated when half of it
 * is used, as in the specification's own implementation, and all that is written to a socket in one turn of the event loop
 * leaves together.
 *
 * Source: the specification of yamux (https://github.com/hashicorp/yamux), on flow control, and its sendWindowUpdate.
 */

/** Two states of a stream, as the library names them: this side has opened it and may send, or both sides have. */
const SYN_SENT = 1;
const ESTABLISHED = 3;

export interface FlowControlled {
  readonly state: number;
  /** Bytes of the whole window. */
  readonly recvWindow: number;
  /** Bytes that the other side may send still. */
  readonly recvWindowCapacity: number;
}

/** Whether the other side may run out of window before it is told of more. A frame that opens a stream is always sent. */
export function needsWindowUpdate({ state, recvWindow, recvWindowCapacity }: FlowControlled): boolean {
  if (state !== ESTABLISHED && state !== SYN_SENT) return true;
  return 2 * recvWindowCapacity <= recvWindow;
}

/** A connection over a socket. Where it runs over anything else there is none. */
export interface SocketConnection {
  readonly socket?: { cork(): void; uncork(): void };
  sendData?(data: unknown): unknown;
}

/** Lets what is written in one turn leave in one system call, when the turn's own code has ended. */
export function writeOnceATurn(connection: SocketConnection): void {
  const { socket } = connection;
  const sendData = connection.sendData?.bind(connection);
  if (socket === undefined || sendData === undefined) return;
  let isWaiting = false;
  connection.sendData = (data) => {
    if (!isWaiting) {
      isWaiting = true;
      socket.cork();
      process.nextTick(() => {
        isWaiting = false;
        socket.uncork();
      });
    }
    return sendData(data);
  };
}
