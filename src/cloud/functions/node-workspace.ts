import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";

import type { Boundary } from "./node-isolation.ts";

const NAME = "hawser-functions-";
const RECORD = "outside";

/**
 * The folders in which functions' code lies while the server runs. They hold nothing that the store does not hold, and
 * `close` removes them; what a server that was killed has left is removed when the next one opens the same directory.
 *
 * The code lies in the directory given, which nobody else may enter. Only functions that run as other users cannot
 * either: theirs lies among the system's temporary files, and the directory keeps a record of where.
 */
export class Workspaces {
  readonly #directory: string | undefined;
  readonly #made = new Map<"inside" | "outside", string>();

  /** Nobody else may use the directory meanwhile. Without one everything lies among the temporary files. */
  constructor(directory: string | undefined) {
    this.#directory = directory === undefined ? undefined : resolve(directory);
    if (this.#directory !== undefined) removeStale(this.#directory);
  }

  /** The folder for processes behind this boundary, made at the first call. */
  folderFor(boundary: Boundary): string {
    const place = this.#placeFor(boundary);
    const known = this.#made.get(place);
    if (known !== undefined) return known;
    const folder = place === "inside" ? this.#makeInside() : this.#makeOutside();
    this.#made.set(place, folder);
    return folder;
  }

  /** Removes every folder but the one for this boundary. */
  keepOnly(boundary: Boundary): void {
    const kept = this.#placeFor(boundary);
    for (const [place, folder] of this.#made) if (place !== kept) this.#remove(place, folder);
  }

  close(): void {
    for (const [place, folder] of this.#made) this.#remove(place, folder);
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }

  #placeFor(boundary: Boundary): "inside" | "outside" {
    if (this.#directory === undefined || boundary === "user") return "outside";
    // Node would take a comma or a star in an allowed path for a list or a wildcard.
    return boundary !== "bubblewrap" && /[,*]/.test(this.#directory) ? "outside" : "inside";
  }

  #makeInside(): string {
    const folder = join(this.#directory ?? "", "work");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  #makeOutside(): string {
    const folder = join(tmpdir(), `${NAME}${randomUUID()}`);
    if (this.#directory !== undefined) {
      // Recorded before it is made: whatever ends the server, the record is not too late.
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      writeFileSync(join(this.#directory, RECORD), folder, { mode: 0o600 });
    }
    mkdirSync(folder, { mode: 0o711 });
    // The process's umask may have taken something away.
    chmodSync(folder, 0o711);
    return folder;
  }

  #remove(place: "inside" | "outside", folder: string): void {
    rmSync(folder, { recursive: true, force: true });
    this.#made.delete(place);
  }
}

function removeStale(directory: string): void {
  const outside = recordIn(directory);
  // The record lies where only we can write; what has another form is nevertheless nothing of ours to remove.
  if (outside?.startsWith("/") && basename(outside).startsWith(NAME) && dirname(outside) !== "/") {
    rmSync(outside, { recursive: true, force: true });
  }
  rmSync(directory, { recursive: true, force: true });
}

function recordIn(directory: string): string | undefined {
  try {
    return readFileSync(join(directory, RECORD), "utf8");
  } catch {
    return undefined;
  }
}
