/** The version this package publishes as; a test holds it to package.json. */
export const VERSION = "0.1.0";
