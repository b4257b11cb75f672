import { compiledPage } from "./page-classic.mjs";

compiledPage({ client: "node-rdkafka", subpath: "throughline/rdkafka" });
