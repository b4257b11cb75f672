import { delimiter, dirname, join } from "node:path";

/**
 * The environment in which a command finds Node 24 and the workspace's tools first. `npm run`
 * hands down the Node that it runs on itself in NODE and npm_node_execpath: both are replaced, or
 * an install script would use the wrong one.
 */
export function childEnvironment(root, node) {
  const path = Object.keys(process.env).find((name) => name.toUpperCase() === "PATH") || "PATH";
  const first = [dirname(node), join(root, "node_modules", ".bin")];
  return {
    ...process.env,
    [path]: [...first, process.env[path]].filter(Boolean).join(delimiter),
    NODE: node,
    npm_node_execpath: node,
  };
}
