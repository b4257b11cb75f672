/** Keeps a value by its key, and forgets the oldest of those kept where there are `limit` already. */
export function keep<Value>(
  kept: Map<string, Value>,
  key: string,
  value: Value,
  limit: number,
): Value {
  const oldest = kept.size >= limit ? kept.keys().next().value : undefined;
  if (oldest !== undefined) kept.delete(oldest);
  kept.set(key, value);
  return value;
}
