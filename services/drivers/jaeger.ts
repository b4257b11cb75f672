import type { ServiceDriver } from "../driver.ts";
import { jaegerAvailable, startJaeger } from "../jaeger/start.ts";

const driver: ServiceDriver = {
  name: "jaeger",
  summary: "Jaeger 2.13, traces in memory; needs Go the first time, which builds it in 5 min",
  sets: ["JAEGER_OTLP_ENDPOINT", "JAEGER_QUERY_ENDPOINT"],
  // `npm test` builds nothing outside the repository.
  unasked: false,
  absence: jaegerAvailable,
  async start(progress) {
    const { otlp, query, stop } = await startJaeger({ progress });
    return { env: { JAEGER_OTLP_ENDPOINT: otlp, JAEGER_QUERY_ENDPOINT: query }, stop };
  },
};

export default driver;
