/** Resize and Upsample to the nearest element, by whole factors; where elements are left out, as a slice. */
import { choiceAttribute, integerAttribute, integersAttribute, floatsAttribute } from "../../tensor-graph/node-access.ts";
import { integersOf, numbersOf } from "../../tensor-graph/tensor.ts";
import { elementCount } from "../../graph/shape.ts";
import { view } from "../arrange.ts";
import { addHelper, addNamed, type LegalisationRule, legalisationError, networkInput, optionalConstant, outputShape, type RuleCall } from "../rule.ts";
import { around, type NetworkValue } from "../value.ts";

const COORDINATES = ["asymmetric", "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "tf_half_pixel_for_nn", "tf_crop_and_resize"] as const;
const NEAREST = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] as const;

type Coordinates = (typeof COORDINATES)[number];
