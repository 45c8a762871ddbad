import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { nodeVerifier } from "../crypto/node.ts";
import { certificateFromPem, signedBy } from "../pki/index.ts";
import { copyToDevice } from "./ca-copy.ts";
import { issueJwtCertificate, JWT_CA_FILES, makeJwtCa } from "./ca-jwt.ts";
import type { Output } from "./output.ts";

const MAIN = join(import.meta.dirname, "main.ts");
const PROGRAM = join(import.meta.dirname, "jwt-program.ts");

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), "hawser-jwt-ca-"));
  t.after(() => rmSync(made, { recursive: true }));
  return made;
}

function recorder(): Output & { readonly said: string[] } {
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  return { json: false, said, line: (_, text) => say(text), note: say, warn: (text) => say(`warning: ${text}`) };
}

async function newJwtCa(t: TestContext) {
  const dir = folder(t);
  const passphraseFile = join(dir, "passphrase");
  writeFileSync(passphraseFile, "correct horse\nnot this line\n");
  const output = recorder();
  await makeJwtCa({ dir, subject: "CN=JWT_CA", days: 100, passphraseFile }, output);
  return { dir, passphraseFile, output, options: { dir, passphraseFile, days: 30 } };
}

function openssl(dir: string, line: string, input?: string): string {
  return execFileSync("openssl", line.split(" "), { cwd: dir, encoding: "utf8", input, stdio: "pipe" });
}

test("MQ-24 MQ-28 MQ-29 MQ-30 MQ-32 MQ-33 T-41 makeJwtCa writes cert_CA.pem and a key that is never in clear: PBES2, AES-256", async (t) => {
  const { dir, output } = await newJwtCa(t);
  const key = join(dir, "cert_privkey_server_ECDSA_secp256r1_secp256r1.pem");
  assert.match(readFileSync(key, "utf8"), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  assert.equal(statSync(key).mode & 0o777, 0o600);
  const asn1 = openssl(dir, `asn1parse -in ${key}`);
  for (const object of ["PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc"])
    assert.match(asn1, new RegExp(`:${object}\\b`));
  assert.throws(() => openssl(dir, `pkey -in ${key} -passin pass:wrong -noout`));
  openssl(dir, `pkey -in ${key} -passin file:passphrase -noout`);
  const text = openssl(dir, "x509 -in cert_CA.pem -noout -text");
  for (const fact of [/Version: 3 /, /prime256v1/, /CA:TRUE/, /Subject: CN = JWT_CA/, /Issuer: CN = JWT_CA/])
    assert.match(text, fact);
  assert.match(output.said.join("\n"), /hawser cloud registry create NAME --ca .*cert_CA\.pem/);
});

test("makeJwtCa keeps a JWT_CA that is there, under either name of its key", async (t) => {
  const { dir, options } = await newJwtCa(t);
  const before = readFileSync(join(dir, JWT_CA_FILES.certificate), "utf8");
  const again = () => makeJwtCa({ ...options, subject: "CN=other" }, recorder());
  await assert.rejects(again(), { code: "bad-option", message: /a registry keeps its JWT_CA/ });
  rmSync(join(dir, JWT_CA_FILES.certificate));
  renameSync(join(dir, JWT_CA_FILES.key), join(dir, "cert privkey_server_ECDSA_secp256r1_secp256r1.pem"));
  await assert.rejects(again(), { code: "bad-option" });
  assert.ok(before.includes("BEGIN CERTIFICATE"));
});

test("makeJwtCa writes nothing without a passphrase", async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, "empty"), "\n");
  const options = { dir: join(dir, "ca"), subject: "CN=x", days: 1, passphraseFile: join(dir, "empty") };
  await assert.rejects(makeJwtCa(options, recorder()), { code: "no-passphrase" });
  assert.ok(!existsSync(options.dir));
});

test("MQ-38 T-39 issueJwtCertificate issues csr_cert.pem, which is a certificate; the key may have the blank in its name", async (t) => {
  const { dir, options } = await newJwtCa(t);
  openssl(dir, "ecparam -genkey -name prime256v1 -noout -out device.key");
  openssl(dir, "req -new -key device.key -subj /CN=EXAMPLE_DEVICE -out device.csr");
  openssl(dir, "pkey -in device.key -pubout -out device.pub");
  renameSync(join(dir, JWT_CA_FILES.key), join(dir, "cert privkey_server_ECDSA_secp256r1_secp256r1.pem"));
  const output = recorder();
  await issueJwtCertificate({ ...options, csr: join(dir, "device.csr") }, output);
  assert.match(output.said.join(), /CN=JWT_CA issued the certificate of CN=EXAMPLE_DEVICE: .*csr_cert\.pem/);
  const read = (name: string) => certificateFromPem(readFileSync(join(dir, name), "utf8"));
  assert.ok(await signedBy(read("csr_cert.pem"), read("cert_CA.pem"), nodeVerifier));
  const literal = join(dir, "cert privkey_server_ECDSA_secp256r1_secp256r1.pem");
  renameSync(literal, join(dir, JWT_CA_FILES.key));
  const bare = { publicKey: join(dir, "device.pub"), subject: "CN=bare", out: join(dir, "bare.pem"), caKey: literal };
  await issueJwtCertificate({ ...options, ...bare }, recorder());
  assert.equal(read("bare.pem").subject.text, "CN=bare");
  assert.deepEqual(read("bare.pem").publicKey.der, read("csr_cert.pem").publicKey.der);
});

test("issueJwtCertificate refuses a certificate as request, a key in clear, a wrong passphrase, and half a wish", async (t) => {
  const { dir, options } = await newJwtCa(t);
  openssl(dir, "ecparam -genkey -name prime256v1 -noout -out device.key");
  openssl(dir, "req -new -key device.key -subj /CN=d -out device.csr");
  const csr = join(dir, "device.csr");
  const refused = (more: object, shape: object) =>
    assert.rejects(issueJwtCertificate({ ...options, ...more }, recorder()), shape);
  await refused({ csr: join(dir, "cert_CA.pem") }, { code: "bad-option", message: /whatever its name says/ });
  await refused({}, { code: "bad-option" });
  await refused({ csr, publicKey: csr }, { code: "bad-option" });
  await refused({ publicKey: csr }, { code: "bad-option", message: /--subject/ });
  await refused({ publicKey: csr, subject: "CN=a" }, { code: "bad-option", message: /no PUBLIC KEY/ });
  await refused({ csr, caKey: join(dir, "device.key") }, { code: "bad-option", message: /not encrypted/ });
  writeFileSync(options.passphraseFile, "wrong\n");
  await refused({ csr }, { code: "bad-key" });
});

test("T-41 make_ca_cert asks for the passphrase at a terminal, twice, and shows none of it; without a terminal it says so", async (t) => {
  const dir = folder(t);
  const link = join(dir, "make_ca_cert");
  execFileSync("ln", ["-s", PROGRAM, link]);
  const alone = await ended(spawn(process.execPath, [link], { cwd: dir, stdio: ["ignore", "pipe", "pipe"] }));
  assert.equal(alone.status, 1);
  assert.match(alone.printed, /no terminal to ask at, and no --passphrase-file/);
  if (!existsSync("/usr/bin/script")) return t.diagnostic("no program to make a terminal with");
  for (const [second, expected] of [
    ["another", 1],
    ["open sesame", 0],
  ] as const) {
    const command = `'${process.execPath}' '${link}'`;
    const typed = spawn("/usr/bin/script", ["-qec", command, "/dev/null"], { cwd: dir, stdio: "pipe" });
    const { status, printed } = await answering(typed, [
      [/passphrase of the new key: $/, "open sesame"],
      [/the same again: $/, second],
    ]);
    assert.equal(status, expected, printed);
    assert.doesNotMatch(printed, /sesame|another/);
  }
  openssl(dir, `pkey -in ${JWT_CA_FILES.key} -passin stdin -noout`, "open sesame\n");
});

type Child = ReturnType<typeof spawn>;

function ended(child: Child): Promise<{ status: number | null; printed: string }> {
  return answering(child, []);
}

/** Types each answer, once its question stands there. */
function answering(child: Child, answers: readonly (readonly [RegExp, string])[]) {
  const left = [...answers];
  let printed = "";
  const take = (text: string) => {
    printed += text;
    const [next] = left;
    if (!next?.[0].test(printed)) return;
    left.shift();
    child.stdin?.write(`${next[1]}\r`);
  };
  child.stdout?.setEncoding("utf8").on("data", take);
  child.stderr?.setEncoding("utf8").on("data", take);
  return new Promise<{ status: number | null; printed: string }>((resolve) => {
    child.once("close", (status) => resolve({ status, printed }));
  });
}

test("init_tls_iot is refused by its name while there is no MAXQ1065", async (t) => {
  const dir = folder(t);
  const link = join(dir, "init_tls_iot");
  execFileSync("ln", ["-s", PROGRAM, link]);
  const { status, printed } = await ended(spawn(process.execPath, [link, "--json"], { cwd: dir }));
  assert.equal(status, 1);
  const { error } = JSON.parse(printed) as { error: Record<"code" | "message" | "cure", string> };
  assert.equal(error.code, "chip-absent");
  assert.match(error.message, /init_tls_iot is for a MAXQ1065, which is absent/);
  assert.match(error.cure, /hawser ca issue-jwt/);
});

test("T-27 AW-79 copyToDevice brings a CA's certificate to devices, and its key in the demo profile only, with a banner", async (t) => {
  const dir = folder(t);
  openssl(dir, "ecparam -genkey -name prime256v1 -noout -out CACertificate_ECC.key");
  openssl(dir, "req -x509 -new -key CACertificate_ECC.key -subj /CN=Demo -days 30 -out CACertificate_ECC.crt");
  const files = { certificate: join(dir, "CACertificate_ECC.crt"), key: join(dir, "CACertificate_ECC.key") };
  const boards = ["board1", "board2"].map((name) => join(dir, name));
  const { key: _, ...alone } = files;
  await copyToDevice({ ...alone, to: boards, profile: "production" }, recorder());
  for (const board of boards) assert.ok(existsSync(join(board, "CACertificate_ECC.crt")));

  const production = copyToDevice({ ...files, to: boards, profile: "production" }, recorder());
  await assert.rejects(production, { name: "Denied", code: "ca-key-stays" });
  assert.ok(!existsSync(join(dir, "board1", "CACertificate_ECC.key")));
  const inside = join(dir, "both.pem");
  writeFileSync(inside, readFileSync(files.certificate, "utf8") + readFileSync(files.key, "utf8"));
  const hidden = copyToDevice({ certificate: inside, to: boards, profile: "demo" }, recorder());
  await assert.rejects(hidden, { code: "ca-key-stays", message: /beside its certificate/ });

  const demo = recorder();
  await copyToDevice({ ...files, to: boards, profile: "demo" }, demo);
  assert.equal(statSync(join(dir, "board2", "CACertificate_ECC.key")).mode & 0o777, 0o600);
  assert.match(demo.said[0] ?? "", /^warning: DEMONSTRATION ONLY: the CA's private key leaves/);
});

test("copyToDevice reaches other machines by scp, and says where that failed", async (t) => {
  if (!existsSync("/usr/lib/openssh/sftp-server")) {
    assert.notEqual(process.env["CI"], "true", "openssh-server is not installed; npm run peers installs it");
    return t.skip("sftp-server is not installed");
  }
  const dir = folder(t);
  openssl(dir, "ecparam -genkey -name prime256v1 -noout -out ca.key");
  openssl(dir, "req -x509 -new -key ca.key -subj /CN=Demo -days 30 -out ca.crt");
  // The real scp, over a pipe to the real server in the place of a network.
  const put = (name: string, body: string) => {
    writeFileSync(join(dir, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(dir, name), 0o755);
  };
  put("pipe", `case "$*" in *nowhere*) exit 255;; esac\nexec /usr/lib/openssh/sftp-server`);
  put("scp", `exec /usr/bin/scp -S "${dir}/pipe" "$@"`);
  execFileSync("mkdir", [join(dir, "far")]);
  const typed = (to: string) =>
    ended(
      spawn(process.execPath, [MAIN, "ca", "copy-to-device", "--certificate", "ca.crt", "--json", "--to", to], {
        cwd: dir,
        env: { ...process.env, PATH: `${dir}:${process.env["PATH"]}` },
      }),
    );
  const there = await typed(`root@board:${dir}/far`);
  assert.equal(there.status, 0, there.printed);
  assert.ok(existsSync(join(dir, "far", "ca.crt")));
  const nowhere = await typed("nowhere:/tmp");
  assert.equal(nowhere.status, 1);
  assert.match(nowhere.printed, /scp to nowhere:\/tmp failed/);
  const { error } = JSON.parse(/^\{.*$/m.exec(nowhere.printed)?.[0] ?? "{}") as { error?: { code: string } };
  assert.equal(error?.code, "copy-failed");
});
