// Loaded with --import before anything else. The library's own import of the api would find the
// workspace's copy, the peers' the bench's. An application has one: so has the bench.
import { registerHooks } from "node:module";

const API = "@opentelemetry/api";

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== API) return nextResolve(specifier, context);
    return nextResolve(specifier, { ...context, parentURL: import.meta.url });
  },
});
