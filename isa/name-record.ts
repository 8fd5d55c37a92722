/** Records keyed by names that users choose: `__proto__`, `constructor` and `toString` are names like any other. */
import { z } from "zod";

/** A record without a prototype, so that a name that is not there yields undefined, and any name can be set. */
export function nameRecord<Value>(entries: Iterable<readonly [string, Value]> = []): Record<string, Value> {
  const record: Record<string, Value> = Object.create(null) as Record<string, Value>;
  for (const [name, value] of entries) record[name] = value;
  return record;
}

/** Such a record from plain data. (`z.record` leaves `__proto__` out without a word.) */
export function nameRecordSchema<Value>(value: z.ZodType<Value>): z.ZodType<Record<string, Value>> {
  return z.unknown().transform((record, context): Record<string, Value> => {
    if (typeof record !== "object" || record === null || Array.isArray(record)) {
      context.issues.push({ code: "custom", message: "expected an object keyed by names", input: record });
      return z.NEVER;
    }
    const found = nameRecord<Value>();
    for (const [name, entry] of Object.entries(record)) {
      const parsed = value.safeParse(entry);
      if (parsed.success) found[name] = parsed.data;
      else
        for (const issue of parsed.error.issues)
          context.issues.push({ ...issue, path: [name, ...issue.path] } as never);
    }
    return found;
  });
}
