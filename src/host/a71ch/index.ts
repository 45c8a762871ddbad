export { A71ch, type A71chOptions } from "./device.ts";
export { openSecureChannel, putChannelKeys, type SecureChannel } from "./secure-channel.ts";
export type { A71chSession } from "./session.ts";
