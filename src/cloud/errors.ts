import { Conflict, NotFound, UsageError, type ErrorTable } from "../codec/index.ts";

/** The codes of the OEM cloud's registry, store and control plane. */
export const CLOUD_ERRORS = {
  "invalid-request": {
    cause: "A request lacks a required field, or a field breaks its type, length or pattern.",
    cure: "The message names the field, what it must be and what it was; correct the call. Where it says limit NAME=VALUE, hawser up --limit NAME=NUMBER chooses another.",
  },
  "not-implemented": {
    cause: "The request asks for an operation, or a field of one, that this version does not offer.",
    cure: "Leave the field away or use another operation; README.md lists what the control plane offers.",
  },
  "method-not-allowed": {
    cause: "The path belongs to the data plane, which does not offer it for this method.",
    cure: "Publish with POST /topics/TOPIC; shadows are read with GET, changed with POST and deleted with DELETE.",
  },
  "crl-not-current": {
    cause: "A CRL was uploaded whose period has not begun or is over.",
    cure: "Make a new list (hawser ca crl, openssl ca -gencrl) and check the clocks of both machines.",
  },
  "crl-older": {
    cause: "A CRL was uploaded that is older than the one in force, which would bring revoked devices back.",
    cure: "Upload the newest list; to start anew, delete the one in force first.",
  },
  "resource-not-found": {
    cause: "A certificate, CA, thing, policy, policy version, role, access key or registration code does not exist.",
    cure: "List what exists (aws iot list-certificates, list-things, list-policies) and check region and spelling.",
  },
  "resource-exists": {
    cause: "A resource of this name or identity exists already, with other properties.",
    cure: "Use the existing one, which the error names, or choose another name.",
  },
  "certificate-validation": {
    cause:
      "A certificate cannot be read, is of a kind that is not accepted, is out of date, or its CA did not sign it.",
    cure: "The message says what was expected and what was found; look at it with openssl x509 -noout -text.",
  },
  "registration-code-mismatch": {
    cause: "The verification certificate's common name is not the registration code.",
    cure: 'aws iot get-registration-code, then make the request again with -subj "/CN=THE_CODE": exactly, without spaces or quotes inside.',
  },
  "certificate-state": {
    cause: "The certificate's status does not allow this.",
    cure: "Deactivate before deleting (update-certificate --new-status INACTIVE); what was registered REVOKED stays revoked.",
  },
  "certificate-conflict": {
    cause: "Several registered CAs share the name and key that signed this certificate.",
    cure: "Say which one with --ca-certificate-pem.",
  },
  "delete-conflict": {
    cause: "Something is still attached to what should be deleted, or it is still in use.",
    cure: "Detach policies (detach-policy) and things (detach-thing-principal) first; the message names which.",
  },
  "registration-failure": {
    cause: "A provisioning template cannot be carried out with the parameters that were given.",
    cure: "The message names the place in the template, or the parameter that is missing; correct one of them.",
  },
  "ownership-token": {
    cause: "A device registers a certificate with a token that is wrong, was used, or is over an hour old.",
    cure: "Let the device begin again with $aws/certificates/create-from-csr, and register within the hour.",
  },
  "provisioning-refused": {
    cause: "The pre-provisioning hook of a template did not allow a device.",
    cure: "hawser logs shows what the hook's function saw and did.",
  },
  "authorizer-response": {
    cause: "A custom authorizer's token is signed wrongly, or its function answered something that it must not.",
    cure: "The message names the member; aws iot test-invoke-authorizer tries it without a device.",
  },
  "transfer-conflict": {
    cause: "A certificate is to be transferred while policies or things are attached to it.",
    cure: "Detach them, deactivate the certificate, and transfer it then.",
  },
  "transfer-completed": {
    cause: "A transfer is to be accepted, rejected or cancelled, and none is waiting.",
    cure: "aws iot list-outgoing-certificates shows what is waiting; describe-certificate what became of it.",
  },
  "invalid-query": {
    cause: "A query of the index cannot be read.",
    cure: "The message names the place; a query is made of terms such as thingName:meter* joined by AND, OR and NOT.",
  },
  "invalid-aggregation": {
    cause: "A statistic is asked for a field that holds no numbers.",
    cure: "Name a field whose values are numbers, such as attributes.floor, or use get-cardinality.",
  },
  "index-not-ready": {
    cause: "The index was switched off.",
    cure: "aws iot update-indexing-configuration --thing-indexing-configuration thingIndexingMode=REGISTRY",
  },
  "not-configured": {
    cause: "The account's logging options are asked for, and nobody has set them.",
    cure: "aws iot set-v2-logging-options --default-log-level INFO --role-arn ANY_ROLE_ARN",
  },
  "conflicting-resource": {
    cause: "A provisioning template's override settings forbid to change what exists already.",
    cure: "Delete what exists, or let the template REPLACE, MERGE or DO_NOTHING instead of FAIL.",
  },
  "job-state": {
    cause: "A job or one of its executions is in a state that does not allow this.",
    cure: "Describe it first: only what is queued can be cancelled without --force, only what has ended can be deleted without.",
  },
  "job-template-exists": {
    cause: "There is a job template of this name already.",
    cure: "Choose another name, or delete the one that is there (aws iot delete-job-template).",
  },
  "job-ended": {
    cause: "A device asks about a job execution that has ended.",
    cure: "Ask for $next, or for the executions that are pending.",
  },
  "shadow-version": {
    cause: "A shadow changed since the version that an update names.",
    cure: "Get the shadow, and send the change again with its present version or without one.",
  },
  "shadow-encoding": {
    cause: "What should be a shadow document is not UTF-8.",
    cure: "Send JSON in UTF-8, without a byte order mark.",
  },
  "shadow-busy": {
    cause: "More requests to the shadows of one thing are on their way by one connection than are served at once.",
    cure: "Wait for accepted or rejected before the next request; or raise it: hawser up --limit shadowRequests=NUMBER.",
  },
  throttled: {
    cause: "More requests came in a second than the account's limits allow; the message names the limit.",
    cure: "Ask less often, clients that retry do so by themselves; or raise it: hawser up --limit NAME=NUMBER, or NAME=none.",
  },
  "version-conflict": {
    cause: "The thing changed since the version that the request expects.",
    cure: "Describe the thing and repeat the change with its present version.",
  },
  "versions-limit": {
    cause: "A policy has as many versions as it may have.",
    cure: "Delete one with aws iot delete-policy-version; or raise it for policies: hawser up --limit policyVersions=NUMBER.",
  },
  "limit-exceeded": {
    cause: "A limit of the account is reached; the message names it.",
    cure: "Remove what is no longer needed; or, where the message says limit NAME=VALUE, choose another: hawser up --limit NAME=NUMBER.",
  },
  "missing-authentication": {
    cause: "A request carried no signature.",
    cure: "Sign it with the access key that hawser up printed at its first start (aws configure).",
  },
  "incomplete-signature": {
    cause: "A request's Authorization or X-Amz-Date header is malformed, or a header that decides was left unsigned.",
    cure: "The message names the part; use an AWS SDK, the AWS CLI or hawser to sign.",
  },
  "unknown-access-key": {
    cause: "The access key is not known here, is inactive, or came with a session token of another service.",
    cure: "Use the access key of DIRECTORY/credentials.json; hawser cloud keys list shows which are active; unset AWS_SESSION_TOKEN.",
  },
  "session-token": {
    cause:
      "Temporary credentials came without their session token, or with one that is damaged or not theirs, or not of this cloud.",
    cure: "Send accessKeyId, secretAccessKey and sessionToken of one answer together (AWS_SESSION_TOKEN), or use an operator's access key.",
  },
  "session-expired": {
    cause: "Temporary credentials are used after their expiration.",
    cure: "Ask for new ones: GET /role-aliases/ALIAS/credentials with the client certificate.",
  },
  "session-not-allowed": {
    cause:
      "Temporary credentials of a certificate are used for something else than the data plane: they have the certificate's rights, and nobody else's.",
    cure: "Sign with the access key that hawser up printed at its first start; unset AWS_SESSION_TOKEN.",
  },
  "session-certificate": {
    cause: "The certificate that temporary credentials stand for is not let in any more.",
    cure: "The message says why; the credentials work again as soon as the certificate does.",
  },
  "wrong-scope": {
    cause: "The request was signed for another service, region or day.",
    cure: "Set the region that hawser up printed (AWS_DEFAULT_REGION), and sign for the service that the message names.",
  },
  "clock-skew": {
    cause: "The caller's clock and the server's differ by more than five minutes.",
    cure: "Set both clocks; the message gives both times in UTC.",
  },
  "body-hash-mismatch": {
    cause: "The body is not the one whose hash the caller declared.",
    cure: "Something between changed the body: look for a proxy, or send it again.",
  },
  "signature-mismatch": {
    cause: "The signature is not the one that the access key's secret gives for this request.",
    cure: "Check the secret access key; if it is right, compare the canonical string in the message with the caller's.",
  },
  "body-too-large": {
    cause: "The request's body is larger than its operation takes.",
    cure: "The message gives the limit; send less.",
  },
  "operation-refused": {
    cause: "The control plane refused an operation; the error's type is AWS's name of the reason.",
    cure: "The message says what was wrong, and the error's cure what to do.",
  },
  unreachable: {
    cause: "Nobody answers at the control plane's address, or its certificate is not trusted.",
    cure: "Start hawser up, check host and port, and give the root of the server's certificate (caFile).",
  },
  "not-our-api": {
    cause: "Something else than the control plane answers at its address.",
    cure: "Check host and port; a proxy or another program may be listening there.",
  },
  "schema-too-new": {
    cause: "The data directory was written by a newer version.",
    cure: "Start the newer version again, or restore a copy of the directory made before the upgrade.",
  },
  "account-fixed": {
    cause: "The data directory was begun with another account id, which stands in every ARN that it gave out.",
    cure: "Start without --account-id, or with the id in the message, or with a new data directory.",
  },
  "region-fixed": {
    cause: "The data directory was begun with another region, which stands in every ARN that it gave out.",
    cure: "Start without --region, or with the region in the message, or with a new data directory.",
  },
  "data-directory-open": {
    cause: "Other users of this machine may read the data directory, which holds secret access keys.",
    cure: "chmod 700 the directory, or give one that does not exist yet.",
  },
  "data-directory-in-use": {
    cause: "Another process has this data directory open.",
    cure: "Stop the other hawser, or give this one its own --data directory.",
  },
  "data-directory-unusable": {
    cause:
      "The data directory cannot be made or written: a file has its name, its file system is read-only or full, or it belongs to another user.",
    cure: "The message names what the system said; give another directory, or make room and rights for this one.",
  },
  "stored-key-unreadable": {
    cause: "A key or certificate of the cloud's own, in its data directory, is not what was written there.",
    cure: "Restore the file from a copy. A server certificate (server.key, server.pem) may be deleted: a new one is made; with a root or the device CA all that trusts it would be lost.",
  },
  "store-damaged": {
    cause: "The store's files are not what was written: cut, overwritten, or copied while the cloud was running.",
    cure: "Restore the directory from a copy that was made while the cloud was stopped; sqlite3's .recover saves what can still be read.",
  },
  "disk-full": {
    cause: "The disk has no room for what was to be written; nothing of it was acknowledged.",
    cure: "Free some space; the cloud goes on by itself, and /ready says when.",
  },
  "store-closed": {
    cause: "Something was to be written after the store was closed.",
    cure: "Stop the servers before the store; what was not acknowledged was not written.",
  },
  "disk-failed": {
    cause:
      "The disk failed to take a write that it had begun, so nobody can say what it holds; nothing more is written.",
    cure: "Look at the system's log and at the free space, then restart; what was acknowledged before is there.",
  },
} as const satisfies ErrorTable;

export type CloudErrorCode = keyof typeof CLOUD_ERRORS;

/** The request has a field that is missing or wrong; `message` names the field, the rule and the value. */
export function invalidRequest(
  message: string,
  details: { readonly cause?: unknown } = {},
): UsageError<CloudErrorCode> {
  return new UsageError("invalid-request", message, details);
}

/** What exists already: its name and ARN travel with the error, as on AWS. */
export class ResourceExists extends Conflict<CloudErrorCode> {
  readonly resource: { readonly resourceId: string; readonly resourceArn: string };

  constructor(message: string, resource: { readonly resourceId: string; readonly resourceArn: string }) {
    super("resource-exists", message);
    this.resource = resource;
  }
}

/** Nothing has this name. `what` says what was looked for, as in `Certificate 12ab…`. */
export function notFound(what: string): NotFound<CloudErrorCode> {
  return new NotFound("resource-not-found", `${what} not found.`);
}

/** The request asks for what is not built: refused loudly, never ignored. */
export function notImplemented(what: string): Conflict<CloudErrorCode> {
  return new Conflict("not-implemented", `${what} is not available in this version`);
}
