import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";

import { startCloud } from "../cloud/node.ts";

test("AW-62 hawser cloud root downloads the root with which a device verifies the server, and only with it", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "hawser-root-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const listen = { host: "127.0.0.1", apiPort: 0, mqttPort: 0, serverNames: ["localhost"] };
  const cloud = await startCloud({ directory: join(directory, "data"), ...listen });
  t.after(() => cloud.close());
  const [file, out] = [join(directory, "credentials.json"), join(directory, "root.pem")];
  writeFileSync(file, JSON.stringify({ api: cloud.api, region: cloud.account.region, ...cloud.accessKey }));
  const argv = [join(import.meta.dirname, "main.ts"), "cloud", "root", "--credentials", file, "--out", out];
  const told = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, argv, (error, stdout, stderr) => (error ? reject(new Error(stderr)) : resolve(stdout)));
  });
  assert.match(told, /^CN=Hawser cloud root [0-9a-f]{8} written to /);
  const handshake = (ca: string | undefined) =>
    new Promise<string>((resolve) => {
      const { port } = cloud.mqtt;
      const socket = connect(
        { port, host: "127.0.0.1", servername: "localhost", ...(ca !== undefined && { ca }) },
        () => {
          socket.destroy();
          resolve("verified");
        },
      );
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  assert.equal(await handshake(readFileSync(out, "utf8")), "verified");
  assert.notEqual(await handshake(undefined), "verified");
});
