import type { ClientConfig } from "./client-config.ts";
import { TlsError } from "./errors.ts";
import { FRAGMENT_LENGTH_CODES, MAX_PLAINTEXT, MIN_RECORD_SIZE_LIMIT } from "./records.ts";
import type { TlsVersion } from "./suites.ts";
import type { Wire } from "./wire.ts";

type Limits = { readonly max_fragment_length?: number; readonly record_size_limit?: number };

/** Puts what both sides said about record sizes into effect. RFC 8449, section 4; RFC 6066, section 4 */
export function applyRecordLimits(config: ClientConfig, wire: Wire, version: TlsVersion, server: Limits): void {
  const { max_fragment_length: code, record_size_limit: limit } = server;
  if (code !== undefined && limit !== undefined) {
    throw new TlsError("bad-record-limit", "both max_fragment_length and record_size_limit");
  }
  if (code !== undefined) {
    const ours = config.maxFragmentLength;
    if (ours === undefined || FRAGMENT_LENGTH_CODES[ours] !== code) {
      throw new TlsError("bad-record-limit", `max_fragment_length ${code} was not offered`);
    }
    wire.limitRecords({ sent: ours, received: ours });
  }
  if (limit === undefined) return;
  if (limit < MIN_RECORD_SIZE_LIMIT) throw new TlsError("bad-record-limit", `record_size_limit ${limit}`);
  // In TLS 1.3 the limit counts the byte of the content type too.
  const type = version === "TLSv1.3" ? 1 : 0;
  const received = config.recordSizeLimit ?? MAX_PLAINTEXT + type;
  wire.limitRecords({
    sent: Math.min(limit - type, MAX_PLAINTEXT),
    received: Math.min(received - type, MAX_PLAINTEXT),
  });
}
