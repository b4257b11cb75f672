import type { ServiceDriver } from "../driver.ts";
import { startFauxqs } from "../fauxqs/start.ts";

const driver: ServiceDriver = {
  name: "fauxqs",
  summary: "fauxqs out of npm, an emulator of SQS and SNS",
  sets: ["FAUXQS_ENDPOINT"],
  unasked: true,
  // It comes with the dependencies, and needs nothing but Node.
  absence: () => Promise.resolve(undefined),
  async start(progress) {
    const fauxqs = await startFauxqs({ progress });
    return { env: { FAUXQS_ENDPOINT: fauxqs.endpoint }, stop: () => fauxqs.stop() };
  },
};

export default driver;
