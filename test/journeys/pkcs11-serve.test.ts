import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { hawser, words } from "../../scripts/programs.ts";

const TIMEOUT = { timeout: 30_000 };
/** A port that nobody listens on: the discard service. */
const NO_CHIP = "127.0.0.1:9";

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "hawser-p11-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("hawser pkcs11 serve prints what to paste, waits for an absent chip, and ends at Ctrl-C", TIMEOUT, async (t) => {
  const cwd = temporary(t);
  const server = hawser(words`pkcs11 serve --socket run/${"the token"} --chip ${NO_CHIP} --label Gerät`, { cwd });
  t.after(() => server.stop("SIGKILL"));
  await server.line(/^listening on \/.*\/run\/the token: token "Gerät"$/);
  const key = await server.line(/^the key's URI/);
  assert.equal(key, "the key's URI: pkcs11:token=Ger%C3%A4t;object=key-0;type=private");
  assert.match(
    await server.line(/P11_KIT_SERVER_ADDRESS/),
    /^ {2}export P11_KIT_SERVER_ADDRESS=unix:path=\/.*\/run\/the%20token$/,
  );
  assert.match(await server.line(/pkcs11-tool/), /^ {2}pkcs11-tool --module \S+p11-kit-client\.so --list-objects$/);
  assert.match(await server.line(/remote:/), /^ {2}remote: unix:path=\/.*\/run\/the%20token$/);
  assert.match(server.complaints.join("\n"), /warning: the chip cannot be reached: .*the slot is empty until then/);
  assert.deepEqual(await server.stop(), { status: 0, signal: null });
  assert.equal(server.lines.at(-1), "stopped");
  assert.ok(!existsSync(join(cwd, "run/the token")));
});

test(
  "hawser pkcs11 serve refuses a directory that others can enter, an empty PIN, names that cannot be kept and a long label",
  TIMEOUT,
  async (t) => {
    const cwd = temporary(t);
    mkdirSync(join(cwd, "open"), { mode: 0o755 });
    writeFileSync(join(cwd, "pin"), "\n");
    const refused = async (argv: readonly string[]) => {
      const program = hawser(argv, { cwd });
      const { status } = await program.ended;
      return { status, text: program.transcript() };
    };
    const open = await refused(words`pkcs11 serve --socket open/socket --chip ${NO_CHIP} --json`);
    assert.equal(open.status, 1);
    assert.equal((JSON.parse(open.text) as { error: { code: string } }).error.code, "open-directory");
    const pin = await refused(words`pkcs11 serve --socket run/socket --chip ${NO_CHIP} --pin-file pin`);
    assert.equal(pin.status, 2);
    assert.match(pin.text, /a PIN has 1 to 255 bytes/);
    const names = await refused(words`pkcs11 serve --socket run/socket --chip ${NO_CHIP} --names missing/names`);
    assert.equal(names.status, 1);
    assert.match(names.text, /ENOENT.*missing/);
    const label = await refused(words`pkcs11 serve --socket run/socket --chip ${NO_CHIP} --label ${"x".repeat(33)}`);
    assert.equal(label.status, 2);
    assert.match(label.text, /a label has 1 to 32 bytes/);
  },
);
