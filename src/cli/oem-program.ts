#!/usr/bin/env node
import { basename } from "node:path";

import { OEM_SCRIPTS, type OemScript } from "./oem-scripts.ts";

/** The note's scripts as programs of their own, installed under their names: each is one `hawser oem` command. AN12132, chapter 5 */
const name = basename(process.argv[1] ?? "", ".ts") as OemScript;
process.argv.splice(2, 0, "oem", ...(Object.hasOwn(OEM_SCRIPTS, name) ? [OEM_SCRIPTS[name]] : []));
await import("./main.ts");
