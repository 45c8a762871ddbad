export {
  type BirthBatch,
  type BirthRecord,
  decodeBirths,
  encodeBirths,
  type TrustedBatch,
  verifyBirths,
} from "./births.ts";
export { LINE_ERRORS, type LineErrorCode } from "./errors.ts";
export { type LineIssuer, lineIssuer } from "./issuer.ts";
export {
  type BornKeys,
  demandOrder,
  type LineEntry,
  type LineJournal,
  type LineOrder,
  MemoryJournal,
  type PartIdentity,
  partStates,
  type PartState,
} from "./journal.ts";
export { type LineFeed, type LineOptions, type LineProgress, runLine } from "./line.ts";
export { LINE_MODELS, type LineModel, type LineModelName } from "./models.ts";
export { type BornIdentity, bornCertificateOf, CERTIFICATE_INDEX, type LinePlaces } from "./places.ts";
export { type LineReport, reconcile } from "./report.ts";
