export { type LegalisedNetwork, type LegaliseOptions, legalise } from "./legalise.ts";
export { underSpecification } from "./under-specification.ts";
