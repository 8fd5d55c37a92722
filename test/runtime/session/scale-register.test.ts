/** Multipliers behind a sum are a register like the others. */
import { expect, it } from "vitest";
import { resolveConfiguration } from "../../../runtime/configuration.ts";
import { runModel } from "../../../runtime/session/run.ts";

it("a report shows the scale words of a layer that has them, with their range", async () => {
  const assignment = {
    default: { datapath: "wide", format: "12,6" },
    layers: { conv1: { weight: { format: "6,auto", perFilter: true } } },
  } as const;
  const configuration = resolveConfiguration({ model: "lenet5", images: 1, assignment, workers: 1 });
  const outcome = await runModel(configuration);
  if ("fault" in outcome) throw new Error(outcome.fault.message);
  const { layers } = outcome.report;
  const [conv1, ...others] = layers;
  expect(conv1?.registers.scale).toMatchObject({ overflow: 0, first: null });
  expect(conv1?.registers.scale?.max).toBe(1);
  expect(conv1?.registers.scale?.min).toBeLessThan(1);
  for (const { registers } of others) expect(registers.scale).toBeUndefined();
});
