export * from "./instruction-cycles.ts";
export * from "./layer-formula.ts";
export * from "./occupancy.ts";
export * from "./schedule.ts";
export * from "./token-graph.ts";
