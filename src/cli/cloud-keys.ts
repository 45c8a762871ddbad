import type { Command } from "commander";

import { UsageError } from "../codec/index.ts";
import { replaceFile } from "../codec/node.ts";
import { apiAccess, withApiOptions, type ApiAccess, type ApiOptions } from "./api-access.ts";
import type { CliErrorCode } from "./errors.ts";
import { examples, masked, outputOf, type Output } from "./output.ts";

/** `hawser cloud keys list|create|activate|deactivate|delete|rotate`: who may sign requests to the control plane. */
export function registerKeyCommands(cloud: Command): void {
  const keys = cloud.command("keys").description("access keys of the control plane: one key per program, rotated");
  withApiOptions(keys.command("list"))
    .description("all access keys, oldest first; secrets are never shown again")
    .addHelpText("after", examples("hawser cloud keys list --data ./cloud"))
    .action(async (options: ApiOptions, command: Command) => list(apiAccess(options), outputOf(command)));
  withApiOptions(keys.command("create"))
    .description("make a key, and show its secret this once")
    .addHelpText("after", examples("hawser cloud keys create --data ./cloud"))
    .action(async (options: ApiOptions, command: Command) => {
      const { accessKeyId, secretAccessKey } = await apiAccess(options).call("CreateAccessKey", {});
      const text = `access key id      ${accessKeyId}\nsecret access key  ${secretAccessKey}   (shown this once)`;
      outputOf(command).line({ event: "created", accessKeyId, secretAccessKey }, text);
    });
  withApiOptions(keys.command("rotate"))
    .description("make a key, put it into credentials.json, and deactivate the one that stood there")
    .addHelpText("after", examples("hawser cloud keys rotate --data ./cloud"))
    .action(async (options: ApiOptions, command: Command) => rotate(apiAccess(options), options, outputOf(command)));
  for (const [verb, description] of VERBS) {
    const changing = withApiOptions(keys.command(verb).argument("<access-key-id>"))
      .description(description)
      .addHelpText("after", examples(`hawser cloud keys ${verb} --data ./cloud HWSR…`));
    if (verb !== "activate") changing.option("--force", "also the key that stands in credentials.json");
    changing.action(async (accessKeyId: string, options: ApiOptions & { readonly force?: true }, command: Command) => {
      const { call, facts, file } = apiAccess(options);
      if (verb !== "activate" && accessKeyId === facts.accessKeyId && !options.force) {
        throw new UsageError<CliErrorCode>("key-in-credentials", `${accessKeyId} is the access key in ${file}`);
      }
      if (verb === "delete") await call("DeleteAccessKey", { accessKeyId });
      else await call("UpdateAccessKey", { accessKeyId, status: verb === "activate" ? "Active" : "Inactive" });
      outputOf(command).line({ event: `${verb}d`, accessKeyId }, `${accessKeyId} ${verb}d`);
    });
  }
}

const VERBS = [
  ["activate", "let a key sign again"],
  ["deactivate", "refuse a key from now on; it can be activated again"],
  ["delete", "forget a key for good"],
] as const;

async function list({ call, facts }: ApiAccess, output: Output): Promise<void> {
  const { accessKeys } = await call("ListAccessKeys", {});
  for (const { accessKeyId, status, createdAt } of accessKeys) {
    const since = new Date(createdAt).toISOString();
    const mine = accessKeyId === facts.accessKeyId ? "   (in credentials.json)" : "";
    output.line({ accessKeyId, status, createdAt }, `${accessKeyId}  ${status.padEnd(8)}  since ${since}${mine}`);
  }
}

/** The new key stands in the file before the old one stops working: a cut in between leaves two that work. */
async function rotate({ call, facts, file }: ApiAccess, options: ApiOptions, output: Output): Promise<void> {
  const key = await call("CreateAccessKey", {});
  replaceFile(file, `${JSON.stringify({ ...facts, ...key }, undefined, 2)}\n`, 0o600);
  // Signed with the new key: proof that it works, before the old one goes.
  const renewed = apiAccess(options);
  await renewed.call("UpdateAccessKey", { accessKeyId: facts.accessKeyId, status: "Inactive" });
  const { accessKeyId, secretAccessKey } = key;
  output.line(
    { event: "rotated", accessKeyId, deactivated: facts.accessKeyId, credentials: file },
    `${facts.accessKeyId} is deactivated; ${file} holds ${accessKeyId}, secret ${masked(secretAccessKey)}`,
  );
}
