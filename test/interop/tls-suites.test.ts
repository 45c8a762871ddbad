/** The less usual suites with servers that speak them: pre-shared keys, DHE, CCM, CBC. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { fromHex } from "../../src/codec/index.ts";
import type { SuiteName } from "../../src/tls/index.ts";
import { connect, type ConnectOptions } from "../../src/tls/node.ts";
import { newHierarchy } from "../tls/hierarchy.ts";
import { requirePeer } from "./peers.ts";
import { TLS_SERVERS } from "./tls-servers.ts";

const hierarchy = await newHierarchy();
const servers = { ecdsa: await hierarchy.server("ecdsa"), rsa: await hierarchy.server("rsa") };
const ca = [hierarchy.root.certificate.der];
const KEY = "000102030405060708090a0b0c0d0e0f";
const psk = { identity: "device-1", key: fromHex(KEY) };
const PSK_OPENSSL = ["-psk", KEY, "-psk_identity", "device-1", "-psk_hint", "factory"];

type Case = {
  readonly suite: SuiteName;
  readonly openssl?: readonly string[];
  readonly gnutls?: string;
  readonly key?: "rsa";
  readonly more?: Partial<ConnectOptions>;
};

const CASES: readonly Case[] = [
  {
    suite: "TLS_PSK_WITH_AES_128_GCM_SHA256",
    openssl: ["-cipher", "PSK-AES128-GCM-SHA256"],
    gnutls: "+PSK:+AES-128-GCM",
  },
  {
    suite: "TLS_PSK_WITH_AES_256_GCM_SHA384",
    openssl: ["-cipher", "PSK-AES256-GCM-SHA384"],
    gnutls: "+PSK:+AES-256-GCM",
  },
  {
    suite: "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256",
    openssl: ["-cipher", "PSK-CHACHA20-POLY1305"],
    gnutls: "+PSK:+CHACHA20-POLY1305",
  },
  {
    suite: "TLS_PSK_WITH_AES_128_CBC_SHA256",
    openssl: ["-cipher", "PSK-AES128-CBC-SHA256"],
    gnutls: "+PSK:+AES-128-CBC:+SHA256",
  },
  {
    suite: "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256",
    openssl: ["-cipher", "ECDHE-PSK-AES128-CBC-SHA256"],
    gnutls: "+ECDHE-PSK:+AES-128-CBC:+SHA256",
  },
  {
    suite: "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
    openssl: ["-cipher", "ECDHE-PSK-CHACHA20-POLY1305"],
    gnutls: "+ECDHE-PSK:+CHACHA20-POLY1305",
  },
  {
    suite: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    key: "rsa",
    openssl: ["-cipher", "DHE-RSA-AES128-GCM-SHA256"],
    gnutls: "+DHE-RSA:+AES-128-GCM",
  },
  {
    suite: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    key: "rsa",
    openssl: ["-cipher", "DHE-RSA-AES256-GCM-SHA384"],
    gnutls: "+DHE-RSA:+AES-256-GCM",
  },
  {
    suite: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    openssl: ["-cipher", "ECDHE-ECDSA-AES128-CCM"],
    gnutls: "+ECDHE-ECDSA:+AES-128-CCM",
  },
  {
    suite: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    openssl: ["-cipher", "ECDHE-ECDSA-AES128-CCM8@SECLEVEL=0"],
    gnutls: "+ECDHE-ECDSA:+AES-128-CCM-8",
  },
  {
    suite: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
    openssl: ["-cipher", "ECDHE-ECDSA-AES256-CCM8@SECLEVEL=0"],
    gnutls: "+ECDHE-ECDSA:+AES-256-CCM-8",
  },
  {
    suite: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    more: { legacy: true },
    openssl: ["-cipher", "ECDHE-ECDSA-AES128-SHA256"],
    gnutls: "+ECDHE-ECDSA:+AES-128-CBC:+SHA256",
  },
  {
    suite: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    key: "rsa",
    more: { legacy: true },
    openssl: ["-cipher", "ECDHE-RSA-AES128-SHA256"],
    gnutls: "+ECDHE-RSA:+AES-128-CBC:+SHA256",
  },
  { suite: "TLS_AES_128_CCM_SHA256", openssl: ["-ciphersuites", "TLS_AES_128_CCM_SHA256"], gnutls: "+AES-128-CCM" },
  {
    suite: "TLS_AES_128_CCM_8_SHA256",
    openssl: ["-ciphersuites", "TLS_AES_128_CCM_8_SHA256"],
    gnutls: "+AES-128-CCM-8",
  },
];

function pskFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "hawser-psk-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "psk.txt"), `device-1:${KEY}\n`);
  return join(folder, "psk.txt");
}

for (const { suite, openssl, gnutls, key = "ecdsa", more = {} } of CASES) {
  const usesPsk = suite.includes("PSK");
  const is13 = !suite.includes("_WITH_");
  for (const program of ["openssl", "gnutls-serv"] as const) {
    const ids = usesPsk ? "A5-04 OE-29 OE-30 AW-14" : "A5-20";
    test(`${ids} ${suite} with ${program}`, { timeout: 20_000 }, async (t) => {
      if (!requirePeer(t, program)) return;
      const version = is13 ? "1.3" : "1.2";
      const args =
        program === "openssl"
          ? [`-tls${version.replace(".", "_")}`, ...(openssl ?? []), ...(usesPsk ? PSK_OPENSSL : [])]
          : [
              ...(usesPsk ? ["--pskpasswd", pskFile(t)] : []),
              "--priority",
              `NONE:+VERS-TLS${version}:+GROUP-ALL:+SIGN-ALL:+COMP-NULL:+MAC-ALL${is13 ? ":+ECDHE-ECDSA" : ""}:${gnutls}`,
            ];
      const peer = await TLS_SERVERS[program](t, { hierarchy, server: servers[key], args });
      const trust = usesPsk ? { psk } : { ca };
      const stream = await connect({
        host: "127.0.0.1",
        port: peer.port,
        servername: "localhost",
        suites: [suite],
        ...trust,
        ...more,
      });
      assert.equal(stream.facts.suite, suite);
      assert.equal(stream.facts.peerChain.length > 0, !usesPsk);
      const line = `${"telemetry 21.5 ".repeat(40)}\n`;
      stream.write(line);
      let received = 0;
      for await (const data of stream) if ((received += (data as Buffer).length) >= line.length) break;
    });
  }
}
