export * from "./check-program.ts";
