import { equal, utf8Bytes } from "../../codec/index.ts";
import type { ClientConfig } from "../client-config.ts";
import { TlsError } from "../errors.ts";
import type { ExtensionsOf } from "../extensions.ts";
import { KeySchedule12, type Randoms } from "../key-schedule12.ts";
import type { ServerHello } from "../messages.ts";
import type { Handshake } from "../state.ts";
import { type Suite, suiteName, type SuiteName, SUITES } from "../suites.ts";

/** What a TLS 1.2 ServerHello settled, checked against what was offered. RFC 5246, section 7.4.1.3 */
export class Negotiation12 {
  readonly suiteName: SuiteName;
  readonly randoms: Randoms;
  readonly schedule: KeySchedule12;
  readonly extendedMasterSecret: boolean;
  readonly alpn: string | undefined;

  constructor(
    { config, transcript }: Handshake,
    clientRandom: Uint8Array,
    hello: ServerHello,
    extensions: ExtensionsOf<"server_hello">,
  ) {
    const suite = suiteName(hello.cipherSuite);
    if (suite === undefined || !config.suites.includes(suite)) {
      throw new TlsError("unoffered-suite", `suite 0x${hello.cipherSuite.toString(16).padStart(4, "0")}`);
    }
    if (hello.compressionMethod !== 0) throw new TlsError("bad-compression", `method ${hello.compressionMethod}`);
    checkRenegotiationInfo(extensions.renegotiation_info);
    // RFC 8422, section 5.2: a list that is there must hold the uncompressed form.
    if (extensions.ec_point_formats?.includes(0) === false) {
      throw new TlsError("bad-point-formats", "uncompressed is not among the server's point formats");
    }
    this.suiteName = suite;
    this.randoms = { client: clientRandom, server: hello.random };
    this.schedule = new KeySchedule12(config.hash, this.suite.hash);
    this.extendedMasterSecret = extensions.extended_master_secret === true;
    this.alpn = chosenProtocol(config, extensions.application_layer_protocol_negotiation);
    transcript.useHash(this.suite.hash);
  }

  get suite(): Suite {
    return SUITES[this.suiteName];
  }
}

/** Without it a server could take an attacker's earlier words for ours. RFC 5746, sections 3.4 and 4.1 */
function checkRenegotiationInfo(info: Uint8Array | undefined): void {
  if (info === undefined) throw new TlsError("insecure-renegotiation", "no renegotiation_info in server_hello");
  if (info.length > 0)
    throw new TlsError("insecure-renegotiation", "renegotiation_info of a first handshake is not empty");
}

function chosenProtocol(config: ClientConfig, chosen: readonly [Uint8Array] | undefined): string | undefined {
  if (chosen === undefined) return undefined;
  const name = config.alpn.find((offered) => equal(utf8Bytes(offered), chosen[0]));
  if (name === undefined) throw new TlsError("bad-alpn", "the server chose a protocol that was not offered");
  return name;
}
