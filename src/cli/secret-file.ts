import { closeSync, fchmodSync, fstatSync, openSync, writeFileSync } from "node:fs";

/** Writes what only its owner may read; a file that is there already is taken from everybody else first. */
export function writeSecretFile(path: string, content: string | Uint8Array): void {
  const file = openSync(path, "w", 0o600);
  try {
    // A pipe or a terminal keeps what it has.
    if (fstatSync(file).isFile()) fchmodSync(file, 0o600);
    writeFileSync(file, content);
  } finally {
    closeSync(file);
  }
}
