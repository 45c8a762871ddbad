import type { Command } from "commander";

import { registerSeAgreementCommands } from "./se-agreements.ts";
import { registerSeAttestationCommands } from "./se-attestation.ts";
import { registerSeCertificateCommands } from "./se-certificates.ts";
import { registerSeCipherCommands } from "./se-ciphers.ts";
import { registerSeCodeCommands } from "./se-codes.ts";
import { registerSeKeyCommands } from "./se-keys.ts";
import { registerSeObjectCommands } from "./se-objects.ts";
import { registerSeRegisterCommands } from "./se-registers.ts";
import { registerSeSecretCommands } from "./se-secrets.ts";
import { registerSeSignatureCommands } from "./se-signatures.ts";

/** `hawser se info|list|…`: whatever chip answers at an address, key by key and object by object. */
export function registerSeCommands(program: Command): void {
  const se = program.command("se").description("keys, certificates and objects of any secure element");
  registerSeObjectCommands(se);
  registerSeKeyCommands(se);
  registerSeCertificateCommands(se);
  registerSeAttestationCommands(se);
  registerSeSignatureCommands(se);
  registerSeSecretCommands(se);
  registerSeCodeCommands(se);
  registerSeAgreementCommands(se);
  registerSeCipherCommands(se);
  registerSeRegisterCommands(se);
}
