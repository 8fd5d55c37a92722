import type { AssignmentSpecification } from "../../../compiler/quantization/specification.ts";
import type { RunConfiguration } from "../../configuration.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import type { PreparedModel } from "../compile-model.ts";
import type { FloatSide } from "../float.ts";

/** What a study was opened with. */
export interface StudyParts {
  /** With measured ranges and with preprocessing in which nothing is open. Its assignment plays no part. */
  readonly configuration: RunConfiguration;
  readonly data: Dataset;
  readonly prepared: PreparedModel;
  /** Registers that the model itself prescribes, which lie beneath those of every candidate. */
  readonly prescribed: AssignmentSpecification;
  /** Its answers to images are kept. */
  readonly float: FloatSide;
}
