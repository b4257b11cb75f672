import { once } from "node:events";
import { connect } from "node:net";

export interface Connection {
  /** Resolves when the connection is closed, be it by an end or a reset. */
  closed: Promise<unknown>;
  close(): void;
}

/**
 * A connection that does nothing. The kernel closes it when the process at the other end is gone,
 * which makes `closed` the event of that process's end.
 */
export async function connection(brokers: string): Promise<Connection> {
  const [host = "", port] = brokers.split(":");
  const socket = connect(Number(port), host);
  await once(socket, "connect");
  socket.on("error", () => {});
  socket.resume();
  return {
    closed: new Promise((resolve) => socket.once("close", resolve)),
    close: () => socket.destroy(),
  };
}

/** Whether nobody listens there any more. */
export async function refuses(brokers: string): Promise<boolean> {
  try {
    (await connection(brokers)).close();
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ECONNREFUSED";
  }
}

/** Resolves once nobody listens there any more; a process that is ending may still accept one. */
export async function refused(brokers: string): Promise<void> {
  for (;;) {
    const accepted = await connection(brokers).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ECONNREFUSED" && error.code !== "ECONNRESET") throw error;
      return error.code;
    });
    if (accepted === "ECONNREFUSED") return;
    if (typeof accepted === "object") await accepted.closed;
  }
}
