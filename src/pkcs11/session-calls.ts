import type { Handlers } from "./application.ts";
import { CKF, CKU } from "./cryptoki.ts";
import { refuse } from "./errors.ts";
import { checkSlot, ONLY_SLOT } from "./general-calls.ts";

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
    return [];
  },

  C_Logout(application, handle) {
    application.session(handle);
    application.logout();
    return [];
  },
};
