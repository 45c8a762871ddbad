/** @table AWS IoT's registry: certificates, things, policies. Paths, places and errors from its service model (botocore 1.43.11). */
import { body, header, OK, operation, query, required, uri, type Parameter } from "./operation.ts";
import type {
  CaCertificateDescription,
  CaCertificateListing,
  CertificateDescription,
  CertificateIdentity,
  CertificateListing,
  CertificatePage,
  CreatedCertificate,
  CreatedPolicy,
  CreatedPolicyVersion,
  KeyPairTexts,
  PolicyDescription,
  PolicyPage,
  PolicyVersionDescription,
  PolicyVersionListing,
  PrincipalThingPage,
  RegistrationConfigResult,
  RegistrationCodeResult,
  ThingDescription,
  ThingIdentity,
  ThingListing,
  ThingPrincipalPage,
} from "./results.ts";
import { boolean, integer, list, map, oneOf, record, string } from "./shape.ts";

/** 64 hex digits; upper case and a leading 0x are taken as well. */
const CERTIFICATE_ID = string({ min: 64, max: 66, pattern: /(0x)?[a-fA-F0-9]+/ });
const CERTIFICATE_PEM = string({ min: 1, max: 65_536 });
const CERTIFICATE_STATUS = oneOf(
  "ACTIVE",
  "INACTIVE",
  "REVOKED",
  "PENDING_TRANSFER",
  "REGISTER_INACTIVE",
  "PENDING_ACTIVATION",
);
const THING_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ });
const POLICY_NAME = string({ min: 1, max: 128, pattern: /[\w+=,.@-]+/ });
const POLICY_DOCUMENT = string({ max: 404_600 });
const POLICY_VERSION_ID = string({ max: 9, pattern: /[0-9]+/ });
const THING_TYPE_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ });
const BILLING_GROUP_NAME = string({ min: 1, max: 128, pattern: /[a-zA-Z0-9:_-]+/ });
const TAGS = list(
  record(
    {
      Key: string({ min: 1, max: 128, pattern: /[\p{L}\p{Z}\p{N}_.:/=+\-@]*/u }),
      Value: string({ max: 256, pattern: /[\p{L}\p{Z}\p{N}_.:/=+\-@]*/u }),
    },
    ["Key"],
  ),
  { max: 50 },
);
/** An ARN; which kind is the registry's question. */
const PRINCIPAL = string({ min: 1, max: 2048 });
const PRINCIPAL_TYPE = oneOf("EXCLUSIVE_THING", "NON_EXCLUSIVE_THING");
const ATTRIBUTE_PAYLOAD = record({
  attributes: map(
    string({ max: 128, pattern: /[a-zA-Z0-9_.,@/:#-]+/ }),
    string({ max: 800, pattern: /[a-zA-Z0-9_.,@/:#=[\]-]*/ }),
    { max: 50 },
  ),
  merge: boolean,
});

const TEMPLATE_NAME = string({ min: 1, max: 36, pattern: /[0-9A-Za-z_-]+/ });
const REGISTRATION_CONFIG = record({
  templateBody: string({ max: 10_240 }),
  roleArn: string({ min: 20, max: 2048 }),
  templateName: TEMPLATE_NAME,
});

const NEXT_TOKEN = query(string({ min: 1, max: 1024, pattern: /[A-Za-z0-9+/]+={0,2}/ }));
const PAGED_BY_TOKEN = { nextToken: NEXT_TOKEN, maxResults: query(integer({ min: 1, max: 250 })) } as const;
const PAGED_BY_MARKER = { marker: NEXT_TOKEN, pageSize: query(integer({ min: 1, max: 250 })) } as const;
const IN_ORDER = { ...PAGED_BY_MARKER, ascendingOrder: query(boolean, "isAscendingOrder") } as const;

const THING_PRINCIPAL = required(header("x-amzn-principal", PRINCIPAL));
const POLICY_PRINCIPAL = required(header("x-amzn-iot-principal", PRINCIPAL));
const CA_ID: Parameter<string, true> = uri(CERTIFICATE_ID, "caCertificateId");
const NOT_FOUND = ["ResourceNotFoundException"] as const;

export const CA_OPERATIONS = {
  GetRegistrationCode: operation<RegistrationCodeResult>()({
    service: "iot",
    method: "GET",
    path: "/registrationcode",
    input: {},
    output: OK,
    errors: [],
  }),
  DeleteRegistrationCode: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/registrationcode",
    input: {},
    output: OK,
    errors: NOT_FOUND,
  }),
  RegisterCACertificate: operation<CertificateIdentity>()({
    service: "iot",
    method: "POST",
    path: "/cacertificate",
    input: {
      caCertificate: required(body(CERTIFICATE_PEM)),
      verificationCertificate: body(CERTIFICATE_PEM),
      setAsActive: query(boolean),
      allowAutoRegistration: query(boolean),
      certificateMode: body(oneOf("DEFAULT", "SNI_ONLY")),
      registrationConfig: body(REGISTRATION_CONFIG),
      tags: body(TAGS),
    },
    output: OK,
    errors: [
      "ResourceNotFoundException",
      "ResourceAlreadyExistsException",
      "RegistrationCodeValidationException",
      "CertificateValidationException",
      "LimitExceededException",
    ],
  }),
  DescribeCACertificate: operation<{
    readonly certificateDescription: CaCertificateDescription;
    readonly registrationConfig?: RegistrationConfigResult;
  }>()({
    service: "iot",
    method: "GET",
    path: "/cacertificate/{caCertificateId}",
    input: { certificateId: CA_ID },
    output: OK,
    errors: NOT_FOUND,
  }),
  UpdateCACertificate: operation<void>()({
    service: "iot",
    method: "PUT",
    path: "/cacertificate/{caCertificateId}",
    input: {
      certificateId: CA_ID,
      newStatus: query(oneOf("ACTIVE", "INACTIVE")),
      newAutoRegistrationStatus: query(oneOf("ENABLE", "DISABLE")),
      registrationConfig: body(REGISTRATION_CONFIG),
      removeAutoRegistration: body(boolean),
    },
    output: OK,
    errors: NOT_FOUND,
  }),
  DeleteCACertificate: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/cacertificate/{caCertificateId}",
    input: { certificateId: CA_ID },
    output: OK,
    errors: ["CertificateStateException", "ResourceNotFoundException"],
  }),
  ListCACertificates: operation<CertificatePage<CaCertificateListing>>()({
    service: "iot",
    method: "GET",
    path: "/cacertificates",
    input: { ...IN_ORDER, templateName: query(TEMPLATE_NAME) },
    output: OK,
    errors: [],
  }),
} as const;

export const CERTIFICATE_OPERATIONS = {
  RegisterCertificate: operation<CertificateIdentity>()({
    service: "iot",
    method: "POST",
    path: "/certificate/register",
    input: {
      certificatePem: required(body(CERTIFICATE_PEM)),
      caCertificatePem: body(CERTIFICATE_PEM),
      setAsActive: query(boolean),
      status: body(CERTIFICATE_STATUS),
    },
    output: OK,
    errors: [
      "ResourceAlreadyExistsException",
      "CertificateValidationException",
      "CertificateStateException",
      "CertificateConflictException",
    ],
  }),
  CreateKeysAndCertificate: operation<CreatedCertificate & { readonly keyPair: KeyPairTexts }>()({
    service: "iot",
    method: "POST",
    path: "/keys-and-certificate",
    input: { setAsActive: query(boolean) },
    output: OK,
    errors: [],
  }),
  CreateCertificateFromCsr: operation<CreatedCertificate>()({
    service: "iot",
    method: "POST",
    path: "/certificates",
    input: { certificateSigningRequest: required(body(string({ min: 1, max: 4096 }))), setAsActive: query(boolean) },
    output: OK,
    errors: [],
  }),
  RegisterCertificateWithoutCA: operation<CertificateIdentity>()({
    service: "iot",
    method: "POST",
    path: "/certificate/register-no-ca",
    input: { certificatePem: required(body(CERTIFICATE_PEM)), status: body(CERTIFICATE_STATUS) },
    output: OK,
    errors: ["ResourceAlreadyExistsException", "CertificateStateException", "CertificateValidationException"],
  }),
  DescribeCertificate: operation<{ readonly certificateDescription: CertificateDescription }>()({
    service: "iot",
    method: "GET",
    path: "/certificates/{certificateId}",
    input: { certificateId: uri(CERTIFICATE_ID) },
    output: OK,
    errors: NOT_FOUND,
  }),
  UpdateCertificate: operation<void>()({
    service: "iot",
    method: "PUT",
    path: "/certificates/{certificateId}",
    input: { certificateId: uri(CERTIFICATE_ID), newStatus: required(query(CERTIFICATE_STATUS)) },
    output: OK,
    errors: ["ResourceNotFoundException", "CertificateStateException"],
  }),
  DeleteCertificate: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/certificates/{certificateId}",
    input: { certificateId: uri(CERTIFICATE_ID), forceDelete: query(boolean) },
    output: OK,
    errors: ["CertificateStateException", "DeleteConflictException", "ResourceNotFoundException"],
  }),
  ListCertificates: operation<CertificatePage<CertificateListing>>()({
    service: "iot",
    method: "GET",
    path: "/certificates",
    input: IN_ORDER,
    output: OK,
    errors: [],
  }),
  ListCertificatesByCA: operation<CertificatePage<CertificateListing>>()({
    service: "iot",
    method: "GET",
    path: "/certificates-by-ca/{caCertificateId}",
    input: { caCertificateId: uri(CERTIFICATE_ID), ...IN_ORDER },
    output: OK,
    errors: [],
  }),
} as const;

export const THING_OPERATIONS = {
  CreateThing: operation<ThingIdentity>()({
    service: "iot",
    method: "POST",
    path: "/things/{thingName}",
    input: {
      thingName: uri(THING_NAME),
      attributePayload: body(ATTRIBUTE_PAYLOAD),
      thingTypeName: body(THING_TYPE_NAME),
      billingGroupName: body(BILLING_GROUP_NAME),
    },
    output: OK,
    errors: ["ResourceAlreadyExistsException", "ResourceNotFoundException"],
  }),
  DescribeThing: operation<ThingDescription>()({
    service: "iot",
    method: "GET",
    path: "/things/{thingName}",
    input: { thingName: uri(THING_NAME) },
    output: OK,
    errors: NOT_FOUND,
  }),
  UpdateThing: operation<void>()({
    service: "iot",
    method: "PATCH",
    path: "/things/{thingName}",
    input: {
      thingName: uri(THING_NAME),
      attributePayload: body(ATTRIBUTE_PAYLOAD),
      expectedVersion: body(integer()),
      thingTypeName: body(THING_TYPE_NAME),
      removeThingType: body(boolean),
    },
    output: OK,
    errors: ["VersionConflictException", "ResourceNotFoundException"],
  }),
  DeleteThing: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/things/{thingName}",
    input: { thingName: uri(THING_NAME), expectedVersion: query(integer()) },
    output: OK,
    errors: ["ResourceNotFoundException", "VersionConflictException"],
  }),
  ListThings: operation<{ readonly things: readonly ThingListing[]; readonly nextToken?: string }>()({
    service: "iot",
    method: "GET",
    path: "/things",
    input: {
      ...PAGED_BY_TOKEN,
      attributeName: query(string({ max: 128, pattern: /[a-zA-Z0-9_.,@/:#-]+/ })),
      attributeValue: query(string({ max: 800, pattern: /[a-zA-Z0-9_.,@/:#=[\]-]*/ })),
      thingTypeName: query(THING_TYPE_NAME),
      usePrefixAttributeValue: query(boolean),
    },
    output: OK,
    errors: [],
  }),
  AttachThingPrincipal: operation<void>()({
    service: "iot",
    method: "PUT",
    path: "/things/{thingName}/principals",
    input: {
      thingName: uri(THING_NAME),
      principal: THING_PRINCIPAL,
      thingPrincipalType: query(PRINCIPAL_TYPE),
    },
    output: OK,
    errors: NOT_FOUND,
  }),
  DetachThingPrincipal: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/things/{thingName}/principals",
    input: { thingName: uri(THING_NAME), principal: THING_PRINCIPAL },
    output: OK,
    errors: NOT_FOUND,
  }),
  ListThingPrincipals: operation<{ readonly principals: readonly string[]; readonly nextToken?: string }>()({
    service: "iot",
    method: "GET",
    path: "/things/{thingName}/principals",
    input: { thingName: uri(THING_NAME), ...PAGED_BY_TOKEN },
    output: OK,
    errors: NOT_FOUND,
  }),
  ListThingPrincipalsV2: operation<ThingPrincipalPage>()({
    service: "iot",
    method: "GET",
    path: "/things/{thingName}/principals-v2",
    input: { thingName: uri(THING_NAME), thingPrincipalType: query(PRINCIPAL_TYPE), ...PAGED_BY_TOKEN },
    output: OK,
    errors: NOT_FOUND,
  }),
  ListPrincipalThingsV2: operation<PrincipalThingPage>()({
    service: "iot",
    method: "GET",
    path: "/principals/things-v2",
    input: { principal: THING_PRINCIPAL, thingPrincipalType: query(PRINCIPAL_TYPE), ...PAGED_BY_TOKEN },
    output: OK,
    errors: NOT_FOUND,
  }),
  ListPrincipalThings: operation<{ readonly things: readonly string[]; readonly nextToken?: string }>()({
    service: "iot",
    method: "GET",
    path: "/principals/things",
    input: { principal: THING_PRINCIPAL, ...PAGED_BY_TOKEN },
    output: OK,
    errors: NOT_FOUND,
  }),
} as const;

export const POLICY_OPERATIONS = {
  CreatePolicy: operation<CreatedPolicy>()({
    service: "iot",
    method: "POST",
    path: "/policies/{policyName}",
    input: {
      policyName: uri(POLICY_NAME),
      policyDocument: required(body(POLICY_DOCUMENT)),
      tags: body(TAGS),
    },
    output: OK,
    errors: ["ResourceAlreadyExistsException", "MalformedPolicyException"],
  }),
  GetPolicy: operation<PolicyDescription>()({
    service: "iot",
    method: "GET",
    path: "/policies/{policyName}",
    input: { policyName: uri(POLICY_NAME) },
    output: OK,
    errors: NOT_FOUND,
  }),
  DeletePolicy: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/policies/{policyName}",
    input: { policyName: uri(POLICY_NAME) },
    output: OK,
    errors: ["DeleteConflictException", "ResourceNotFoundException"],
  }),
  ListPolicies: operation<PolicyPage>()({
    service: "iot",
    method: "GET",
    path: "/policies",
    input: IN_ORDER,
    output: OK,
    errors: [],
  }),
  CreatePolicyVersion: operation<CreatedPolicyVersion>()({
    service: "iot",
    method: "POST",
    path: "/policies/{policyName}/version",
    input: {
      policyName: uri(POLICY_NAME),
      policyDocument: required(body(POLICY_DOCUMENT)),
      setAsDefault: query(boolean),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "MalformedPolicyException", "VersionsLimitExceededException"],
  }),
  GetPolicyVersion: operation<PolicyVersionDescription>()({
    service: "iot",
    method: "GET",
    path: "/policies/{policyName}/version/{policyVersionId}",
    input: { policyName: uri(POLICY_NAME), policyVersionId: uri(POLICY_VERSION_ID) },
    output: OK,
    errors: NOT_FOUND,
  }),
  ListPolicyVersions: operation<{ readonly policyVersions: readonly PolicyVersionListing[] }>()({
    service: "iot",
    method: "GET",
    path: "/policies/{policyName}/version",
    input: { policyName: uri(POLICY_NAME) },
    output: OK,
    errors: NOT_FOUND,
  }),
  SetDefaultPolicyVersion: operation<void>()({
    service: "iot",
    method: "PATCH",
    path: "/policies/{policyName}/version/{policyVersionId}",
    input: { policyName: uri(POLICY_NAME), policyVersionId: uri(POLICY_VERSION_ID) },
    output: OK,
    errors: NOT_FOUND,
  }),
  DeletePolicyVersion: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/policies/{policyName}/version/{policyVersionId}",
    input: { policyName: uri(POLICY_NAME), policyVersionId: uri(POLICY_VERSION_ID) },
    output: OK,
    errors: ["DeleteConflictException", "ResourceNotFoundException"],
  }),
  AttachPolicy: operation<void>()({
    service: "iot",
    method: "PUT",
    path: "/target-policies/{policyName}",
    input: { policyName: uri(POLICY_NAME), target: required(body(PRINCIPAL)) },
    output: OK,
    errors: ["ResourceNotFoundException", "LimitExceededException"],
  }),
  DetachPolicy: operation<void>()({
    service: "iot",
    method: "POST",
    path: "/target-policies/{policyName}",
    input: { policyName: uri(POLICY_NAME), target: required(body(PRINCIPAL)) },
    output: OK,
    errors: ["ResourceNotFoundException", "LimitExceededException"],
  }),
  ListAttachedPolicies: operation<PolicyPage>()({
    service: "iot",
    method: "POST",
    path: "/attached-policies/{target}",
    input: { target: uri(PRINCIPAL), recursive: query(boolean), ...PAGED_BY_MARKER },
    output: OK,
    errors: ["ResourceNotFoundException", "LimitExceededException"],
  }),
  ListTargetsForPolicy: operation<{ readonly targets: readonly string[]; readonly nextMarker?: string }>()({
    service: "iot",
    method: "POST",
    path: "/policy-targets/{policyName}",
    input: { policyName: uri(POLICY_NAME), ...PAGED_BY_MARKER },
    output: OK,
    errors: ["ResourceNotFoundException", "LimitExceededException"],
  }),
  AttachPrincipalPolicy: operation<void>()({
    service: "iot",
    method: "PUT",
    path: "/principal-policies/{policyName}",
    input: { policyName: uri(POLICY_NAME), principal: POLICY_PRINCIPAL },
    output: OK,
    errors: ["ResourceNotFoundException", "LimitExceededException"],
  }),
  DetachPrincipalPolicy: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/principal-policies/{policyName}",
    input: { policyName: uri(POLICY_NAME), principal: POLICY_PRINCIPAL },
    output: OK,
    errors: NOT_FOUND,
  }),
  ListPrincipalPolicies: operation<PolicyPage>()({
    service: "iot",
    method: "GET",
    path: "/principal-policies",
    input: { principal: POLICY_PRINCIPAL, ...IN_ORDER },
    output: OK,
    errors: NOT_FOUND,
  }),
  ListPolicyPrincipals: operation<{ readonly principals: readonly string[]; readonly nextMarker?: string }>()({
    service: "iot",
    method: "GET",
    path: "/policy-principals",
    input: { policyName: required(header("x-amzn-iot-policy", POLICY_NAME)), ...IN_ORDER },
    output: OK,
    errors: NOT_FOUND,
  }),
} as const;

/** Where devices connect. */
export const ENDPOINT_OPERATIONS = {
  DescribeEndpoint: operation<{ readonly endpointAddress: string }>()({
    service: "iot",
    method: "GET",
    path: "/endpoint",
    input: { endpointType: query(string({ max: 128 })) },
    output: OK,
    errors: [],
  }),
} as const;
