import { readFileSync } from "node:fs";

import { utf8Bytes } from "../../src/codec/index.ts";
import { nodeAead, nodeHash, nodeKeyAgreement, nodeSigner, privateKeyFromPem } from "../../src/crypto/node.ts";
import { certificatesFromPem, isDnsName, parseIpAddress } from "../../src/pki/index.ts";
import { clientConfig, type ClientConfig, type ClientIdentity, type Session } from "../../src/tls/index.ts";
import { groupName } from "../../src/tls/groups.ts";
import { nodeCbc } from "../../src/tls/node-ciphers.ts";
import { keyKindOf, schemeName, SIGNATURE_SCHEMES } from "../../src/tls/signature-schemes.ts";
import { SUITES } from "../../src/tls/suites.ts";
import type { ShimOptions } from "./flags.ts";

/** The versions' codes, as the runner's flags have them. */
export const VERSION_CODES = { "TLSv1.2": 0x0303, "TLSv1.3": 0x0304 } as const;

/** The engine's configuration for one connection of the shim, or what it would need that there is not. */
export function shimConfig(
  options: ShimOptions,
  session: Session | undefined,
): ClientConfig | { readonly unimplemented: string } {
  const { minVersion, hostName, alpn, psk, pskIdentity } = options;
  // BoringSSL knows pre-shared keys of TLS 1.2 only.
  const maxVersion = psk === undefined ? options.maxVersion : Math.min(options.maxVersion, VERSION_CODES["TLSv1.2"]);
  const versions = (["TLSv1.3", "TLSv1.2"] as const).filter((each) => {
    return VERSION_CODES[each] >= minVersion && VERSION_CODES[each] <= maxVersion;
  });
  const groups = options.groups.map(groupName);
  const schemes = options.signatureSchemes.map(schemeName);
  if (versions.length === 0) return { unimplemented: "version" };
  if (groups.includes(undefined)) return { unimplemented: "group" };
  if (schemes.includes(undefined)) return { unimplemented: "signature algorithm" };
  const identities = identitiesOf(options);
  if ("unimplemented" in identities) return identities;
  if (!isDnsName(hostName, { wildcard: false }) && !parseIpAddress(hostName)) return { unimplemented: "host name" };
  const ageMs = options.resumptionDelaySeconds * 1000;
  const isFresh = session && ageMs < session.lifetimeSeconds * 1000;
  return clientConfig({
    servername: hostName,
    hash: nodeHash,
    aead: nodeAead,
    cbc: nodeCbc,
    legacy: true,
    // The runner knows nothing of AES-CCM.
    suites: (Object.keys(SUITES) as (keyof typeof SUITES)[]).filter((name) => {
      return !name.includes("CCM") && (psk !== undefined || !name.includes("PSK"));
    }),
    versions,
    alpn,
    wantsSessions: true,
    exportsKeys: options.exportLength > 0,
    asksStatus: options.asksStatus,
    groups: groups.length > 0 ? groups.filter((each) => each !== undefined) : nodeKeyAgreement.groups.slice(),
    ...(schemes.length > 0 ? { schemes: schemes.filter((each) => each !== undefined) } : {}),
    ...(session && isFresh ? { session: { session, ageMs } } : {}),
    ...(psk === undefined ? {} : { psk: { identity: utf8Bytes(pskIdentity), key: utf8Bytes(psk), hash: "sha256" } }),
    identities,
  });
}

function identitiesOf(options: ShimOptions): ClientIdentity[] | { readonly unimplemented: string } {
  const { certificateFile, keyFile, signingSchemes } = options;
  if (certificateFile === undefined || keyFile === undefined) return [];
  const wanted = signingSchemes.map(schemeName);
  if (wanted.includes(undefined)) return { unimplemented: "signing algorithm" };
  const chain = certificatesFromPem(readFileSync(certificateFile, "utf8"));
  const key = privateKeyFromPem(readFileSync(keyFile, "utf8"));
  if (!keyKindOf(chain[0]?.publicKey.der ?? new Uint8Array(0))) return { unimplemented: "key" };
  const { publicKey, algorithms } = nodeSigner(key);
  const chosen = wanted.flatMap((name) => (name ? [SIGNATURE_SCHEMES[name].algorithm] : []));
  return [
    {
      publicKey,
      algorithms: chosen.length > 0 ? chosen : algorithms,
      chain: chain.map(({ der }) => der),
      issuers: chain.map(({ issuer }) => issuer.der),
    },
  ];
}
