/** @table What these operations answer, in the service model's words (botocore 1.43.11). Times are seconds since 1970. */

export type TransferCertificateResponse = { readonly transferredCertificateArn?: string | undefined };

export type OutgoingCertificate = {
  readonly certificateArn?: string | undefined;
  readonly certificateId?: string | undefined;
  readonly transferredTo?: string | undefined;
  readonly transferDate?: number | undefined;
  readonly transferMessage?: string | undefined;
  readonly creationDate?: number | undefined;
};

export type ListOutgoingCertificatesResponse = {
  readonly outgoingCertificates?: readonly OutgoingCertificate[] | undefined;
  readonly nextMarker?: string | undefined;
};
