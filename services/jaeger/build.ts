// node services/jaeger/build.ts: builds Jaeger unless it is in the cache, and starts nothing.
import { jaegerBinary } from "./binary.ts";

console.log(await jaegerBinary((line) => console.error(line)));
