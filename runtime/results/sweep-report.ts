/** The result of `macroscope sweep` as scripts read it, and each record as its journal keeps it. */
import type { CandidateCost } from "./evaluation.ts";
import type { ExperimentReport } from "./experiment-report.ts";
import type { Accuracy, AgreementEntry, ErrorEntry, ResourceEntry } from "./run-report.ts";

export interface SweepReport {
  readonly schema: "macroscope/sweep/1";
  /** The resolved configuration that all points share. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** The grid or ready experiment that was asked for, as the command line said it. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly model: string;
  readonly weights: string | null;
  readonly data: string;
  readonly floatBackend: string;
  /** One per distinct configuration, in the order of the grid. */
  readonly records: readonly SweepRecord[];
  /** The tables of a ready experiment, where that was asked for. */
  readonly experiment?: ExperimentReport;
  /** Points whose word lengths cannot be on this network and machine, and why; none where absent. */
  readonly refused?: readonly RefusedPoint[];
  readonly resources: ResourceEntry;
}

/** One point of the grid and what it gave. */
export interface SweepRecord {
  /** SHA-256 of the point with everything else that decides its result. */
  readonly key: string;
  readonly point: SweepPoint;
  readonly result: SweepResult;
  /** Of this record alone; left out when results are compared. */
  readonly seconds: number;
}

export interface RefusedPoint {
  readonly point: SweepPoint;
  readonly why: string;
}

export interface SweepPoint {
  readonly datapath: string;
  readonly wordLength: number;
  readonly fractionLength: number | "auto";
  readonly rounding: string;
  /** Null: the datapath's own. */
  readonly overflow: string | null;
  /** Null: all layers. Else the name of the subunit whose layers are quantized while the others compute in float. */
  readonly subunit: string | null;
  /** The layers of that subunit; null: all. */
  readonly layers: readonly string[] | null;
  /** First images of the data, or those from image `first` on. */
  readonly images: number;
  /** 0 where absent. Else the point was only tried, on images apart, to choose a fraction length. */
  readonly first?: number;
}

export interface SweepResult {
  readonly accuracy: Accuracy | null;
  readonly agreement: AgreementEntry | null;
  readonly error: ErrorEntry;
  readonly overflow: {
    readonly total: number;
    readonly compile: number;
    /** The register with most of them. */
    readonly worst: { readonly layer: string; readonly register: string; readonly overflow: number } | null;
  };
  readonly cost: CandidateCost | null;
  readonly digest: string | null;
}
