import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";

import { A71chChip } from "../chip/a71ch/index.ts";
import { nodeChipCrypto, serveChip } from "../chip/node.ts";
import { nodeClock, nodeEntropy, nodeSigner, nodeVerifier } from "../crypto/node.ts";
import {
  certificateFromPem,
  certificatesFromPem,
  checkServerIdentity,
  createCsr,
  crlFromPem,
  csrToPem,
  nameFromText,
  NO_EXPIRY,
  parseCrl,
  revocationOf,
  validatePath,
} from "../pki/index.ts";
import { silentTrace } from "../trace/index.ts";

const CLI = import.meta.dirname;
/** What main.ts does with these two files of commands, once for each message: types the words and reports a failure. */
const PROGRAM = `
  import { Command } from "commander";
  import { registerCaCommands } from ${JSON.stringify(join(CLI, "ca.ts"))};
  import { registerChainCommands } from ${JSON.stringify(join(CLI, "chain.ts"))};
  import { reportFailure } from ${JSON.stringify(join(CLI, "output.ts"))};
  process.on("message", async (argv) => {
    const program = new Command("hawser").option("--json").exitOverride();
    registerCaCommands(program);
    registerChainCommands(program);
    let [out, err, status] = ["", "", 0];
    process.stdout.write = (text) => { out += text; return true; };
    process.stderr.write = (text) => { err += text; return true; };
    try {
      await program.parseAsync(argv, { from: "user" });
    } catch (error) {
      status = await reportFailure(error, argv.includes("--json"));
    }
    process.send({ status, out, err });
  });
`;
const terminal = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM], {
  cwd: CLI,
  stdio: ["ignore", "inherit", "inherit", "ipc"],
});
after(() => terminal.disconnect());

type Result = { readonly status: number; readonly out: string; readonly err: string };

async function hawser(...argv: readonly string[]): Promise<Result> {
  terminal.send(argv);
  const [result] = (await once(terminal, "message")) as [Result];
  return result;
}

function desk(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "hawser-cli-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const at = (name: string) => join(directory, name);
  const read = (name: string) => readFileSync(at(name), "utf8");
  /** Runs a command that must succeed and gives its JSON lines. */
  const json = async (...argv: readonly string[]): Promise<Record<string, unknown>[]> => {
    const { status, out, err } = await hawser(...argv, "--json");
    assert.equal(status, 0, `${argv.join(" ")}\n${err}`);
    return out
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  return { json, at, read, ca: ["--dir", at("ca")] as const };
}

const newCsr = async (subject: string, names = {}) =>
  csrToPem(await createCsr({ subject: nameFromText(subject), signer: newSigner(), names }));
const newSigner = () => nodeSigner(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);

test("hawser ca init makes root and intermediate, and a second run keeps them and says so", async (t) => {
  const { json, ca } = desk(t);
  const first = await json("ca", "init", ...ca);
  assert.deepEqual(
    first.map(({ event, label, parent }) => [event, label, parent]),
    [
      ["created", "hawser-root", null],
      ["created", "hawser-intermediate", "hawser-root"],
    ],
  );
  const files = first.map(({ certificateFile }) => String(certificateFile));
  const [root, intermediate] = files.map((file) => certificateFromPem(readFileSync(file, "utf8")));
  assert.equal(root?.extensions.basicConstraints?.pathLength, undefined);
  assert.equal(intermediate?.extensions.basicConstraints?.pathLength, 0);
  const { file: key } = (first[0] ?? assert.fail()).key as { file: string };
  assert.equal(statSync(key).mode & 0o777, 0o600);
  const before = readFileSync(key, "utf8");
  const again = await hawser("ca", "init", ...ca);
  assert.equal(again.status, 0);
  assert.match(again.out, /kept root hawser-root[^]*kept intermediate hawser-intermediate[^]*nothing was changed/);
  assert.equal(readFileSync(key, "utf8"), before);
});

test("AW-07 AW-08 hawser ca init adds intermediates to a root, and roots to a directory", async (t) => {
  const { json, ca } = desk(t);
  await json("ca", "init", ...ca, "--intermediate-name", "Line 1", "--intermediate-name", "Line 2", "--curve", "P-384");
  const more = await json("ca", "init", ...ca, "--root-name", "Partner", "--intermediate-name", "Line 3");
  assert.deepEqual(
    more.map(({ event, label }) => `${String(event)} ${String(label)}`),
    ["created partner", "created line-3"],
  );
  const list = await json("ca", "list", ...ca);
  assert.deepEqual(
    list.filter(({ kind }) => kind === "ca").map(({ label, parent }) => `${String(label)} < ${String(parent)}`),
    ["hawser-root < null", "line-1 < hawser-root", "line-2 < hawser-root", "line-3 < partner", "partner < null"],
  );
  const moved = await hawser("ca", "init", ...ca, "--root-name", "Partner", "--intermediate-name", "Line 1");
  assert.equal(moved.status, 2);
  assert.match(moved.err, /line-1 exists and stands under hawser-root/);
  assert.match((await hawser("ca", "init", ...ca, "--root-name", "A", "--intermediate-name", "a")).err, /same label/);
  assert.match((await hawser("ca", "init", ...ca, "--root-name", "日本")).err, /no label can be made/);
  const choice = await hawser("ca", "issue", ...ca, "--new-key", "k", "--subject", "CN=x");
  assert.match(choice.err, /--ca must name one of line-1, line-2, line-3/);
});

test("OE-08 OE-46 hawser ca issue certifies a request, and the chain file validates", async (t) => {
  const { json, at, read, ca } = desk(t);
  await json("ca", "init", ...ca);
  writeFileSync(at("d.csr"), await newCsr("CN=device-1,O=Example"));
  const [issued] = await json("ca", "issue", ...ca, "--csr", at("d.csr"), "--out", at("d.pem"), "--chain");
  const [leaf, issuer] = certificatesFromPem(read("d.pem"));
  assert.ok(leaf && issuer);
  assert.equal(issued?.certificateId, leaf.id);
  assert.equal(issued.serial, leaf.serialNumber);
  const root = certificateFromPem(read("ca/issuers/hawser-root/certificate.pem"));
  const options = { anchors: [root], time: nodeClock.now(), purpose: "clientAuth" as const, verifier: nodeVerifier };
  await validatePath({ ...options, chain: [leaf.der, issuer.der] });
  const listed = (await json("ca", "list", ...ca)).filter(({ kind }) => kind === "certificate");
  assert.ok(
    listed.some(({ subject, ca: label }) => subject === "CN=device-1,O=Example" && label === "hawser-intermediate"),
  );
});

test("hawser ca issue makes server, verification and ever-lasting device certificates", async (t) => {
  const { json, at, read, ca } = desk(t);
  await json("ca", "init", ...ca);
  const names = ["--dns", "cloud.local", "--dns", "*.iot.local", "--ip", "127.0.0.1"];
  await json(
    "ca",
    "issue",
    ...ca,
    "--profile",
    "server",
    "--new-key",
    at("s.key"),
    "--subject",
    "CN=s",
    ...names,
    "--out",
    at("s.pem"),
  );
  const server = certificateFromPem(read("s.pem"));
  assert.equal(checkServerIdentity(server, "a.iot.local"), "*.iot.local");
  assert.equal(statSync(at("s.key")).mode & 0o777, 0o600);
  const kept = await hawser("ca", "issue", ...ca, "--new-key", at("s.key"), "--subject", "CN=t");
  assert.match(kept.err, /EEXIST/);
  const code = "5f".repeat(32);
  const { out } = await hawser("ca", "issue", ...ca, "--profile", "verification", "--subject", `CN=${code}`);
  assert.equal(certificateFromPem(out).subject.text, `CN=${code}`);
  const publicKey = Buffer.from(newSigner().publicKey).toString("base64");
  writeFileSync(at("p.pem"), `-----BEGIN PUBLIC KEY-----\n${publicKey}\n-----END PUBLIC KEY-----\n`);
  const device = ["--public-key", at("p.pem"), "--subject", "/O=Example/CN=d", "--never-expires"];
  const [line] = await json("ca", "issue", ...ca, ...device);
  assert.equal(certificateFromPem(String(line?.pem)).validity.notAfter, NO_EXPIRY);
});

test("hawser ca issue refuses what must not be signed, says why, and leaves no key behind", async (t) => {
  const { json, at, ca } = desk(t);
  await json("ca", "init", ...ca);
  const key = ["--new-key", at("x.key")];
  const lint = await hawser("ca", "issue", ...ca, ...key, "--subject", "O=Example");
  assert.equal(lint.status, 1);
  assert.match(lint.err, /refused to sign O=Example: subject: neither CN nor serialNumber/);
  assert.equal(existsSync(at("x.key")), false);
  const late = await hawser("ca", "issue", ...ca, ...key, "--subject", "CN=x", "--days", "36500");
  assert.match(late.err, /it ends after its issuer's/);
  writeFileSync(at("d.csr"), await newCsr("CN=d", { dns: ["d.local"] }));
  const named = await hawser("ca", "issue", ...ca, "--csr", at("d.csr"));
  assert.match(named.err, /warning: the names that the request asks for are left out/);
  const csr = (await newCsr("CN=d")).replace(/^(.{64})\n/m, (line) => `${line.slice(0, 63)}\n`);
  writeFileSync(at("bad.csr"), csr);
  assert.equal((await hawser("ca", "issue", ...ca, "--csr", at("bad.csr"))).status, 1);
  const wrong = [
    [],
    ["--csr", at("d.csr"), ...key],
    ["--public-key", at("d.csr"), "--subject", "CN=x"],
    [...key],
    [...key, "--subject", "CN=x", "--days", "3", "--never-expires"],
    ["--profile", "rootCa", ...key],
  ];
  for (const words of wrong) assert.equal((await hawser("ca", "issue", ...ca, ...words)).status, 2, words.join(" "));
});

test("hawser ca revoke and crl publish what was revoked, under rising numbers", async (t) => {
  const { json, at, read, ca } = desk(t);
  await json("ca", "init", ...ca);
  const [bad, lost] = [
    ["CN=bad", "bad"],
    ["CN=lost", "lost"],
  ] as const;
  for (const [subject, name] of [bad, lost]) {
    await json("ca", "issue", ...ca, "--new-key", at(`${name}.key`), "--subject", subject, "--out", at(`${name}.pem`));
  }
  const [first, second] = [certificateFromPem(read("bad.pem")), certificateFromPem(read("lost.pem"))];
  await json("ca", "revoke", ...ca, "--certificate", at("bad.pem"), "--reason", "keyCompromise");
  const printed = second.serialNumber.toUpperCase().replace(/..(?=.)/g, "$&:");
  await json("ca", "revoke", ...ca, "--serial", printed);
  const again = await hawser("ca", "revoke", ...ca, "--certificate", at("bad.pem"));
  assert.match(again.err, /is revoked already/);
  assert.equal((await hawser("ca", "revoke", ...ca, "--serial", "00ff")).status, 1);
  assert.equal((await hawser("ca", "revoke", ...ca, "--serial", "xyz")).status, 2);
  assert.equal((await hawser("ca", "revoke", ...ca)).status, 2);
  const [one] = await json("ca", "crl", ...ca, "--out", at("x.crl"));
  assert.deepEqual([one?.number, one?.revoked], [1, 2]);
  const issuer = certificateFromPem(read("ca/issuers/hawser-intermediate/certificate.pem"));
  const list = await parseCrl(crlFromPem(read("x.crl")), issuer, nodeVerifier);
  assert.equal(revocationOf(list, first)?.reason, "keyCompromise");
  assert.equal(revocationOf(list, second)?.reason, "unspecified");
  const { out } = await hawser("ca", "crl", ...ca);
  assert.equal((await parseCrl(crlFromPem(out), issuer, nodeVerifier)).number, "02");
  assert.match((await hawser("ca", "list", ...ca)).out, /CN=bad {2}revoked \d{4}-\d\d-\d\d, keyCompromise/);
});

test("hawser ca init --passphrase-file encrypts the keys, and nothing is issued without the passphrase", async (t) => {
  const { json, at, read, ca } = desk(t);
  writeFileSync(at("pass"), "correct horse\nnot this line\n");
  const secret = ["--passphrase-file", at("pass")];
  const made = await hawser("ca", "init", ...ca, ...secret);
  assert.equal(made.err, "");
  for (const label of ["hawser-root", "hawser-intermediate"]) {
    assert.match(read(`ca/issuers/${label}/key.pem`), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  }
  const order = ["ca", "issue", ...ca, "--new-key", at("k"), "--subject", "CN=x"];
  const without = await hawser(...order);
  assert.equal(without.status, 1);
  assert.match(without.err, /is encrypted/);
  await json(...order, ...secret);
  assert.equal((await hawser("ca", "init", "--dir", at("other"))).err.includes("not encrypted"), true);
});

test("OE-44 hawser ca init --chip keeps the intermediate's or the root's key in the chip, which then signs", async (t) => {
  const { json, at, read, ca } = desk(t);
  const chip = new A71chChip({
    crypto: nodeChipCrypto,
    entropy: nodeEntropy,
    clock: nodeClock,
    variant: "B",
    trace: silentTrace,
  });
  const served = await serveChip({ chip, host: "127.0.0.1", port: 0, trace: silentTrace });
  t.after(() => served.close());
  const address = `127.0.0.1:${served.port}`;
  const [, intermediate] = await json("ca", "init", ...ca, "--chip", address, "--slot", "1");
  assert.deepEqual(intermediate?.key, { in: "chip", address, slot: 1 });
  assert.equal(existsSync(at("ca/issuers/hawser-intermediate/key.pem")), false);
  const order = [
    "ca",
    "issue",
    ...ca,
    "--new-key",
    at("k"),
    "--subject",
    "CN=x",
    "--out",
    at("x.pem"),
    "--trace",
    at("trace"),
  ];
  await json(...order);
  const [issuer, root] = ["hawser-intermediate", "hawser-root"].map((label) =>
    certificateFromPem(read(`ca/issuers/${label}/certificate.pem`)),
  );
  const chain = [certificateFromPem(read("x.pem")).der, issuer?.der ?? assert.fail()];
  const options = { chain, anchors: [root ?? assert.fail()], time: nodeClock.now(), verifier: nodeVerifier };
  await validatePath({ ...options, purpose: "clientAuth" });
  const events = read("trace")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { kind: string; performer?: string });
  assert.ok(events.some(({ kind, performer }) => kind === "pki.issued" && performer === "chip"));
  const busy = await hawser("ca", "init", "--dir", at("two"), "--chip", address, "--slot", "1", "--chip-for", "root");
  assert.match(busy.err, /key slot 1 holds a key pair/);
  await json("ca", "init", "--dir", at("three"), "--chip", address, "--slot", "2", "--chip-for", "root");
  assert.equal(existsSync(at("three/issuers/hawser-root/key.pem")), false);
  await json("ca", "init", "--dir", at("four"), "--chip", address, "--slot", "2", "--existing-key");
  const other = await hawser("ca", "crl", "--dir", at("four"), "--ca-chip", "127.0.0.1:1");
  assert.match(other.err, /ECONNREFUSED/);
  const several = ["--intermediate-name", "a", "--intermediate-name", "b"];
  assert.equal((await hawser("ca", "init", ...ca, "--chip", address, ...several)).status, 2);
  assert.equal((await hawser("ca", "init", ...ca, "--existing-key")).status, 2);
});

test("hawser ca list says where there is no CA, and makes nothing", async (t) => {
  const { at } = desk(t);
  const { status, err } = await hawser("ca", "list", "--dir", at("typo"));
  assert.equal(status, 1);
  assert.match(err, /there is no CA in .*typo[^]*cure: {2}Check the path/);
  assert.equal(existsSync(at("typo")), false);
});

test("AW-44 AW-45 AW-83 T-28 hawser chain join makes one file of two, whatever their newlines and byte-order mark", async (t) => {
  const { json, at, read, ca } = desk(t);
  await json("ca", "init", ...ca);
  await json("ca", "issue", ...ca, "--new-key", at("k"), "--subject", "CN=device", "--out", at("device.pem"));
  const issuer = "ca/issuers/hawser-intermediate/certificate.pem";
  writeFileSync(at("windows.pem"), `\uFEFF${read("device.pem").replaceAll("\n", "\r\n")}`);
  const plain = await hawser("chain", "join", at("device.pem"), at(issuer));
  assert.equal(plain.out, read("device.pem") + read(issuer));
  await json("chain", "join", at("windows.pem"), at(issuer), "-o", at("chain.pem"));
  assert.equal(read("chain.pem"), plain.out);
  const root = at("ca/issuers/hawser-root/certificate.pem");
  const [joined] = await json("chain", "join", at("chain.pem"), root);
  assert.deepEqual(
    joined?.certificates,
    [...read("chain.pem").split(/(?=-----BEGIN)/), readFileSync(root, "utf8")].map((pem) => certificateFromPem(pem).id),
  );
  const shown = await json("chain", "show", at("chain.pem"));
  assert.deepEqual(
    shown.map(({ issuedByNext, isCa }) => [issuedByNext, isCa]),
    [
      [true, false],
      [null, true],
    ],
  );
  assert.match((await hawser("chain", "show", at("chain.pem"))).out, /0: CN=device\n[^]*issued by the next one: yes/);
});

test("hawser chain join refuses a private key, a wrong order and certificates that do not belong together", async (t) => {
  const { json, at, ca } = desk(t);
  await json("ca", "init", ...ca);
  await json("ca", "issue", ...ca, "--new-key", at("k"), "--subject", "CN=device", "--out", at("device.pem"));
  const [issuer, root] = ["hawser-intermediate", "hawser-root"].map((label) =>
    at(`ca/issuers/${label}/certificate.pem`),
  );
  const join = (...files: readonly (string | undefined)[]) =>
    hawser("chain", "join", ...files.map((file) => file ?? ""));
  const key = await join(at("device.pem"), at("k"));
  assert.equal(key.status, 2);
  assert.match(key.err, /holds a private key/);
  assert.match((await join(issuer, at("device.pem"))).err, /hawser chain join .*device\.pem .*certificate\.pem/);
  assert.match((await join(at("device.pem"), root)).err, /its issuer is CN=Hawser intermediate/);
  assert.match((await join(at("device.pem"), root, issuer)).err, /did and belongs behind it/);
  writeFileSync(at("empty.pem"), "nothing\n");
  assert.match((await join(at("empty.pem"))).err, /holds no certificate/);
  assert.match((await join(at("missing.pem"))).err, /ENOENT/);
});
