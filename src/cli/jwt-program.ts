#!/usr/bin/env node
import { basename } from "node:path";

/** The scripts of the MAXQ1065 SDK that AN-7648 calls, as programs of their own: each is one `hawser` command. */
const SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  make_ca_cert: ["ca", "make-jwt-ca"],
  init_tls_iot: ["device", "init-tls-iot"],
};

const name = basename(process.argv[1] ?? "", ".ts");
process.argv.splice(2, 0, ...(Object.hasOwn(SCRIPTS, name) ? (SCRIPTS[name] ?? []) : []));
await import("./main.ts");
