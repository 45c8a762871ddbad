export { Revocations, type DeniedCertificate, type UploadedList, type Withdrawal } from "./revocations.ts";
