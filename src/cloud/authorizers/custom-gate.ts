import { HawserError, NotFound } from "../../codec/index.ts";
import { correlated, type RefusalCause } from "../../trace/index.ts";
import type { Admission, ConnectRequest, Gatekeeper, Peer, SessionOwner } from "../broker/index.ts";
import type { Registry } from "../registry/index.ts";
import type { AskFunction } from "../templates/index.ts";
import { defaultAuthorizer, describeAuthorizer, type Authorizer } from "./authorizers.ts";
import { credentialsOf, type Credentials, type HttpCredentials } from "./credentials.ts";
import { CustomAuthority } from "./custom-authority.ts";
import { askAuthorizer, AuthorizerRefusal, type Authorization } from "./invoke.ts";

export type CustomGateOptions = {
  readonly registry: Registry;
  readonly ask: AskFunction;
  /** Decides about everybody who comes without credentials for an authorizer. */
  readonly next: Gatekeeper;
  /** Whether `next` has a use for the credentials of a client that names no authorizer. */
  readonly isForNext: (request: ConnectRequest) => boolean;
  /** What the configuration of the server name that a client asked for says about authorizers, if there is one. */
  readonly choiceFor?: (serverName: string) => AuthorizerChoice | undefined;
  readonly isConnected: (owner: SessionOwner) => boolean;
  readonly end: (owner: SessionOwner, closing: Refusal) => void;
};

/** Which authorizer decides about clients of a server name, and whether they may name another one. */
export type AuthorizerChoice = {
  readonly defaultAuthorizerName?: string | undefined;
  readonly allowAuthorizerOverride?: boolean | undefined;
};

type Evidence = Readonly<Record<string, string | number | boolean>>;
type Refusal = { readonly cause: RefusalCause; readonly evidence: Evidence };

/** What an authorizer was asked, and what it said. */
type Answer = { readonly authorizer: Authorizer; readonly credentials: Credentials; readonly said: Authorization };

/**
 * Lets clients in by what a custom authorizer's function says of their token, or of their user name and password: as whom,
 * under which policies, for how long, and when the function is to be asked again. AWS IoT Core, "Custom authentication
 * and authorization"
 */
export class CustomGate implements Gatekeeper {
  readonly #options: CustomGateOptions;
  /** The timers of each client. A newer connection of the same one takes them over. */
  readonly #timers = new Map<string, Map<"refresh" | "end", () => void>>();

  constructor(options: CustomGateOptions) {
    this.#options = options;
  }

  admit(request: ConnectRequest): Promise<Admission> {
    return this.#admit(request, undefined);
  }

  /** The same for the CONNECT on a WebSocket that this request opened. Client certificates count for nothing there. */
  overHttp(http: HttpCredentials): Gatekeeper {
    return {
      admit: (request) => this.#admit({ ...request, peer: { ...request.peer, certificates: [] } }, http),
    };
  }

  /** Decides about a request over HTTPS. */
  async authorize(peer: Peer, http: HttpCredentials): Promise<Admission> {
    const answer = await this.#answerFor(credentialsOf({ peer }, http));
    if ("cause" in answer) return this.#refuse(answer, { clientId: "", peer });
    return { admit: true, authority: this.#authorityOf(answer, { clientId: "", peer }) };
  }

  /** Whether an authorizer decides about requests over HTTPS that name none: the server name's, or the account's. */
  async hasDefault(peer: Peer): Promise<boolean> {
    return (await this.#default(credentialsOf({ peer }, undefined))) !== undefined;
  }

  /** Stops all timers. */
  close(): void {
    for (const timers of this.#timers.values()) for (const cancel of timers.values()) cancel();
    this.#timers.clear();
  }

  async #admit(request: ConnectRequest, http: HttpCredentials | undefined): Promise<Admission> {
    const credentials = credentialsOf(request, http);
    if (!(await this.#isMine(request, credentials))) return this.#options.next.admit(request);
    const answer = await this.#answerFor(credentials);
    if ("cause" in answer) return this.#refuse(answer, request);
    const authority = this.#authorityOf(answer, request);
    const connect = authority.mayConnect();
    if (!connect.allowed) return this.#refuse(connect, request);
    const owner = { clientId: request.clientId, principalId: authority.principalId };
    this.#schedule(owner, answer, authority);
    return { admit: true, authority };
  }

  async #isMine(request: ConnectRequest, credentials: Credentials): Promise<boolean> {
    const { authorizer } = credentials;
    if (request.peer.certificates.length > 0 || request.authenticated) return false;
    if (authorizer !== undefined) return true;
    if (this.#options.isForNext(request)) return false;
    return (await this.#default(credentials)) !== undefined;
  }

  #choiceFor({ context }: Credentials): AuthorizerChoice | undefined {
    return context.tls?.serverName === undefined ? undefined : this.#options.choiceFor?.(context.tls.serverName);
  }

  /** The authorizer of the server name, or else the account's. */
  async #default(credentials: Credentials): Promise<Authorizer | undefined> {
    const chosen = this.#choiceFor(credentials)?.defaultAuthorizerName;
    if (chosen !== undefined) return describeAuthorizer(this.#options.registry, chosen);
    return defaultAuthorizer(this.#options.registry).catch((error: unknown) => {
      if (error instanceof NotFound) return undefined;
      throw error;
    });
  }

  async #answerFor(credentials: Credentials): Promise<Answer | Refusal> {
    const { registry, ask } = this.#options;
    const name = credentials.authorizer ?? "";
    try {
      const choice = this.#choiceFor(credentials);
      const isOther = name !== "" && choice !== undefined && name !== choice.defaultAuthorizerName;
      if (isOther && choice.allowAuthorizerOverride !== true) {
        const evidence = { authorizer: name.slice(0, 128), expected: choice.defaultAuthorizerName ?? "none" };
        return { cause: "authorizer-not-allowed", evidence };
      }
      const found = name === "" ? await this.#default(credentials) : await describeAuthorizer(registry, name);
      if (!found) return { cause: "authorizer-unknown", evidence: { authorizer: "" } };
      const { body } = found;
      if (body.status !== "ACTIVE") return { cause: "authorizer-inactive", evidence: { authorizer: found.name } };
      const token = credentials.tokenOf(body.tokenKeyName);
      const context = { ...credentials.context, token, tokenSignature: credentials.signature };
      const said = await askAuthorizer(registry, ask, { authorizer: found, context });
      return { authorizer: found, credentials, said };
    } catch (error) {
      return refusalOf(error, name);
    }
  }

  #authorityOf({ said }: Answer, about: Pick<ConnectRequest, "clientId" | "peer"> & Partial<ConnectRequest>) {
    return new CustomAuthority(this.#options.registry.account, said, about);
  }

  /** Ends the connection, and asks the function again, when the function said. */
  #schedule(owner: SessionOwner, answer: Answer, authority: CustomAuthority): void {
    const { clock } = this.#options.registry;
    const key = `${owner.principalId} ${owner.clientId}`;
    for (const cancel of this.#timers.get(key)?.values() ?? []) cancel();
    const timers = new Map<"refresh" | "end", () => void>();
    this.#timers.set(key, timers);
    const { disconnectAfterInSeconds: seconds } = answer.said;
    const evidence = { authorizer: answer.authorizer.name, principalId: owner.principalId, seconds };
    const over = clock.after(seconds * 1000, () => this.#end(owner, { cause: "authorizer-expired", evidence }));
    timers.set("end", over);
    const refreshLater = (said: Authorization) => {
      const cancel = clock.after(said.refreshAfterInSeconds * 1000, () => {
        void this.#refresh(owner, answer, authority).then((again) => {
          if (again && this.#timers.get(key) === timers) refreshLater(again);
        });
      });
      timers.set("refresh", cancel);
    };
    refreshLater(answer.said);
  }

  /** Asks the function again; gives what it says where the client may stay. */
  async #refresh(owner: SessionOwner, answer: Answer, authority: CustomAuthority): Promise<Authorization | undefined> {
    if (!this.#options.isConnected(owner)) {
      this.#forget(owner);
      return undefined;
    }
    const { authorizer } = answer;
    const again = await this.#answerFor({ ...answer.credentials, authorizer: authorizer.name });
    if ("cause" in again) {
      this.#end(owner, again);
      return undefined;
    }
    if (again.said.principalId !== owner.principalId) {
      const evidence = { authorizer: authorizer.name, problem: "principalId has changed" };
      this.#end(owner, { cause: "authorizer-failed", evidence });
      return undefined;
    }
    authority.replace(again.said);
    const connect = authority.mayConnect();
    if (connect.allowed) return again.said;
    this.#end(owner, connect);
    return undefined;
  }

  #end(owner: SessionOwner, refusal: Refusal): void {
    this.#forget(owner);
    if (this.#options.isConnected(owner)) this.#options.end(owner, refusal);
  }

  #forget({ clientId, principalId }: SessionOwner): void {
    const key = `${principalId} ${clientId}`;
    for (const cancel of this.#timers.get(key)?.values() ?? []) cancel();
    this.#timers.delete(key);
  }

  #refuse({ cause, evidence }: Refusal, { clientId, peer }: { readonly clientId: string; readonly peer: Peer }) {
    const ids = { connection: peer.connection, ...(clientId !== "" && { device: clientId }) };
    const event = { kind: "refusal" as const, cause, clientId, address: peer.address, evidence };
    correlated(this.#options.registry.trace, ids).emit("cloud", event);
    return { admit: false as const, cause, reply: "connack" as const };
  }
}

function refusalOf(error: unknown, name: string): Refusal {
  const authorizer = name.slice(0, 128);
  if (error instanceof NotFound && error.code === "resource-not-found")
    return { cause: "authorizer-unknown", evidence: { authorizer } };
  if (!(error instanceof HawserError)) throw error;
  const cause = error instanceof AuthorizerRefusal ? error.refusal : "authorizer-failed";
  return { cause, evidence: { authorizer, problem: error.message.slice(0, 300) } };
}
