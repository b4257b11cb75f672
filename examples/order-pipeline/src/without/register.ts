import { registerHooks } from "node:module";

// `npm start -- --without` loads this first: the same services, with the module beside this file
// in place of throughline/kafkajs.

registerHooks({
  resolve(specifier, context, next) {
    return specifier === "throughline/kafkajs"
      ? next(new URL("kafkajs.ts", import.meta.url).href, context)
      : next(specifier, context);
  },
});
