export { IssuedStatus, type IssuedStatusOptions } from "./issued-status.ts";
export { pointersUnder, revocationPages } from "./pages.ts";
export { Revocations, type DeniedCertificate, type UploadedList, type Withdrawal } from "./revocations.ts";
