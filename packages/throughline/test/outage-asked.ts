/** Why a test in which a server goes away while thousands of messages flow is left out; false where it is asked for. */
export const notAsked: string | false =
  !process.env["THROUGHLINE_OUTAGE"] &&
  "takes a minute or more: npm run outages, or npm run native";
