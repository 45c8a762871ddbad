export {
  DEFAULT_SECURITY_POLICY,
  Domains,
  TLS_13_POLICY,
  type DomainBody,
  type DomainChange,
  type DomainConfiguration,
} from "./domains.ts";
export { DomainGate } from "./domain-gate.ts";
