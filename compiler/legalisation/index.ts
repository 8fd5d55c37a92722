export { integerInputFormat, takesIntegerInput } from "./integer-entries.ts";
export { type LegalisedNetwork, type LegaliseOptions, legalise } from "./legalise.ts";
export { prescribedAssignment, prescribes } from "./prescribed-assignment.ts";
export { underSpecification } from "./under-specification.ts";
