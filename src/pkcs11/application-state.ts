import type { CallName, RequestOf, ResponseOf } from "./calls.ts";
import { CKS } from "./cryptoki.ts";
import { refuse, TokenFailure } from "./errors.ts";
import { PROTOCOL_VERSION } from "./mechanisms.ts";
import type { ObjectFacts, TokenObject } from "./objects.ts";
import { Session } from "./session.ts";
import type { Contents, Token } from "./token.ts";

/** More than any program needs at a time: p11tool opens twelve. */
export const MAX_SESSIONS = 256;

/** More secrets than any program derives before it uses them, and more data than any keeps in a session. */
const MAX_KEPT = 256;

/**
 * What one connected program has: its sessions and its login, which end with it. PKCS #11 v2.40, section 6.6
 */
export class ApplicationState {
  readonly token: Token;
  /** The protocol version by which requests are read. */
  readonly clientVersion: number;
  readonly #sessions = new Map<bigint, Session>();
  /** Derived secrets and data that are in no chip, by the session that they end with. */
  readonly #kept = new Map<TokenObject, Session>();
  /** Public keys that went with the private ones that this program erased, until it erases them too. */
  readonly #gone = new Set<bigint>();
  #nextSession = 1n;
  #isInitialized = false;
  #isLoggedIn = false;

  constructor({ token, clientVersion }: { readonly token: Token; readonly clientVersion: number }) {
    this.token = token;
    this.clientVersion = Math.min(clientVersion, PROTOCOL_VERSION);
  }

  get isInitialized(): boolean {
    return this.#isInitialized;
  }

  /** Begins. Throws where it has begun already. */
  initialize(): void {
    if (this.#isInitialized) throw refuse("already-initialized", "C_Initialize a second time");
    this.#isInitialized = true;
  }

  /** Ends: all sessions are closed, nobody is logged in. */
  finalize(): void {
    this.#isInitialized = false;
    this.closeAll();
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  get writableSessionCount(): number {
    return [...this.#sessions.values()].filter(({ isWritable }) => isWritable).length;
  }

  get isLoggedIn(): boolean {
    return this.#isLoggedIn;
  }

  openSession(isWritable: boolean): Session {
    if (this.#sessions.size >= MAX_SESSIONS) throw refuse("session-count", `${MAX_SESSIONS} sessions are open`);
    // A program that starts sees the chip as it is now, not as another program left it.
    if (this.#sessions.size === 0) this.token.forgetContents();
    const session = new Session(this.#nextSession++, isWritable);
    this.#sessions.set(session.handle, session);
    return session;
  }

  /** Throws `session-handle-invalid`. */
  session(handle: bigint): Session {
    const session = this.#sessions.get(handle);
    if (!session) throw refuse("session-handle-invalid", `there is no session ${handle}`);
    return session;
  }

  /** A session in which the token may be changed now. */
  writableSession(handle: bigint): Session {
    const session = this.session(handle);
    if (!session.isWritable) throw refuse("session-read-only", `session ${handle} is read-only`);
    if (this.token.pin && !this.#isLoggedIn) throw refuse("not-logged-in", "only a logged-in user changes the token");
    return session;
  }

  /** Closing the last session logs the user out. PKCS #11 v2.40, section 11.6 */
  closeSession(handle: bigint): void {
    const closed = this.session(handle);
    this.#sessions.delete(handle);
    for (const [secret, session] of this.#kept) if (session === closed) this.#kept.delete(secret);
    if (this.#sessions.size === 0) this.#isLoggedIn = false;
  }

  closeAll(): void {
    this.#sessions.clear();
    this.#kept.clear();
    this.#gone.clear();
    this.#isLoggedIn = false;
  }

  login(): void {
    this.#isLoggedIn = true;
  }

  logout(): void {
    if (!this.#isLoggedIn) throw refuse("not-logged-in", "C_Logout without a login");
    this.#isLoggedIn = false;
    // What private objects were found or used until now is out of reach. PKCS #11 v2.40, section 11.6
    for (const session of this.#sessions.values()) session.abandon();
  }

  stateOf({ isWritable }: Session): bigint {
    if (isWritable) return this.#isLoggedIn ? CKS.RW_USER : CKS.RW_PUBLIC;
    return this.#isLoggedIn ? CKS.RO_USER : CKS.RO_PUBLIC;
  }

  /** The objects that the program may see: those of the token, and those that it keeps in its sessions. A promise only where they are to be read. */
  objects(): readonly TokenObject[] | Promise<readonly TokenObject[]> {
    const { knownContents } = this.token;
    return knownContents
      ? this.#visible(knownContents)
      : this.token.contents().then((contents) => this.#visible(contents));
  }

  /** Keeps an object for this program until its session ends. Throws `device-memory` beyond MAX_KEPT. */
  keepInSession(facts: ObjectFacts, session: Session): TokenObject {
    if (this.#kept.size >= MAX_KEPT)
      throw new TokenFailure("device-memory", `${MAX_KEPT} objects are kept in sessions`);
    const kept = { ...facts, handle: this.token.newHandle() };
    this.#kept.set(kept, session);
    return kept;
  }

  /** Whether there was such an object. */
  forgetKept(handle: bigint): boolean {
    const secret = [...this.#kept.keys()].find((each) => each.handle === handle);
    return secret !== undefined && this.#kept.delete(secret);
  }

  /** The chip has no half of a key pair: with the private key the public one with this handle went. */
  noteGone(handle: bigint): void {
    this.#gone.add(handle);
  }

  /** Whether an object went with its private key; programs that erase both learn so once. */
  wentWithItsPair(handle: bigint): boolean {
    return this.#gone.delete(handle);
  }

  /** Throws `object-handle-invalid`. */
  async object(handle: bigint): Promise<TokenObject> {
    const found = (await this.objects()).find((each) => each.handle === handle);
    if (!found) throw refuse("object-handle-invalid", `there is no object ${handle}`);
    return found;
  }

  #visible({ objects }: Contents): readonly TokenObject[] {
    const visible = this.#isLoggedIn ? objects : objects.filter(({ isPrivate }) => !isPrivate);
    return this.#kept.size === 0 ? visible : [...visible, ...this.#kept.keys()];
  }
}

/** A call carried out for an application; what it throws becomes the return value. */
export type Handler<Name extends CallName> = (
  application: ApplicationState,
  ...values: RequestOf<Name>
) => ResponseOf<Name> | Promise<ResponseOf<Name>>;

/** The calls that are carried out; every other one answers CKR_FUNCTION_NOT_SUPPORTED. */
export type Handlers = { readonly [Name in CallName]?: Handler<Name> };
