// The server's own process: fauxqs on a free loopback port. It ends with whoever holds the other end
// of its stdin, so a killed parent leaves nothing behind. Its arguments are the port, 0 for a free
// one, and the folder to keep its data in, where it is to keep any.

import { Server } from "node:net";
import { startFauxqs } from "fauxqs";

// Ctrl-C in a terminal reaches the whole process group; the parent decides when the server ends.
process.on("SIGINT", () => {});

const [port = "0", dataDir] = process.argv.slice(2);

// fauxqs listens on every interface and has no option for it (its `host` only names queues).
const listen = Server.prototype.listen as (...args: unknown[]) => Server;
Server.prototype.listen = function (this: Server, options: unknown, ...rest: unknown[]): Server {
  if (options === null || typeof options !== "object" || !("port" in options)) {
    throw new TypeError("fauxqs listens in another way than it did: see services/fauxqs/server.ts");
  }
  return listen.call(this, { ...options, host: "127.0.0.1" }, ...rest);
} as typeof Server.prototype.listen;

const server = await startFauxqs({
  port: Number(port),
  logger: false,
  ...(dataDir === undefined ? {} : { dataDir }),
});
process.stdout.write(`listening on 127.0.0.1:${server.port}\n`);

process.stdin.resume();
process.stdin.once("close", () => process.exit());
