import type { Se05xCommandName, Se05xRequest, Se05xResponse } from "../../../apdu/se05x/index.ts";

/** Whatever sends commands of the table: a device, or one of its sessions. */
export type Se05xSender = {
  send<Key extends Se05xCommandName>(key: Key, request: Se05xRequest<Key>): Promise<Se05xResponse<Key>>;
};

/**
 * What one command takes of a message beside its other fields, in whole blocks of every cipher: with all wrapping it fits
 * the smaller of the chips' buffers. SE05x coding rules
 */
export const MAX_INPUT = 768;

/** A message in pieces that commands take; an empty message is one empty piece. */
export function piecesOf(message: Uint8Array): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < message.length; at += MAX_INPUT) pieces.push(message.subarray(at, at + MAX_INPUT));
  return pieces;
}
