import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

/** A package that functions may import although they did not bring it along. */
export type SdkPackage = { readonly name: string; readonly folder: string };

/** What is offered of AWS's SDK, version 3. */
const SDK_CLIENT = "@aws-sdk/client-iot";

/**
 * The client and all that it depends on, by folder: what a function may read beside its own. Empty where the client is
 * not installed. A package that was found twice in different versions lies inside of the one that needs it.
 */
export function sdkPackages(client = SDK_CLIENT, from = import.meta.dirname): SdkPackage[] {
  const found = new Map<string, SdkPackage>();
  const visit = (name: string, near: string): void => {
    const folder = folderOf(name, near);
    if (folder === undefined || found.has(folder)) return;
    found.set(folder, { name, folder });
    const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      readonly dependencies?: Readonly<Record<string, string>>;
    };
    for (const dependency of Object.keys(dependencies)) visit(dependency, folder);
  };
  visit(client, from);
  const all = [...found.values()];
  return all.filter(({ folder }) => !all.some((other) => folder.startsWith(`${other.folder}/`)));
}

function folderOf(name: string, near: string): string | undefined {
  for (let at = near; ; at = dirname(at)) {
    const folder = join(at, "node_modules", name);
    if (existsSync(join(folder, "package.json"))) return realpathSync(folder);
    if (dirname(at) === at) return undefined;
  }
}
