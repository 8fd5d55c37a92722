import type { AssignmentSpecification } from "./specification.ts";

/** Whether any format is automatic, so that ranges must be measured or given before it can be resolved. */
export function usesCalibration(value: AssignmentSpecification): boolean {
  const texts = (part: unknown): string[] => {
    if (typeof part === "string") return [part];
    return typeof part === "object" && part !== null ? Object.values(part).flatMap(texts) : [];
  };
  return texts(value).some((text) => /,\s*auto$/.test(text));
}
