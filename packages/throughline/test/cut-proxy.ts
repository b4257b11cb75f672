import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a server that can be cut. */
export interface CutProxy {
  /** The server's URL with our port in place of its own. */
  readonly url: string;
  /** Cuts every connection that goes through it now; new ones go through. */
  cut(): void;
  close(): Promise<void>;
}

/** Stands before a server on loopback and passes bytes on, until it is told to cut. */
export async function cutProxy(url: string): Promise<CutProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.once("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: through.href,
    cut,
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
