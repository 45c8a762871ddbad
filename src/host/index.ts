export { HOST_ERRORS, type HostErrorCode } from "./errors.ts";
export { localTransport, type LocalChip, type Transport } from "./transport.ts";
