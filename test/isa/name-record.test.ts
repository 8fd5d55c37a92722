import fc from "fast-check";
import { expect, it } from "vitest";
import { z } from "zod";
import { nameRecord, nameRecordSchema } from "../../isa/name-record.ts";
import { HOSTILE_NAMES } from "../arbitraries/names.ts";

const names = fc.oneof(fc.constantFrom(...HOSTILE_NAMES), fc.string());

it("a record gives back what was set under a name, and undefined under every other", () => {
  fc.assert(
    fc.property(fc.uniqueArray(names), names, (set, other) => {
      const record = nameRecord(set.map((name, index) => [name, index]));
      set.forEach((name, index) => {
        expect(record[name]).toBe(index);
      });
      if (!set.includes(other)) expect(record[other]).toBeUndefined();
      expect(Object.keys(record).toSorted()).toEqual(set.toSorted());
    }),
  );
});

it("a schema keeps every name of a file, and says below which name something is wrong", () => {
  const schema = nameRecordSchema(z.strictObject({ bits: z.int() }));
  const read = schema.parse(JSON.parse('{"__proto__":{"bits":4},"constructor":{"bits":5}}'));
  expect(JSON.stringify(read)).toBe('{"__proto__":{"bits":4},"constructor":{"bits":5}}');
  expect(read.toString).toBeUndefined();
  const wrong = schema.safeParse(JSON.parse('{"__proto__":{"bits":"x"},"b":{"bots":1}}'));
  const issues = wrong.error?.issues.map(({ path, code }) => `${path.join(".")} ${code}`);
  expect(issues).toEqual(["__proto__.bits invalid_type", "b.bits invalid_type", "b unrecognized_keys"]);
  for (const value of [null, [], "a", 7]) expect(schema.safeParse(value).success).toBe(false);
});
