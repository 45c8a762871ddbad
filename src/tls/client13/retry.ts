import type { NamedGroup } from "../../crypto/index.ts";
import type { ClientConfig } from "../client-config.ts";
import type { SentHello } from "../client-hello.ts";
import { TlsError } from "../errors.ts";
import { decodeExtensions } from "../extensions.ts";
import { groupName } from "../groups.ts";
import type { ServerHello } from "../messages.ts";
import { VERSIONS } from "../state.ts";
import { isSuite13, type Suite13, type Suite13Name, suiteName, SUITES_13 } from "../suites.ts";

/** What a HelloRetryRequest asks for. RFC 8446, section 4.1.4 */
export type Retry = {
  readonly suite: Suite13;
  /** Absent where the share was good and only a cookie is wanted back. */
  readonly group: NamedGroup | undefined;
  readonly cookie: Uint8Array | undefined;
};

/** Checks a HelloRetryRequest against the hello that it answers. RFC 8446, section 4.1.4 */
export function checkRetry(config: ClientConfig, sent: SentHello, hello: ServerHello): Retry {
  const suite = SUITES_13[offeredSuite13(config, hello.cipherSuite)];
  const { offered } = sent;
  // A cookie is the one extension that may come although it was not offered.
  const allowed = new Set([...offered, 0x002c]);
  const { key_share, cookie } = decodeExtensions("hello_retry_request", hello.extensions, allowed);
  if (key_share === undefined) {
    if (!cookie) throw new TlsError("needless-retry", "neither a group nor a cookie");
    return { suite, group: undefined, cookie };
  }
  const group = groupName(key_share);
  if (group === undefined || !config.groups.includes(group)) {
    throw new TlsError("unoffered-group", `group 0x${key_share.toString(16).padStart(4, "0")}`);
  }
  if (group === sent.share?.group) throw new TlsError("needless-retry", `a share of ${group} was sent`);
  return { suite, group, cookie };
}

/** The offered TLS 1.3 suite with this code. RFC 8446, section 4.1.3 */
export function offeredSuite13(config: ClientConfig, code: number): Suite13Name {
  const name = suiteName(code);
  if (name === undefined || !isSuite13(name) || !config.suites.includes(name)) {
    throw new TlsError("unoffered-suite", `suite 0x${code.toString(16).padStart(4, "0")} in TLS 1.3`);
  }
  return name;
}

/** RFC 8446, section 4.2.1 */
export function checkSelectedVersion(selected: number | undefined): void {
  if (selected === VERSIONS["TLSv1.3"]) return;
  throw new TlsError("bad-selected-version", `supported_versions holds ${selected?.toString(16) ?? "nothing"}`);
}
