export {
  CertificateAuthority,
  type Applicant,
  type AuthorityPorts,
  type IssuedCertificate,
  type NewIssuer,
  type PublishedCrl,
} from "./authority.ts";
export { CA_ERRORS, type CaErrorCode } from "./errors.ts";
export { MemoryCaStore } from "./memory-store.ts";
export { labelFrom, type CaStore, type KeyPlace, type StoredIssuer } from "./store.ts";
