/** What registry operations return, as AWS IoT spells it. Times are seconds since 1970, with fractions. */

import type { AutoRegistration, CaStatus, CertificateMode, CertificateStatus } from "../registry/index.ts";

export type RegistrationCodeResult = { readonly registrationCode: string };

/** A certificate's name in both forms. */
export type CertificateIdentity = { readonly certificateArn: string; readonly certificateId: string };

/** A certificate that the cloud issued. */
export type CreatedCertificate = CertificateIdentity & { readonly certificatePem: string };

/** A new key pair in PEM: the only time that anybody sees its private half. */
export type KeyPairTexts = { readonly PublicKey: string; readonly PrivateKey: string };

export type CaCertificateDescription = CertificateIdentity & {
  readonly status: CaStatus;
  readonly certificatePem: string;
  readonly ownedBy: string;
  readonly creationDate: number;
  readonly autoRegistrationStatus: AutoRegistration;
  readonly lastModifiedDate: number;
  readonly customerVersion: number;
  readonly generationId: string;
  readonly validity?: { readonly notBefore: number; readonly notAfter: number };
  readonly certificateMode: CertificateMode;
};

/** The template that a CA's new devices are provisioned with. */
export type RegistrationConfigResult = {
  readonly templateBody?: string | undefined;
  readonly roleArn?: string | undefined;
  readonly templateName?: string | undefined;
};

export type CaCertificateListing = CertificateIdentity & { readonly status: CaStatus; readonly creationDate: number };

export type CertificateDescription = CertificateIdentity & {
  readonly caCertificateId?: string;
  readonly status: CertificateStatus;
  readonly certificatePem: string;
  readonly ownedBy: string;
  readonly creationDate: number;
  readonly lastModifiedDate: number;
  readonly customerVersion: number;
  readonly generationId: string;
  readonly validity?: { readonly notBefore: number; readonly notAfter: number };
  readonly certificateMode: CertificateMode;
  readonly transferData?: TransferData;
};

/** What became of a certificate's transfer. */
export type TransferData = {
  readonly transferMessage?: string | undefined;
  readonly rejectReason?: string | undefined;
  readonly transferDate: number;
  readonly acceptDate?: number | undefined;
  readonly rejectDate?: number | undefined;
};

export type CertificateListing = CertificateIdentity & {
  readonly status: CertificateStatus;
  readonly certificateMode: CertificateMode;
  readonly creationDate: number;
};

/** One page; `nextMarker` is absent on the last. */
export type CertificatePage<Listing> = { readonly certificates: readonly Listing[]; readonly nextMarker?: string };

export type ThingIdentity = { readonly thingName: string; readonly thingArn: string; readonly thingId: string };

export type ThingDescription = ThingIdentity & {
  readonly defaultClientId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly version: number;
  readonly thingTypeName?: string;
  readonly billingGroupName?: string;
};

export type ThingListing = {
  readonly thingName: string;
  readonly thingArn: string;
  readonly thingTypeName?: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly version: number;
};

/** Whether a certificate is one thing's alone. */
export type ThingPrincipalKind = "EXCLUSIVE_THING" | "NON_EXCLUSIVE_THING";

/** One page; `nextToken` is absent on the last. */
export type ThingPrincipalPage = {
  readonly thingPrincipalObjects: readonly {
    readonly principal: string;
    readonly thingPrincipalType: ThingPrincipalKind;
  }[];
  readonly nextToken?: string;
};

/** One page; `nextToken` is absent on the last. */
export type PrincipalThingPage = {
  readonly principalThingObjects: readonly {
    readonly thingName: string;
    readonly thingPrincipalType: ThingPrincipalKind;
  }[];
  readonly nextToken?: string;
};

export type PolicyIdentity = { readonly policyName: string; readonly policyArn: string };

export type CreatedPolicy = PolicyIdentity & { readonly policyDocument: string; readonly policyVersionId: string };

export type PolicyDescription = PolicyIdentity & {
  readonly policyDocument: string;
  readonly defaultVersionId: string;
  readonly creationDate: number;
  readonly lastModifiedDate: number;
  readonly generationId: string;
};

export type CreatedPolicyVersion = {
  readonly policyArn: string;
  readonly policyDocument: string;
  readonly policyVersionId: string;
  readonly isDefaultVersion: boolean;
};

export type PolicyVersionDescription = PolicyIdentity &
  CreatedPolicyVersion & {
    readonly creationDate: number;
    readonly lastModifiedDate: number;
    readonly generationId: string;
  };

export type PolicyVersionListing = {
  readonly versionId: string;
  readonly isDefaultVersion: boolean;
  readonly createDate: number;
};

export type PolicyPage = { readonly policies: readonly PolicyIdentity[]; readonly nextMarker?: string };
