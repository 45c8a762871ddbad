import { all, call, no, ok, type SdkStep } from "./sdk-steps.ts";

export const POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}';
/** The id of a certificate that nobody registered. */
const NOBODY = "0".repeat(64);
const NO_CERT = `arn:aws:iot:eu-central-1:123456789012:cert/${NOBODY}`;
const GONE = "ResourceNotFoundException";

/** CAs and certificates. Given: ca, proof, leaf, orphan, csr, otherCa; keeps caId, arn and id of a certificate. */
export const CERTIFICATE_STEPS: readonly SdkStep[] = [
  ok("GetRegistrationCode", {}, "registrationCode"),
  ok(
    "RegisterCACertificate",
    ({ ca, proof }) => ({ caCertificate: ca, verificationCertificate: proof, tags: [{ Key: "k", Value: "v" }] }),
    "certificateArn certificateId",
    { caId: "certificateId" },
  ),
  no("ResourceAlreadyExistsException", "RegisterCACertificate", ({ ca, proof }) => ({
    caCertificate: ca,
    verificationCertificate: proof,
  })),
  no("RegistrationCodeValidationException", "RegisterCACertificate", ({ otherCa, otherProof }) => ({
    caCertificate: otherCa,
    verificationCertificate: otherProof,
  })),
  no("CertificateValidationException", "RegisterCACertificate", ({ otherCa, proof }) => ({
    caCertificate: otherCa,
    verificationCertificate: proof,
  })),
  no(GONE, "RegisterCACertificate", ({ ca, proof }) => ({
    caCertificate: ca,
    verificationCertificate: proof,
    registrationConfig: { templateName: "none" },
  })),
  no("CertificateValidationException", "RegisterCertificate", ({ leaf }) => ({ certificatePem: leaf })),
  ok("UpdateCACertificate", ({ caId }) => ({ certificateId: caId, newStatus: "ACTIVE" })),
  ok("DescribeCACertificate", ({ caId }) => ({ certificateId: caId }), "certificateDescription"),
  ok("ListCACertificates", { ascendingOrder: true }, "certificates"),
  no("CertificateStateException", "DeleteCACertificate", ({ caId }) => ({ certificateId: caId })),
  ok(
    "RegisterCertificate",
    ({ leaf }) => ({ certificatePem: leaf, status: "ACTIVE" }),
    "certificateArn certificateId",
    { id: "certificateId", arn: "certificateArn" },
  ),
  no("ResourceAlreadyExistsException", "RegisterCertificate", ({ leaf }) => ({ certificatePem: leaf })),
  no("CertificateStateException", "RegisterCertificate", ({ orphan }) => ({
    certificatePem: orphan,
    status: "PENDING_ACTIVATION",
  })),
  ok("RegisterCertificateWithoutCA", ({ orphan }) => ({ certificatePem: orphan }), "certificateArn certificateId", {
    orphanId: "certificateId",
  }),
  no("ResourceAlreadyExistsException", "RegisterCertificateWithoutCA", ({ orphan }) => ({ certificatePem: orphan })),
  no("CertificateStateException", "RegisterCertificateWithoutCA", ({ leaf }) => ({
    certificatePem: leaf,
    status: "PENDING_ACTIVATION",
  })),
  no("CertificateValidationException", "RegisterCertificateWithoutCA", { certificatePem: "no certificate" }),
  ok("CreateKeysAndCertificate", { setAsActive: true }, "certificateArn certificateId certificatePem keyPair", {
    madeId: "certificateId",
  }),
  ok(
    "CreateCertificateFromCsr",
    ({ csr }) => ({ certificateSigningRequest: csr }),
    "certificateArn certificateId certificatePem",
    { chipId: "certificateId", chipArn: "certificateArn" },
  ),
  ok("DescribeCertificate", ({ id }) => ({ certificateId: id }), "certificateDescription"),
  ok("ListCertificates", {}, "certificates"),
  ok("ListCertificatesByCA", ({ caId }) => ({ caCertificateId: caId }), "certificates"),
  no("CertificateStateException", "DeleteCertificate", ({ madeId }) => ({ certificateId: madeId })),
  ok("UpdateCertificate", ({ madeId }) => ({ certificateId: madeId, newStatus: "REVOKED" })),
  ok("DeleteCertificate", ({ madeId }) => ({ certificateId: madeId })),
  ok(
    "TransferCertificate",
    ({ chipId }) => ({ certificateId: chipId, targetAwsAccount: "111122223333", transferMessage: "m" }),
    "transferredCertificateArn",
  ),
  ok("ListOutgoingCertificates", {}, "outgoingCertificates"),
  no(GONE, "AcceptCertificateTransfer", ({ chipId }) => ({ certificateId: chipId })),
  no(GONE, "RejectCertificateTransfer", ({ chipId }) => ({ certificateId: chipId })),
  ok("CancelCertificateTransfer", ({ chipId }) => ({ certificateId: chipId })),
  no("TransferAlreadyCompletedException", "CancelCertificateTransfer", ({ chipId }) => ({ certificateId: chipId })),
  ok(
    "TransferCertificate",
    ({ chipId, account }) => ({ certificateId: chipId, targetAwsAccount: account }),
    "transferredCertificateArn",
  ),
  ok("RejectCertificateTransfer", ({ chipId }) => ({ certificateId: chipId, rejectReason: "r" })),
  no("TransferAlreadyCompletedException", "RejectCertificateTransfer", ({ chipId }) => ({ certificateId: chipId })),
  ok(
    "TransferCertificate",
    ({ chipId, account }) => ({ certificateId: chipId, targetAwsAccount: account }),
    "transferredCertificateArn",
  ),
  ok("AcceptCertificateTransfer", ({ chipId }) => ({ certificateId: chipId })),
  no("TransferAlreadyCompletedException", "AcceptCertificateTransfer", ({ chipId }) => ({ certificateId: chipId })),
  ok(
    "RegisterCertificateWithoutCA",
    ({ otherCa }) => ({ certificatePem: otherCa, status: "REVOKED" }),
    "certificateArn certificateId",
    { revokedId: "certificateId" },
  ),
  no("CertificateStateException", "UpdateCertificate", ({ revokedId }) => ({
    certificateId: revokedId,
    newStatus: "ACTIVE",
  })),
  no("CertificateStateException", "TransferCertificate", ({ id }) => ({
    certificateId: id,
    targetAwsAccount: "111122223333",
  })),
  ...all(GONE, [
    call("DescribeCACertificate", { certificateId: NOBODY }),
    call("UpdateCACertificate", { certificateId: NOBODY, newStatus: "ACTIVE" }),
    call("DeleteCACertificate", { certificateId: NOBODY }),
    call("DescribeCertificate", { certificateId: NOBODY }),
    call("UpdateCertificate", { certificateId: NOBODY, newStatus: "ACTIVE" }),
    call("DeleteCertificate", { certificateId: NOBODY }),
    call("TransferCertificate", { certificateId: NOBODY, targetAwsAccount: "111122223333" }),
    call("CancelCertificateTransfer", { certificateId: NOBODY }),
  ]),
];

const THING = { thingName: "t" };
const NO_THING = { thingName: "none" };

/** Things, principals, policies. Given: arn, id and chipArn of certificates. */
export const THING_STEPS: readonly SdkStep[] = [
  ok("CreateThing", { ...THING, attributePayload: { attributes: { a: "1" } } }, "thingName thingArn thingId", {
    thing: "thingArn",
  }),
  ok("CreateThing", { ...THING, attributePayload: { attributes: { a: "1" } } }, "thingName thingArn thingId"),
  no("ResourceAlreadyExistsException", "CreateThing", { ...THING, attributePayload: { attributes: { a: "2" } } }),
  no(GONE, "CreateThing", { thingName: "u", thingTypeName: "none" }),
  ok("DescribeThing", THING, "defaultClientId thingName thingId thingArn attributes version"),
  ok("UpdateThing", { ...THING, attributePayload: { attributes: { b: "2" }, merge: true }, expectedVersion: 1 }),
  no("VersionConflictException", "UpdateThing", { ...THING, expectedVersion: 1 }),
  no("VersionConflictException", "DeleteThing", { ...THING, expectedVersion: 1 }),
  ok("ListThings", {}, "things"),
  ok("AttachThingPrincipal", ({ arn }) => ({ ...THING, principal: arn })),
  ok("AttachThingPrincipal", ({ arn }) => ({ ...THING, principal: arn })),
  ok("ListThingPrincipals", THING, "principals"),
  ok("ListThingPrincipalsV2", THING, "thingPrincipalObjects"),
  ok("ListPrincipalThings", ({ arn }) => ({ principal: arn }), "things"),
  ok("ListPrincipalThingsV2", ({ arn }) => ({ principal: arn }), "principalThingObjects"),
  no("InvalidRequestException", "DeleteThing", THING),
  no("CertificateStateException", "DeleteCertificate", ({ id }) => ({ certificateId: id, forceDelete: true })),
  ok("AttachThingPrincipal", ({ chipArn }) => ({ ...THING, principal: chipArn })),
  no("DeleteConflictException", "DeleteCertificate", ({ chipId }) => ({ certificateId: chipId, forceDelete: true })),
  ok("DetachThingPrincipal", ({ chipArn }) => ({ ...THING, principal: chipArn })),
  ok("DetachThingPrincipal", ({ chipArn }) => ({ ...THING, principal: chipArn })),
  ...all(GONE, [
    call("DescribeThing", NO_THING),
    call("UpdateThing", NO_THING),
    call("AttachThingPrincipal", ({ arn }) => ({ ...NO_THING, principal: arn })),
    call("AttachThingPrincipal", { ...THING, principal: NO_CERT }),
    call("DetachThingPrincipal", ({ arn }) => ({ ...NO_THING, principal: arn })),
    call("ListThingPrincipals", NO_THING),
    call("ListThingPrincipalsV2", NO_THING),
    call("ListPrincipalThings", { principal: NO_CERT }),
    call("ListPrincipalThingsV2", { principal: NO_CERT }),
  ]),
];

const ELEVEN = Array.from({ length: 11 }, (_, i) => `p${i}`);
const P = { policyName: "p" };
const NO_POLICY = { policyName: "none" };

export const POLICY_STEPS: readonly SdkStep[] = [
  ok("CreatePolicy", { ...P, policyDocument: POLICY }, "policyName policyArn policyDocument policyVersionId"),
  no("ResourceAlreadyExistsException", "CreatePolicy", { ...P, policyDocument: POLICY }),
  no("MalformedPolicyException", "CreatePolicy", { policyName: "q", policyDocument: "{}" }),
  ok("GetPolicy", P, "policyName policyArn policyDocument defaultVersionId creationDate lastModifiedDate generationId"),
  ok("ListPolicies", {}, "policies"),
  ...["2", "3", "4", "5"].map((version) =>
    ok(
      "CreatePolicyVersion",
      { ...P, policyDocument: POLICY, setAsDefault: version === "3" },
      "policyArn policyDocument policyVersionId isDefaultVersion",
    ),
  ),
  no("VersionsLimitExceededException", "CreatePolicyVersion", { ...P, policyDocument: POLICY }),
  no("MalformedPolicyException", "CreatePolicyVersion", { ...P, policyDocument: "[" }),
  ok(
    "GetPolicyVersion",
    { ...P, policyVersionId: "3" },
    "policyArn policyName policyDocument policyVersionId isDefaultVersion creationDate lastModifiedDate generationId",
  ),
  ok("ListPolicyVersions", P, "policyVersions"),
  no("DeleteConflictException", "DeletePolicyVersion", { ...P, policyVersionId: "3" }),
  ok("SetDefaultPolicyVersion", { ...P, policyVersionId: "5" }),
  ok("DeletePolicyVersion", { ...P, policyVersionId: "3" }),
  ok("AttachPolicy", ({ arn }) => ({ ...P, target: arn })),
  ok("AttachPolicy", ({ arn }) => ({ ...P, target: arn })),
  ok("AttachPrincipalPolicy", ({ chipArn }) => ({ ...P, principal: chipArn })),
  ok("ListAttachedPolicies", ({ arn }) => ({ target: arn }), "policies"),
  ok("ListTargetsForPolicy", P, "targets"),
  ok("ListPrincipalPolicies", ({ arn }) => ({ principal: arn }), "policies"),
  ok("ListPolicyPrincipals", P, "principals"),
  no("DeleteConflictException", "DeletePolicy", P),
  no("TransferConflictException", "TransferCertificate", ({ chipId }) => ({
    certificateId: chipId,
    targetAwsAccount: "111122223333",
  })),
  no("DeleteConflictException", "DeleteCertificate", ({ chipId }) => ({ certificateId: chipId })),
  ok("GetEffectivePolicies", ({ arn }) => ({ principal: arn, thingName: "t" }), "effectivePolicies"),
  ok(
    "TestAuthorization",
    ({ arn }) => ({
      principal: arn,
      clientId: "c",
      authInfos: [{ actionType: "CONNECT", resources: ["arn:aws:iot:eu-central-1:123456789012:client/c"] }],
    }),
    "authResults",
  ),
  ok("DetachPolicy", ({ arn }) => ({ ...P, target: arn })),
  ok("DetachPolicy", ({ arn }) => ({ ...P, target: arn })),
  ok("DetachPrincipalPolicy", ({ chipArn }) => ({ ...P, principal: chipArn })),
  ...ELEVEN.map((policyName) =>
    ok("CreatePolicy", { policyName, policyDocument: POLICY }, "policyName policyArn policyDocument policyVersionId"),
  ),
  ...ELEVEN.slice(1).map((policyName) => ok("AttachPolicy", ({ chipArn }) => ({ policyName, target: chipArn }))),
  no("LimitExceededException", "AttachPolicy", ({ chipArn }) => ({ policyName: "p0", target: chipArn })),
  no("LimitExceededException", "AttachPrincipalPolicy", ({ chipArn }) => ({ policyName: "p0", principal: chipArn })),
  ...all(GONE, [
    call("GetPolicy", NO_POLICY),
    call("DeletePolicy", NO_POLICY),
    call("CreatePolicyVersion", { ...NO_POLICY, policyDocument: POLICY }),
    call("GetPolicyVersion", { ...P, policyVersionId: "99" }),
    call("ListPolicyVersions", NO_POLICY),
    call("SetDefaultPolicyVersion", { ...P, policyVersionId: "99" }),
    call("DeletePolicyVersion", { ...P, policyVersionId: "99" }),
    call("AttachPolicy", ({ arn }) => ({ ...NO_POLICY, target: arn })),
    call("DetachPolicy", ({ arn }) => ({ ...NO_POLICY, target: arn })),
    call("ListAttachedPolicies", { target: NO_CERT }),
    call("ListTargetsForPolicy", NO_POLICY),
    call("AttachPrincipalPolicy", ({ arn }) => ({ ...NO_POLICY, principal: arn })),
    call("DetachPrincipalPolicy", ({ arn }) => ({ ...NO_POLICY, principal: arn })),
    call("ListPrincipalPolicies", { principal: NO_CERT }),
    call("ListPolicyPrincipals", NO_POLICY),
    call("GetEffectivePolicies", { principal: NO_CERT }),
    call("TestAuthorization", { principal: NO_CERT, authInfos: [{ resources: ["*"] }] }),
  ]),
];
