/** Writes docs/errors.md from the error tables of all rooms: `npm run errors:write`. A test fails where it is stale. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { errorsDocument } from "./errors-document.ts";

const path = join(import.meta.dirname, "../docs/errors.md");
writeFileSync(path, await errorsDocument());
process.stdout.write("docs/errors.md written\n");
