import { readFileSync } from "node:fs";

import type { Command } from "commander";

import { apiAccess, withApiOptions, type ApiOptions } from "./api-access.ts";
import { examples, outputOf } from "./output.ts";

type CreateOptions = ApiOptions & {
  readonly ca: readonly string[];
  readonly policy: readonly string[];
  readonly autoRegister?: true;
  readonly derSignatures?: true;
};

/** `hawser cloud registry create|list|delete`: groups of devices that log in by JSON Web Token. */
export function registerRegistryCommands(cloud: Command): void {
  const registry = cloud.command("registry").description("registries of devices that log in by JSON Web Token");
  registerCreate(registry);
  withApiOptions(registry.command("list"))
    .description("all registries and the CA that defines each")
    .addHelpText("after", examples("hawser cloud registry list --data ./cloud"))
    .action(async (options: ApiOptions, command: Command) => {
      const { registries } = await apiAccess(options).call("ListDeviceRegistries", {});
      const output = outputOf(command);
      for (const each of registries) output.line(each, `${each.registryName}: ${each.caSubjects.join("; ")}`);
      if (registries.length === 0) output.note("there is no registry");
    });
  withApiOptions(registry.command("delete").argument("<name>"))
    .description("refuse the registry's tokens from now on; its devices' certificates stay")
    .addHelpText("after", examples("hawser cloud registry delete sensors --data ./cloud"))
    .action(async (registryName: string, options: ApiOptions, command: Command) => {
      await apiAccess(options).call("DeleteDeviceRegistry", { registryName });
      outputOf(command).line({ event: "deleted", registryName }, `${registryName} deleted`);
    });
}

function registerCreate(registry: Command): void {
  const more = (value: string, values: readonly string[]) => [...values, value];
  withApiOptions(registry.command("create").argument("<name>"))
    .description("make a registry: the devices whose certificates its JWT_CA issues; NAME is the aud of their tokens")
    .requiredOption(
      "--ca <file>",
      "the JWT_CA's certificate, PEM; may be repeated while it is being replaced",
      more,
      [],
    )
    .option("--auto-register", "register certificates that come along with a token (x5c), ACTIVE at once")
    .option("--policy <name>", "policy of those certificates; may be repeated", more, [])
    .option("--der-signatures", "also take ECDSA signatures in DER, against RFC 7518")
    .addHelpText("after", examples("hawser cloud registry create sensors --ca cert_CA.pem --data ./cloud"))
    .action(async (registryName: string, options: CreateOptions, command: Command) => {
      const made = await apiAccess(options).call("CreateDeviceRegistry", {
        registryName,
        caCertificates: options.ca.map((file) => readFileSync(file, "utf8")).join("\n"),
        policies: options.policy,
        autoRegister: options.autoRegister ?? false,
        derSignatures: options.derSignatures ?? false,
      });
      const text = `${registryName} made; its devices' certificates are issued by ${made.caSubjects.join("; ")}`;
      outputOf(command).line({ event: "created", ...made }, text);
    });
}
