// The process between a server and whoever started it, which the server itself would outlive: the
// IPC channel closes however the parent ends, and then the server is killed. Its arguments are the
// command to run; what that writes is inherited.

import { spawn } from "node:child_process";
import { DIES_WITH_PARENT } from "./dies-with-parent.ts";

const [command = "", ...args] = [...DIES_WITH_PARENT, ...process.argv.slice(2)];
// The parent may have gone before this file was read, and its going is told but once.
if (!process.connected) process.exit();

const server = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
const end = (): void => void server.kill("SIGKILL");
process.on("disconnect", end);
process.on("SIGTERM", end);
server.once("error", (error) => {
  process.stderr.write(`${command}: ${error.message}\n`);
  process.exit(1);
});
server.once("exit", (code) => process.exit(code ?? 1));
