/**
 * Writes docs/errors.md from the error tables of all rooms, and docs/openapi.json, which lists causes of refusals, from
 * the API's tables: `npm run errors:write`. A test each fails where one is stale.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { openApiText } from "../src/cloud/operations/index.ts";
import { errorsDocument } from "./errors-document.ts";

const docs = join(import.meta.dirname, "../docs");
writeFileSync(join(docs, "errors.md"), await errorsDocument());
writeFileSync(join(docs, "openapi.json"), openApiText());
execFileSync("npx", ["--no-install", "oxfmt", join(docs, "openapi.json")], { stdio: "ignore" });
process.stdout.write("docs/errors.md and docs/openapi.json written\n");
