/** NPZ: a ZIP archive of NPY files, stored or deflated (`fflate`). Read whole: a deflated array has no ranges. */
import { unzipSync } from "fflate";
import { type DiagnosticError, diagnosticError } from "../../../isa/diagnostic.ts";
import { type NpyHeader, readNpy } from "./npy.ts";

/** Largest archive, and largest array in it, 1 GiB. */
export const NPZ_LIMIT: number = 2 ** 30;

/** Files of an archive that are looked at; a damaged directory may announce billions. */
const MAX_FILES = 4096;

/** Deflate at best: 258 bytes from two bits. */
const MAX_EXPANSION = 1032;

export interface NpzArray {
  readonly name: string;
  readonly header: NpyHeader;
  /** In C order. */
  readonly data: Uint8Array | Float64Array;
}

export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] ?? 0) <= 7;
}

/** Names images and labels go by in archives, the likely ones first. Test data before training data. */
const IMAGE_NAMES = ["images", "x_test", "test_images", "x", "data", "X", "arr_0"] as const;
const LABEL_NAMES = ["labels", "y_test", "test_labels", "y", "targets", "Y", "arr_1"] as const;

/** Images and labels of an archive. Only these two arrays are unpacked; their sizes are checked before. */
export function readNpz(
  bytes: Uint8Array,
  where: string,
): { readonly images: NpzArray; readonly labels: NpzArray | null } {
  const names: string[] = [];
  unzip(bytes, where, ({ name }) => {
    if (name.endsWith(".npy")) names.push(name.slice(0, -4));
    return false;
  });
  const pick = (known: readonly string[]): string | undefined => known.find((name) => names.includes(name));
  const labels = pick(LABEL_NAMES);
  const others = names.filter((name) => name !== labels);
  const images = pick(IMAGE_NAMES) ?? (others.length === 1 ? others[0] : undefined);
  if (images === undefined) {
    const found = names.length === 0 ? "no arrays" : `arrays ${names.slice(0, 8).join(", ")}`;
    throw diagnosticError("NPZ_FILE", where, `${found}, none of which is known to be images`, "name it images");
  }
  const wanted = [images, ...(labels === undefined ? [] : [labels])].map((name) => `${name}.npy`);
  const files = unzip(bytes, where, ({ name, size, originalSize }) => {
    if (!wanted.includes(name)) return false;
    if (originalSize > NPZ_LIMIT || originalSize > size * MAX_EXPANSION + 1024) {
      throw corrupt(where, `${name} announces ${originalSize} bytes from ${size} compressed ones`);
    }
    return true;
  });
  const array = (name: string): NpzArray => {
    const file = files[`${name}.npy`];
    if (file === undefined) throw corrupt(where, `${name}.npy cannot be unpacked`);
    return { name, ...readNpy(file, `${where}: ${name}`) };
  };
  return { images: array(images), labels: labels === undefined ? null : array(labels) };
}

function unzip(
  bytes: Uint8Array,
  where: string,
  filter: NonNullable<NonNullable<Parameters<typeof unzipSync>[1]>["filter"]>,
): Record<string, Uint8Array> {
  let refused: DiagnosticError | undefined;
  let files = 0;
  try {
    return unzipSync(bytes, {
      filter: (file) => {
        try {
          if (++files > MAX_FILES) throw corrupt(where, `more than ${MAX_FILES} files`);
          return filter(file);
        } catch (error) {
          refused = error as DiagnosticError;
          throw error;
        }
      },
    });
  } catch (error) {
    if (refused !== undefined) throw refused;
    throw corrupt(where, `not a sound ZIP archive: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function corrupt(where: string, what: string): DiagnosticError {
  return diagnosticError("NPZ_FILE", where, what, "write the archive again with numpy.savez");
}
