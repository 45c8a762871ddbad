import type { ApplicationState, Handlers } from "./application-state.ts";
import { CKF, CKU } from "./cryptoki.ts";
import { given } from "./digest-calls.ts";
import { refuse } from "./errors.ts";
import { checkSlot, ONLY_SLOT } from "./general-calls.ts";
import type { Operations } from "./session.ts";
import type { Bytes } from "./values.ts";

/** Sessions and login. PKCS #11 v2.40, section 11.6 */
export const sessionHandlers: Handlers = {
  async C_OpenSession(application, slot, flags) {
    checkSlot(slot);
    if ((flags & CKF.SESSION.SERIAL) === 0n) throw refuse("session-parallel", "a session without CKF_SERIAL_SESSION");
    await application.token.identity();
    return [application.openSession((flags & CKF.SESSION.RW) !== 0n).handle];
  },

  C_CloseSession(application, handle) {
    application.closeSession(handle);
    return [];
  },

  C_CloseAllSessions(application, slot) {
    checkSlot(slot);
    application.closeAll();
    return [];
  },

  C_GetSessionInfo(application, handle) {
    const session = application.session(handle);
    const flags = CKF.SESSION.SERIAL | (session.isWritable ? CKF.SESSION.RW : 0n);
    return [ONLY_SLOT, application.stateOf(session), flags, 0n];
  },

  C_Login(application, handle, user, pin) {
    login(application, handle, { user, pin });
    return [];
  },

  C_SetPIN(application, handle, old, changed) {
    if (!application.session(handle).isWritable) throw refuse("session-read-only", `session ${handle} is read-only`);
    const { pin } = application.token;
    if (!pin) throw refuse("pin-not-initialized", "this token has no PIN that could be changed");
    pin.change(given(old), given(changed));
    return [];
  },

  C_LoginUser(application, handle, user, pin, name) {
    if (given(name).length > 0) throw refuse("arguments-bad", "the token has one user, without a name");
    login(application, handle, { user, pin });
    return [];
  },

  C_SessionCancel(application, handle, flags) {
    const session = application.session(handle);
    // Flags of operations that are not under way, or not known here, change nothing. PKCS #11 v3.0, section 5.6.10
    for (const [kind, flag] of CANCELLED_BY) if ((flags & flag) !== 0n) session.end(kind);
    return [];
  },

  C_Logout(application, handle) {
    application.session(handle);
    application.logout();
    return [];
  },
};

/** The flags of C_SessionCancel are those of mechanisms, and one for searches. PKCS #11 v3.0, section 5.6.10 */
const CANCELLED_BY: readonly (readonly [keyof Operations, bigint])[] = [
  ["find", CKF.FIND_OBJECTS],
  ["digest", CKF.MECHANISM.DIGEST],
  ["sign", CKF.MECHANISM.SIGN],
  ["verify", CKF.MECHANISM.VERIFY],
];

function login(
  application: ApplicationState,
  handle: bigint,
  { user, pin }: { readonly user: bigint; readonly pin: Bytes },
): void {
  const session = application.session(handle);
  if (user === CKU.CONTEXT_SPECIFIC) {
    // No key here asks for a PIN before each use, so there is nothing that such a login could be for.
    throw refuse("operation-not-initialized", `a login for one operation in session ${session.handle}`);
  }
  if (user !== CKU.USER) throw refuse("user-type-invalid", `user type ${user} does not exist`);
  const check = application.token.pin;
  if (!check) throw refuse("pin-not-initialized", "this token has no PIN");
  if (application.isLoggedIn) throw refuse("already-logged-in", "the user is logged in");
  check.check("needed" in pin ? new Uint8Array(0) : pin);
  application.login();
}
