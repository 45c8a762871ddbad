import type { Certificate } from "./certificate.ts";
import type { PathPlace } from "./path-rules.ts";

/** One rule for conforming CAs. */
export type ConformanceRule = {
  readonly field: string;
  readonly message: string;
  readonly rule: string;
  readonly breaks: (certificate: Certificate, role: PathPlace["role"]) => boolean;
};
