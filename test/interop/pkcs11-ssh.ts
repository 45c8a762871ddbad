/** OpenSSH's server for a test, and its client that takes its key from a token. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { freePort, P11_KIT_CLIENT, startProgram } from "./pkcs11-token.ts";

const SSHD = "/usr/sbin/sshd";

/** Whether there is a server to log in to; where not, a reported skip, a failure where CI=true. */
export function requireSshd(t: TestContext): boolean {
  if (existsSync(SSHD)) return true;
  assert.notEqual(process.env["CI"], "true", "openssh-server is not installed");
  t.skip("openssh-server is not installed");
  return false;
}

/**
 * Starts sshd on a free port; it lets in whoever has a key of `authorized`. Gives the command line of `ssh -I` that logs
 * in there with the PIN and says "signed in", and the environment that it wants.
 */
export async function startSshd(
  t: TestContext,
  { folder, authorized, pin }: { readonly folder: string; readonly authorized: string; readonly pin: string },
): Promise<{ readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> }> {
  const path = (name: string) => join(folder, name);
  writeFileSync(path("askpass"), `#!/bin/sh\necho ${pin}\n`);
  chmodSync(path("askpass"), 0o700);
  writeFileSync(path("authorized"), authorized);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path("host")]);
  const port = await freePort();
  const settings = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${path("host")}`,
    `AuthorizedKeysFile ${path("authorized")}`,
    "StrictModes no",
    "UsePAM no",
    "PermitRootLogin prohibit-password",
    "PasswordAuthentication no",
    "PidFile none",
  ];
  writeFileSync(path("sshd_config"), `${settings.join("\n")}\n`);
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const sshd = startProgram(t, [SSHD, "-D", "-e", "-f", path("sshd_config")], { cwd: folder });
  await sshd.printed(/Server listening/);
  const known = [
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "IdentityFile=none",
    "IdentityAgent=none",
    "PasswordAuthentication=no",
    "PreferredAuthentications=publickey",
  ];
  const options = known.flatMap((each) => ["-o", each]);
  return {
    argv: [
      "-F",
      "none",
      "-I",
      P11_KIT_CLIENT,
      "-p",
      String(port),
      ...options,
      `${userInfo().username}@127.0.0.1`,
      "echo signed in",
    ],
    env: { SSH_ASKPASS: path("askpass"), SSH_ASKPASS_REQUIRE: "force" },
  };
}
