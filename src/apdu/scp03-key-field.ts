import { type Codec, literal, opaque, struct, u8 } from "../codec/index.ts";

/** A secure channel key as PUT KEY carries it, and the bytes that show that it arrived. */
export type Scp03KeyField = { readonly key: Uint8Array; readonly checkValue: Uint8Array };

const inner = struct({ type: literal(u8, 0x88), outer: literal(u8, 0x11), key: opaque(1, { min: 16, max: 16 }) });
const check = opaque(1, { min: 3, max: 3 });

/** Type AES, length with its own length byte, key, check value: 88, 11, 10, sixteen bytes, 03, three bytes. GPC SCP03, section 7.2 */
export const scp03KeyField: Codec<Scp03KeyField> = {
  write(w, { key, checkValue }) {
    inner.write(w, { type: 0x88, outer: 0x11, key });
    check.write(w, checkValue);
  },
  read: (r) => ({ key: inner.read(r).key, checkValue: check.read(r) }),
};
