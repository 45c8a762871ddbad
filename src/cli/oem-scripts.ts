import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Output } from "./output.ts";

/** Where the note's scripts are, under the folder that the host software was unpacked in. AN12132, section 5.3 */
const SCRIPTS_FOLDER = "axHostSw/hostLib/embSeEngine/a71chDemo/scripts";
const ECC_FOLDER = "axHostSw/hostLib/embSeEngine/a71chDemo/ecc";
const LINUX_FOLDER = "axHostSw/linux";

/** The note's scripts and what each of them is here; `tlsSeClient` is how section 5.7 types the last one. */
export const OEM_SCRIPTS = {
  "tlsCreateCredentialsRunOnClientOnce.sh": "credentials",
  "tlsPrepareClient.sh": "prepare",
  "tlsServer.sh": "server",
  "tlsSeClient.sh": "client",
  tlsSeClient: "client",
} as const;

export type OemScript = keyof typeof OEM_SCRIPTS;

/** `hawser oem scripts`: the folders of the note, with scripts that call this program. */
export function layOutScripts(folder: string, output: Output): void {
  for (const each of [SCRIPTS_FOLDER, ECC_FOLDER, LINUX_FOLDER]) mkdirSync(join(folder, each), { recursive: true });
  for (const [name, command] of Object.entries(OEM_SCRIPTS)) {
    const path = join(folder, SCRIPTS_FOLDER, name);
    writeFileSync(path, `#!/bin/sh\nexec hawser oem ${command} --ecc "$(dirname "$0")/../ecc" "$@"\n`);
    chmodSync(path, 0o755);
    output.line({ event: "script", path, command: `hawser oem ${command}` }, `${path}: hawser oem ${command}`);
  }
  const makefile = join(folder, LINUX_FOLDER, "Makefile_A71CH");
  writeFileSync(
    makefile,
    [
      "# The note compiles the host library here. This package is there already; what is asked for is checked.",
      "applet = A71CH",
      "conn = i2c",
      "platf = native",
      "",
      "default:",
      "\t@hawser oem build --applet $(applet) --conn $(conn) --platf $(platf)",
      "",
      ".PHONY: default",
      "",
    ].join("\n"),
  );
  output.line({ event: "makefile", path: makefile }, makefile);
}

/** What the options of the note's `make` line mean here. AN12132, section 5.5 */
export function explainBuild(
  { applet, conn, platf }: { readonly applet: string; readonly conn: string; readonly platf: string },
  output: Output,
): void {
  if (conn === "i2c") {
    output.warn("conn=i2c: there is no I2C driver here; a chip is reached through a JRCP server, RJCT_SERVER_ADDR");
  }
  const text = `nothing to compile for applet=${applet} conn=${conn} platf=${platf}: hawser runs as it is, and a server needs no chip`;
  output.line({ event: "built", applet, conn, platf }, text);
}
