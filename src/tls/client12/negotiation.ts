import { chosenProtocol } from "../alpn.ts";
import { offeredSuites } from "../client-config.ts";
import type { OfferedShare, SentHello } from "../client-hello.ts";
import { TlsError } from "../errors.ts";
import type { ExtensionsOf } from "../extensions.ts";
import type { Randoms } from "../key-schedule12.ts";
import { applyRecordLimits } from "../record-limits.ts";
import type { ServerHello } from "../messages.ts";
import type { Handshake } from "../state.ts";
import { isSuite13, type Suite12, type Suite12Name, suiteName, SUITES_12 } from "../suites.ts";

/** What a TLS 1.2 ServerHello settled, checked against what was offered. RFC 5246, section 7.4.1.3 */
export class Negotiation12 {
  readonly suiteName: Suite12Name;
  readonly randoms: Randoms;
  readonly extendedMasterSecret: boolean;
  /** Whether CBC records carry their MAC outside. RFC 7366, section 2 */
  readonly encryptThenMac: boolean;
  readonly alpn: string | undefined;
  /** The key share that was made for TLS 1.3: good for this handshake too, where the server chooses its group. */
  readonly share: OfferedShare | undefined;
  /** By which the server may know the session again. */
  readonly sessionId: Uint8Array;
  /** Whether the server is going to send a ticket. RFC 5077, section 3.2 */
  readonly sendsTicket: boolean;
  /** Whether the server may send an OCSP response about its certificate. RFC 6066, section 8 */
  readonly maySendStatus: boolean;

  constructor(
    { config, transcript, wire }: Handshake,
    sent: SentHello,
    hello: ServerHello,
    extensions: ExtensionsOf<"server_hello">,
  ) {
    const suite = suiteName(hello.cipherSuite);
    if (suite === undefined || isSuite13(suite) || !offeredSuites(config).includes(suite)) {
      throw new TlsError("unoffered-suite", `suite 0x${hello.cipherSuite.toString(16).padStart(4, "0")}`);
    }
    if (hello.compressionMethod !== 0) throw new TlsError("bad-compression", `method ${hello.compressionMethod}`);
    checkRenegotiationInfo(extensions.renegotiation_info);
    // RFC 8422, section 5.2: a list that is there must hold the uncompressed form.
    if (extensions.ec_point_formats?.includes(0) === false) {
      throw new TlsError("bad-point-formats", "uncompressed is not among the server's point formats");
    }
    this.suiteName = suite;
    this.randoms = { client: sent.random, server: hello.random };
    this.extendedMasterSecret = extensions.extended_master_secret === true;
    this.encryptThenMac = extensions.encrypt_then_mac === true;
    if (this.encryptThenMac && !suite.includes("_CBC_")) {
      // RFC 7366, section 3: not with a cipher that is authenticated by itself.
      throw new TlsError("misplaced-extension", `encrypt_then_mac with ${suite}`);
    }
    this.share = sent.share;
    this.sessionId = hello.legacySessionId;
    this.maySendStatus = extensions.status_request === true;
    this.sendsTicket = extensions.session_ticket === true;
    this.alpn = chosenProtocol(config, extensions.application_layer_protocol_negotiation);
    applyRecordLimits(config, wire, "TLSv1.2", extensions);
    transcript.useHash(this.suite.hash);
  }

  get suite(): Suite12 {
    return SUITES_12[this.suiteName];
  }
}

/** Without it a server could take an attacker's earlier words for ours. RFC 5746, sections 3.4 and 4.1 */
function checkRenegotiationInfo(info: Uint8Array | undefined): void {
  if (info === undefined) throw new TlsError("insecure-renegotiation", "no renegotiation_info in server_hello");
  if (info.length > 0)
    throw new TlsError("insecure-renegotiation", "renegotiation_info of a first handshake is not empty");
}
