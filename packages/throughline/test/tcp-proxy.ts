import { EventEmitter, once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Duplex, PassThrough } from "node:stream";

/** A proxy before a server, whose connections can be cut. */
export interface TcpProxy {
  /** `host:port` of the proxy. */
  readonly host: string;
  /** Resets every connection that there is, in the middle of whatever it carries. */
  cut(): void;
  /** Cuts, and resets whatever connects anew, until it is mended. */
  sever(): void;
  mend(): void;
  /** Resolves when so many more pieces of whatever clients say have gone to the server. */
  carried(pieces?: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param target `host:port` of the server.
 * @param rewritten what each connection's client is told, in place of what the server says.
 */
export async function proxyTo(
  target: string,
  rewritten: () => Duplex = () => new PassThrough(),
): Promise<TcpProxy> {
  const [host = "", port] = target.split(":");
  const sockets = new Set<Socket>();
  const said = new EventEmitter();
  said.setMaxListeners(0);
  let severed = false;
  const server = createServer((client) => {
    client.on("error", () => {});
    if (severed) return void client.resetAndDestroy();
    const upstream = connect(Number(port), host);
    client.on("data", () => said.emit("piece"));
    for (const [from, to, by] of [
      [client, upstream, new PassThrough()],
      [upstream, client, rewritten()],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(by).pipe(to);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    sever() {
      severed = true;
      cut();
    },
    mend() {
      severed = false;
    },
    async carried(pieces = 1) {
      for (let at = 0; at < pieces; at++) await once(said, "piece");
    },
    async close() {
      server.close();
      cut();
      await once(server, "close");
    },
  };
}
