export { HOST_ERRORS, type HostErrorCode } from "./errors.ts";
export { T1Machine, type T1Input, type T1Output } from "./t1-machine.ts";
export { openT1, type I2cPlace, type T1Options, type T1Transport } from "./t1-transport.ts";
export { localTransport, type LocalChip, type Transport } from "./transport.ts";
