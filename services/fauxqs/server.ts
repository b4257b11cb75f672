// The server's own process: fauxqs on a loopback port, its argument, its data in a folder where that
// is the second. Else they are in memory: out of a folder, version 2.4.1 loses a message whose
// visibility runs out.

import { Server } from "node:net";
import { startFauxqs } from "fauxqs";

const port = Number(process.argv[2]);
const dataDir = process.argv[3];

// fauxqs listens on every interface and has no option for it (its `host` only names queues).
const listen = Server.prototype.listen as (...args: unknown[]) => Server;
Server.prototype.listen = function (this: Server, options: unknown, ...rest: unknown[]): Server {
  if (options === null || typeof options !== "object" || !("port" in options)) {
    throw new TypeError("fauxqs listens in another way than it did: see services/fauxqs/server.ts");
  }
  return listen.call(this, { ...options, host: "127.0.0.1" }, ...rest);
} as typeof Server.prototype.listen;

const server = await startFauxqs({
  port,
  logger: false,
  ...(dataDir !== undefined && { dataDir }),
});
process.stdout.write(`listening on 127.0.0.1:${server.port}\n`);
