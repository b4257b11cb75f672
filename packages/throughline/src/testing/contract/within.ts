/**
 * Waits for something that a broker may never do.
 *
 * @param seen says at the end of the time what has been seen by then.
 * @throws Error when it has not come by then.
 */
export async function within<Result>(
  timeoutMs: number,
  awaited: Promise<Result>,
  seen: () => string,
): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`After ${timeoutMs} ms: ${seen()}.`)), timeoutMs);
  });
  try {
    return await Promise.race([awaited, late]);
  } finally {
    clearTimeout(timer);
  }
}
