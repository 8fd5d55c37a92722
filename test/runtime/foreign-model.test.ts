import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openModel } from "../../runtime/model.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "foreign-"));
});
afterAll(() => rm(folder, { recursive: true }));

const bytes = (...codes: number[]): Uint8Array => Uint8Array.from(codes);
const pickle = strToU8("\x80\x02}q\x00.", true);

it.each<[string, string, Uint8Array, RegExp]>([
  [
    "PyTorch since 1.6",
    "net.pt",
    zipSync({ "net/data.pkl": pickle, "net/version": strToU8("3\n") }),
    /PyTorch file.*torch\.onnx\.export/,
  ],
  ["PyTorch under the name of ONNX", "net.onnx", zipSync({ "archive/data.pkl": pickle }), /PyTorch file/],
  ["PyTorch before 1.6", "net.pth", bytes(0x80, 2, 0x8a, 10, 0x6c), /PyTorch file/],
  [
    "Keras 3",
    "net.keras",
    zipSync({ "metadata.json": strToU8("{}"), "config.json": strToU8("{}") }),
    /Keras file.*format="onnx"/,
  ],
  ["Keras before", "net.h5", bytes(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 0), /HDF5 file, as Keras/],
  ["TensorFlow Lite", "net.tflite", bytes(0x1c, 0, 0, 0, 0x54, 0x46, 0x4c, 0x33, 0), /TensorFlow Lite.*--tflite/],
  ["safetensors", "net.safetensors", strToU8("\x02\0\0\0\0\0\0\0{}", true), /safetensors/],
  ["another archive", "net.zip", zipSync({ "model.json": strToU8("{}") }), /ZIP archive.*unpack/],
])("%s says what it is and how to export it", async (_name, file, content, message) => {
  const path = join(folder, file);
  await writeFile(path, content);
  await expect(openModel(path)).rejects.toThrow(message);
  await expect(openModel(path)).rejects.toThrow("error[MODEL]");
});

it("a folder of a SavedModel, and its file", async () => {
  const saved = join(folder, "saved");
  await mkdir(saved);
  await writeFile(join(saved, "saved_model.pb"), bytes(8, 1, 0x12));
  await expect(openModel(saved)).rejects.toThrow(/SavedModel of TensorFlow.*--saved-model/);
  await expect(openModel(join(saved, "saved_model.pb"))).rejects.toThrow(/SavedModel of TensorFlow/);
});
