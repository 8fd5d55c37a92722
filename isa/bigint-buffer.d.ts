/**
 * The part of bigint-buffer that never loads native code. The package types only its main entry, which would look for
 * the native addon that carries CVE-2025-3194.
 */
declare module "bigint-buffer/dist/browser.js" {
  export function toBigIntLE(bytes: Buffer): bigint;
  export function toBufferLE(value: bigint, width: number): Buffer;
}
