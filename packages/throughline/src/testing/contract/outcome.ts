/**
 * How a call of the client's ended: how, and for an error its class, name and message, with the
 * destination, which is called differently in every run, blanked.
 */
export async function outcomeOf(call: () => unknown, destination: string): Promise<unknown[]> {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    return ["thrown", ...wordsOf(error, destination)];
  }
  try {
    return ["resolved", await result];
  } catch (error) {
    return ["rejected", ...wordsOf(error, destination)];
  }
}

function wordsOf(error: unknown, destination: string): unknown[] {
  const { name, message } = error as Error;
  const kind = Object.getPrototypeOf(error)?.constructor?.name as unknown;
  return [kind, name, message.replaceAll(destination, "the destination")];
}
