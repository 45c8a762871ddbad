/** Writes docs/interop.md from the interop matrix. A test fails where it is stale. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { interopDocument } from "./interop-document.ts";

const path = join(import.meta.dirname, "../docs/interop.md");
writeFileSync(path, interopDocument());
process.stdout.write("docs/interop.md written\n");
