import { Denied } from "../../codec/index.ts";
import { REFUSALS } from "../../trace/index.ts";
import type { Admission, Peer } from "../broker/index.ts";
import type { CloudErrorCode } from "../errors.ts";
import type { TemporaryKey } from "../temporary-keys/index.ts";
import type { TemporaryAccessKeys } from "./authenticate.ts";
import {
  type ApiResponse,
  type OperationName,
  QUERY_SERVICES,
  type RequestHead,
  type Route,
  type XmlValue,
  readForm,
  xmlResponse,
} from "../operations/index.ts";

/** How a request came, as far as the listener knows. */
export type Via = Partial<Pick<Peer, "connection" | "servername" | "tlsVersion">>;

/** A request of the data plane that was signed with temporary credentials, its signature checked. */
export type DataPlaneCall = {
  readonly head: RequestHead;
  readonly name: OperationName;
  readonly labels: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly requestId: string;
  readonly key: TemporaryKey;
  readonly peer: Peer;
};

/** What the holders of temporary credentials may ask, as their certificate. */
export type CertificateCalls = TemporaryAccessKeys & {
  /** Whether an operation is one of theirs at all. */
  offers(name: OperationName): boolean;
  /** Runs it under the certificate's policies as they are now. */
  answer(call: DataPlaneCall): Promise<ApiResponse>;
  /** Whether the certificate is still let in. */
  authorize(key: TemporaryKey, peer: Peer): Promise<Admission>;
  readonly arnOf: (certificateId: string) => { readonly arn: string; readonly account: string };
};

export type CertificateRequest = {
  readonly head: RequestHead;
  readonly via: Via;
  readonly title: string;
  readonly requestId: string;
  readonly route: Route;
  readonly key: TemporaryKey;
  readonly body: Uint8Array;
};

/**
 * Answers a request that was signed with a certificate's temporary credentials: operations of the data plane, and
 * GetCallerIdentity. Everything else is refused whatever it is, so that a new operation is, too. An answer is traced by
 * whoever gave it where `isTraced`. Throws `Denied`: `session-not-allowed`, `session-certificate`.
 */
export async function answerCertificate(
  calls: CertificateCalls,
  { head, via, title, requestId, route, key, body }: CertificateRequest,
): Promise<{ readonly response: ApiResponse; readonly isTraced: boolean }> {
  const { connection = "", servername, tlsVersion } = via;
  const { address } = head;
  const peer: Peer = {
    connection,
    address,
    certificates: [],
    servername,
    ...(tlsVersion !== undefined && { tlsVersion }),
  };
  if (route.found === "operation" && calls.offers(route.name)) {
    const { name, labels } = route;
    return { response: await calls.answer({ head, name, labels, body, requestId, key, peer }), isTraced: true };
  }
  const action = route.found === "query" ? (readForm(body).get("Action") ?? "") : "";
  if (route.found === "query" && route.service === "sts" && action === "GetCallerIdentity") {
    const admission = await calls.authorize(key, peer);
    if (!admission.admit) throw denied("session-certificate", `${admission.cause}: ${REFUSALS[admission.cause].cause}`);
    return { response: identity(calls.arnOf(key.certificateId), key, requestId), isTraced: false };
  }
  const { arn } = calls.arnOf(key.certificateId);
  const what = `${title}${action.slice(0, 64)}`;
  const message = `${arn} is not authorized to perform ${what} with temporary credentials: they are for the data plane`;
  throw denied("session-not-allowed", message);
}

function identity(
  { arn, account }: ReturnType<CertificateCalls["arnOf"]>,
  { certificateId }: TemporaryKey,
  requestId: string,
): ApiResponse {
  const members: Record<string, XmlValue> = { Arn: arn, UserId: certificateId, Account: account };
  const { namespace } = QUERY_SERVICES.sts;
  return xmlResponse({ action: "GetCallerIdentity", namespace }, members, requestId);
}

function denied(code: CloudErrorCode, message: string): Denied<CloudErrorCode> {
  return new Denied(code, message);
}
