/** Reads an assignment from whatever file holds one; what it is shows in its content. */
import { diagnosticError } from "../../isa/diagnostic.ts";
import { type ConfigurationFile, configurationFrom, parseYaml } from "../configuration.ts";
import { readTextFile } from "../files.ts";
import { isAssignmentCsv, readAssignmentCsv } from "./csv.ts";
import { specificationOf } from "./entries.ts";
import { isHls4ml } from "./hls4ml/configuration.ts";
import { type ConfiguredNetwork, readHls4ml } from "./hls4ml/read.ts";
import { ASSIGNMENT_SCHEMA, readAssignmentJson } from "./json.ts";

/** 64 MiB: a result of `bits` holds every trial. */
const FILE_LIMIT = 2 ** 26;

export interface ReadAssignment {
  /** The fields of a specification, not yet checked. */
  readonly assignment: unknown;
  /** Of a result: what it was made with, its ranges among it. */
  readonly configuration: ConfigurationFile | null;
  /** What in the file changes no word, one line each. */
  readonly notes: readonly string[];
}

/** Opens the network that an assignment is for; only a configuration of hls4ml asks for it. */
export type OpenNetwork = () => Promise<ConfiguredNetwork>;

/**
 * A specification (YAML or JSON), an export to json, csv or hls4ml, hls4ml's own configuration, or a result of `run` or `bits`. Throws
 * `DiagnosticError`. hls4ml casts where its own layers end, so that its configuration means something for one network only.
 */
export async function readAssignment(path: string, network: OpenNetwork): Promise<ReadAssignment> {
  const text = await readTextFile(path, FILE_LIMIT);
  const alone = (assignment: unknown): ReadAssignment => ({ assignment, configuration: null, notes: [] });
  if (isAssignmentCsv(text)) return alone(specificationOf(readAssignmentCsv(text, path)));
  const value = parseYaml(text, path) ?? {};
  const schema = typeof value === "object" && "schema" in value ? value.schema : undefined;
  if (schema === ASSIGNMENT_SCHEMA) {
    const verified =
      typeof value === "object" && "verified" in value && value.verified !== undefined
        ? { verified: value.verified }
        : {};
    return alone({ ...verified, ...specificationOf(readAssignmentJson(value, path)) });
  }
  if (schema !== undefined) return fromResult(value, String(schema), path);
  if (!isHls4ml(value)) return alone(value);
  return { ...readHls4ml(value, await network(), path), configuration: null };
}

/** The configuration that a result was made with; null for every other file. */
export async function configurationOfResult(path: string): Promise<ConfigurationFile | null> {
  const text = await readTextFile(path, FILE_LIMIT);
  if (isAssignmentCsv(text)) return null;
  const value = parseYaml(text, path) ?? {};
  const schema = typeof value === "object" && "schema" in value ? value.schema : undefined;
  if (schema === undefined || schema === ASSIGNMENT_SCHEMA) return null;
  return fromResult(value, String(schema), path).configuration;
}

function fromResult(value: object, schema: string, path: string): ReadAssignment {
  const inner = "configuration" in value ? value.configuration : undefined;
  const configuration = configurationFrom(inner ?? {}, path);
  if (schema === "macroscope/run/1") return { assignment: configuration.assignment ?? {}, configuration, notes: [] };
  if (schema === "macroscope/bits/1") {
    const chosen = "chosen" in value ? value.chosen : null;
    if (typeof chosen === "object" && chosen !== null && "assignment" in chosen) {
      return { assignment: chosen.assignment, configuration, notes: [] };
    }
    throw diagnosticError("ASSIGNMENT", path, "a search that found no assignment", "search again with a wider range");
  }
  const hint = "give a result of run or bits, an assignment, or an export to json, csv or hls4ml";
  throw diagnosticError("ASSIGNMENT", path, `"${schema.slice(0, 60)}" holds no assignment`, hint);
}
