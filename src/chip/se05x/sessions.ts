import type { Scp03Session } from "../../apdu/index.ts";
import type { SessionPolicy } from "../../apdu/se05x/index.ts";
import type { Secret } from "./secrets.ts";

/** A session that an authentication object vouches for, once its proof was given. */
export type Session = {
  /** 16 hex digits. */
  readonly id: string;
  readonly authObjectId: number;
  readonly proof: "userId" | "aes" | "ec";
  authenticated: boolean;
  /** A secure channel that waits for the host's proof, and the one that every command then goes through. */
  proposed: Scp03Session | undefined;
  channel: Scp03Session | undefined;
  policy: SessionPolicy | undefined;
  /** When its bounds began to count, and the commands since then. */
  startedAt: number;
  commands: number;
};

/** Open sessions by their identifiers in hex; `current` is the one of the command under way. */
export type Sessions = { readonly open: Map<string, Session>; current: Session | undefined };

/** The platform's secure channel, proposed or open, with the key that keys travel under. */
export type PlatformChannel = { readonly scp: Scp03Session; readonly dek: Secret };

/** What a chip forgets when it is reset. */
export type Platform = {
  /** Which application answers: the family's, or what the platform has itself. */
  selected: "application" | "platform";
  proposed: PlatformChannel | undefined;
  channel: PlatformChannel | undefined;
};

/** Whether a session's policy has run out. SE05x policy table */
export function hasRunOut({ policy, startedAt, commands }: Session, now: number): boolean {
  if (!policy) return false;
  const { maxCommands, maxSeconds } = policy;
  if (maxCommands !== undefined && commands >= maxCommands) return true;
  return maxSeconds !== undefined && now - startedAt >= maxSeconds * 1000;
}
