/** The matrix's servers: each speaks all that it can, asks for a client certificate and echoes only to a good one. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";

import { SUITES, type SuiteName, suiteOf } from "../../src/tls/suites.ts";
import { chainPem, type Hierarchy, type Holder, keyPem } from "../tls/hierarchy.ts";
import { startCompiled } from "./c-peers.ts";
import type { PeerName, Row } from "./matrix.ts";
import { freePort, type Lifetime, startProgram } from "./tls-servers.ts";

/** The key and name that both sides were given. */
export const PSK = { identity: "device-1", key: "000102030405060708090a0b0c0d0e0f" } as const;

/** Servers of one peer; most need one process, wolfSSL one for each certificate. */
export type MatrixPeer = { readonly port: (row: Row) => number; readonly output: () => string };

/** Starts a peer's servers, to be ended with the lifetime. */
export function startMatrixPeer(name: PeerName, t: Lifetime, hierarchy: Hierarchy): Promise<MatrixPeer> {
  return STARTERS[name](t, hierarchy);
}

type Starter = (t: Lifetime, hierarchy: Hierarchy) => Promise<MatrixPeer>;
type Files = { readonly cert: string; readonly key: string };

const STARTERS: Readonly<Record<PeerName, Starter>> = {
  openssl: startOpenssl,
  gnutls: startGnutls,
  node: startNode,
  mbedtls: startMbedtls,
  wolfssl: startWolfssl,
};

async function startOpenssl(t: Lifetime, hierarchy: Hierarchy): Promise<MatrixPeer> {
  const { ca, ecdsa, rsa } = await material(t, hierarchy);
  const args = [
    ["s_server", "-accept", "127.0.0.1:0", "-rev", "-verify", "3", "-verify_return_error", "-CAfile", ca],
    ["-cert", rsa.cert, "-key", rsa.key, "-cert_chain", rsa.cert],
    ["-dcert", ecdsa.cert, "-dkey", ecdsa.key, "-dcert_chain", ecdsa.cert],
    ["-psk", PSK.key, "-psk_identity", PSK.identity, "-psk_hint", "factory"],
    ["-cipher", "ALL:@SECLEVEL=0", "-ciphersuites", suites13().join(":")],
  ].flat();
  const peer = startProgram(t, "openssl", args);
  const [, port] = await peer.printed(/ACCEPT 127\.0\.0\.1:(\d+)/);
  return { port: () => Number(port), output: peer.output };
}

async function startGnutls(t: Lifetime, hierarchy: Hierarchy): Promise<MatrixPeer> {
  const { ca, ecdsa, rsa, psk } = await material(t, hierarchy);
  const port = await freePort();
  const kinds = "+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA:+PSK:+DHE-PSK:+ECDHE-PSK";
  const priority = `NONE:+VERS-TLS1.2:+VERS-TLS1.3:+CIPHER-ALL:+AES-128-CCM-8:+AES-256-CCM-8:+MAC-ALL:+SHA256:+GROUP-ALL:+SIGN-ALL:+COMP-NULL:${kinds}`;
  const args = [
    ["-p", String(port), "--echo", "--x509cafile", ca, "--verify-client-cert", "--priority", priority],
    ...[ecdsa, rsa].map(({ cert, key }) => ["--x509certfile", cert, "--x509keyfile", key]),
    ["--pskpasswd", psk],
  ].flat();
  const peer = startProgram(t, "gnutls-serv", args);
  await peer.printed(/listening on IPv4.*done/);
  return { port: () => port, output: peer.output };
}

async function startNode(t: Lifetime, hierarchy: Hierarchy): Promise<MatrixPeer> {
  const holders = [await hierarchy.server("ecdsa"), await hierarchy.server("rsa")];
  const server = createServer({
    key: holders.map(({ key }) => keyPem(key)),
    cert: holders.map(({ chain }) => chainPem(chain)),
    ca: chainPem([hierarchy.root.certificate.der]),
    requestCert: true,
    rejectUnauthorized: false,
    ciphers: [...suites13(), "ALL", "@SECLEVEL=0"].join(":"),
    ecdhCurve: "X25519:P-256:P-384:P-521:ffdhe2048:ffdhe3072:X25519MLKEM768",
    dhparam: "auto",
    pskCallback: (_socket, identity) => (identity === PSK.identity ? Buffer.from(PSK.key, "hex") : null),
  });
  let output = "";
  server.on("tlsClientError", (error) => (output += `${error.message}\n`));
  server.on("secureConnection", (socket: TLSSocket) => {
    socket.on("error", (error) => (output += `${error.message}\n`));
    const came = socket.getPeerX509Certificate() !== undefined;
    if (came && !socket.authorized) socket.destroy();
    else socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { port: () => port, output: () => output };
}

async function startMbedtls(t: Lifetime, hierarchy: Hierarchy): Promise<MatrixPeer> {
  const { ca, ecdsa, rsa, ecdh } = await material(t, hierarchy);
  const credentials = [ecdsa, rsa, ecdh];
  const peer = await startCompiled(t, "mbedtls-server", {
    ca,
    verify: "optional",
    cert: credentials.map(({ cert }) => cert),
    key: credentials.map(({ key }) => key),
    psk: PSK.key,
    identity: PSK.identity,
  });
  return { port: () => peer.port, output: peer.output };
}

async function startWolfssl(t: Lifetime, hierarchy: Hierarchy): Promise<MatrixPeer> {
  const { ca, ecdsa, rsa, ecdh } = await material(t, hierarchy);
  const psk = { psk: PSK.key, identity: PSK.identity, hint: "factory" };
  const asks = { ca, verify: "optional" };
  const peers = {
    ecdsa: await startCompiled(t, "wolfssl-server", { ...asks, ...ecdsa }),
    rsa: await startCompiled(t, "wolfssl-server", { ...asks, ...rsa }),
    ecdh: await startCompiled(t, "wolfssl-server", { ...asks, ...ecdh }),
    psk: await startCompiled(t, "wolfssl-server", psk),
  };
  const output = () =>
    Object.values(peers)
      .map((peer) => peer.output())
      .join("");
  return { port: ({ server }) => peers[server ?? "psk"].port, output };
}

function suites13(): SuiteName[] {
  return (Object.keys(SUITES) as SuiteName[]).filter((name) => suiteOf(name).version === "TLSv1.3");
}

type Material = { readonly [kind in "ecdsa" | "rsa" | "ecdh"]: Files } & { readonly ca: string; readonly psk: string };

/** Everything that a server needs, as files. */
async function material(t: Lifetime, hierarchy: Hierarchy): Promise<Material> {
  const folder = mkdtempSync(join(tmpdir(), "hawser-matrix-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const credential = (name: string, holder: Holder): Files => ({
    cert: write(`${name}.pem`, chainPem(holder.chain)),
    key: write(`${name}.key`, keyPem(holder.key)),
  });
  const ecdsa = await hierarchy.server("ecdsa");
  return {
    ca: write("ca.pem", chainPem([hierarchy.root.certificate.der])),
    psk: write("psk.txt", `${PSK.identity}:${PSK.key}\n`),
    ecdsa: credential("ecdsa", ecdsa),
    rsa: credential("rsa", await hierarchy.server("rsa")),
    ecdh: staticEcdh(folder, hierarchy, credential("ecdh", ecdsa)),
  };
}

/** A certificate whose key may only agree: a server that signed with it would break its key usage. RFC 8422, section 5.3 */
function staticEcdh(folder: string, hierarchy: Hierarchy, { key }: Files): Files {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const put = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
  put("issuer.pem", chainPem([hierarchy.intermediate.certificate.der]));
  put("issuer.key", keyPem(hierarchy.intermediateKey));
  put("usage", "keyUsage=critical,keyAgreement\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost\n");
  openssl("req", "-new", "-key", key, "-subj", "/CN=static", "-out", "request.pem");
  const by = ["-CA", "issuer.pem", "-CAkey", "issuer.key", "-set_serial", "0x51a71c", "-days", "30", "-sha256"];
  openssl("x509", "-req", "-in", "request.pem", ...by, "-extfile", "usage", "-out", "static.pem");
  const own = execFileSync("openssl", ["x509", "-in", "static.pem"], { cwd: folder }).toString();
  put("static-chain.pem", own + chainPem([hierarchy.intermediate.certificate.der]));
  return { cert: join(folder, "static-chain.pem"), key };
}
