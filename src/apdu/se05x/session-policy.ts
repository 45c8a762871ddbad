import { type Codec, DecodeError } from "../../codec/index.ts";

/** What bounds a session: how many commands it carries, how long it lives, and whether it may be begun anew. */
export type SessionPolicy = {
  readonly maxCommands?: number;
  readonly maxSeconds?: number;
  readonly allowRefresh: boolean;
};

const BIT = { maxCommands: 0x8000, maxSeconds: 0x4000, allowRefresh: 0x2000 } as const;

/** A session's policy: length in one byte, header of two, then the values that it announces. SE05x policy table */
export const sessionPolicy: Codec<SessionPolicy> = {
  write(w, { maxCommands, maxSeconds, allowRefresh }) {
    const header =
      (maxCommands === undefined ? 0 : BIT.maxCommands) |
      (maxSeconds === undefined ? 0 : BIT.maxSeconds) |
      (allowRefresh ? BIT.allowRefresh : 0);
    w.prefixed(1, (body) => {
      body.u16(header);
      if (maxCommands !== undefined) body.u16(maxCommands);
      if (maxSeconds !== undefined) body.u16(maxSeconds);
    });
  },
  read: (r) =>
    r.prefixed(1, (body) => {
      const at = body.at;
      const header = body.u16();
      const unknown = header & ~(BIT.maxCommands | BIT.maxSeconds | BIT.allowRefresh);
      if (unknown !== 0) throw new DecodeError("value", `session policy bits 0x${unknown.toString(16)}`, at);
      return {
        ...(header & BIT.maxCommands ? { maxCommands: body.u16() } : {}),
        ...(header & BIT.maxSeconds ? { maxSeconds: body.u16() } : {}),
        allowRefresh: (header & BIT.allowRefresh) !== 0,
      };
    }),
};
