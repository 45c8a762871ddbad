import { AGENT_ERRORS } from "../agent/index.ts";
import { APDU_ERRORS } from "../apdu/index.ts";
import { CHIP_ERRORS } from "../chip/index.ts";
import { BROKER_ERRORS } from "../cloud/broker/index.ts";
import { FUNCTION_ERRORS } from "../cloud/functions/index.ts";
import { RULE_ERRORS } from "../cloud/rules/index.ts";
import { CLOUD_ERRORS } from "../cloud/index.ts";
import { POLICY_ERRORS } from "../cloud/policy/index.ts";
import { CODEC_ERRORS, type ErrorEntry, type ErrorTable } from "../codec/index.ts";
import { CRYPTO_ERRORS } from "../crypto/index.ts";
import { HOST_ERRORS } from "../host/index.ts";
import { PKCS11_ERRORS } from "../pkcs11/index.ts";
import { CA_ERRORS } from "../pki/ca/index.ts";
import { PKI_ERRORS } from "../pki/index.ts";
import { OCSP_ERRORS } from "../pki/ocsp/index.ts";
import { LINE_ERRORS } from "../provisioning/line/index.ts";
import { TLS_ERRORS } from "../tls/index.ts";
import { REFUSALS } from "../trace/index.ts";
import { CLI_ERRORS } from "./errors.ts";

/** Every room's error table by the room's name: what the commands print from, and what docs/errors.md is written from. */
export const ERROR_TABLES: Readonly<Record<string, ErrorTable>> = {
  codec: CODEC_ERRORS,
  crypto: CRYPTO_ERRORS,
  apdu: APDU_ERRORS,
  chip: CHIP_ERRORS,
  host: HOST_ERRORS,
  pki: PKI_ERRORS,
  "pki/ca": CA_ERRORS,
  "pki/ocsp": OCSP_ERRORS,
  tls: TLS_ERRORS,
  cloud: CLOUD_ERRORS,
  "cloud/policy": POLICY_ERRORS,
  "cloud/broker": BROKER_ERRORS,
  "cloud/functions": FUNCTION_ERRORS,
  "cloud/rules": RULE_ERRORS,
  pkcs11: PKCS11_ERRORS,
  "provisioning/line": LINE_ERRORS,
  agent: AGENT_ERRORS,
  cli: CLI_ERRORS,
  refusals: REFUSALS,
};

/**
 * Cause and cure of an error by its code, or undefined where no room knows the code.
 * A code that several rooms have is looked up in the room whose code made the error, as its stack shows.
 */
export function explain(code: string, stack = ""): ErrorEntry | undefined {
  const room = /[/\\](?:src|dist)[/\\](\w+)[/\\]/.exec(stack)?.[1] ?? "";
  const own = Object.keys(ERROR_TABLES).filter((name) => name === room || name.startsWith(`${room}/`));
  for (const name of [...own, ...Object.keys(ERROR_TABLES)]) {
    const table = ERROR_TABLES[name];
    if (table && Object.hasOwn(table, code)) return table[code];
  }
  return undefined;
}
