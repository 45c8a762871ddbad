import { renameSync, rmSync, writeFileSync } from "node:fs";

/** Writes a file of that mode so that a cut at any moment leaves the old one or the new one. Throws what the disk says. */
export function replaceFile(path: string, text: string, mode: number): void {
  const next = `${path}.new`;
  // What a cut left may have other permissions.
  rmSync(next, { force: true });
  writeFileSync(next, text, { mode, flag: "wx", flush: true });
  renameSync(next, path);
}
