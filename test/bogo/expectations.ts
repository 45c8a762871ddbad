import { readFileSync } from "node:fs";

import { toBase64 } from "../../src/codec/index.ts";
import { certificatesFromPem } from "../../src/pki/index.ts";
import { SUITES } from "../../src/tls/index.ts";
import { GROUPS } from "../../src/tls/groups.ts";
import { SIGNATURE_SCHEMES } from "../../src/tls/signature-schemes.ts";
import type { ShimOptions } from "./flags.ts";
import { VERSION_CODES } from "./shim-config.ts";
import type { ShimConnection } from "./shim-connection.ts";

/** What is not as the flags want it after a connection, in words; undefined where everything is. */
export function failedExpectation(
  options: ShimOptions,
  connection: ShimConnection,
  isResumption: boolean,
): string | undefined {
  const { facts, session, staple, hellos, signature } = connection;
  if (!facts) return "there was no connection";
  const scheme = Object.values(SIGNATURE_SCHEMES).find(({ algorithm }) => algorithm === signature);
  const seen: Readonly<Record<string, string>> = {
    version: String(VERSION_CODES[facts.protocol]),
    alpn: facts.alpn ?? "",
    curve: String(facts.group && GROUPS[facts.group].code),
    cipher: String(SUITES[facts.suite].code),
    ems: facts.extendedMasterSecret ? "1" : "0",
    resumed: facts.resumed ? "1" : "0",
    session: session ? "1" : "0",
    retried: hellos > 1 ? "1" : "0",
    signature: String(scheme?.code),
    staple: staple ? toBase64(staple) : "",
    certificate: facts.peerChain.map(toBase64).join(),
  };
  // What the server signs with and which group it chooses, a resumed connection of ours does not remember.
  const forgotten = facts.resumed ? ["signature", "curve", "staple"] : [];
  const wanted = options.expects.filter(({ what }) => !forgotten.includes(what));
  const isToResume = isResumption && !wanted.some(({ what }) => what === "resumed");
  if (isToResume) wanted.push({ what: "resumed", value: "1" });
  for (const { what, value } of wanted) {
    const text = what === "certificate" ? chainOf(value) : value;
    if (seen[what] !== text && !(what === "resumed" && !isResumption)) {
      return `${what} is ${seen[what]}, not ${text}`;
    }
  }
  return undefined;
}

function chainOf(file: string): string {
  return certificatesFromPem(readFileSync(file, "utf8"))
    .map(({ der }) => toBase64(der))
    .join();
}
