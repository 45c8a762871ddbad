/** @table What these operations answer, in the service model's words (botocore 1.43.11). Times are seconds since 1970. */

export type CreateDomainConfigurationResponse = {
  readonly domainConfigurationName?: string | undefined;
  readonly domainConfigurationArn?: string | undefined;
};

export type ServerCertificateSummary = {
  readonly serverCertificateArn?: string | undefined;
  readonly serverCertificateStatus?: "INVALID" | "VALID" | undefined;
  readonly serverCertificateStatusDetail?: string | undefined;
};

export type AuthorizerConfig = {
  readonly defaultAuthorizerName?: string | undefined;
  readonly allowAuthorizerOverride?: boolean | undefined;
};

export type TlsConfig = { readonly securityPolicy?: string | undefined };

export type ServerCertificateConfig = {
  readonly enableOCSPCheck?: boolean | undefined;
  readonly ocspLambdaArn?: string | undefined;
  readonly ocspAuthorizedResponderArn?: string | undefined;
};

export type ClientCertificateConfig = { readonly clientCertificateCallbackArn?: string | undefined };

export type DescribeDomainConfigurationResponse = {
  readonly domainConfigurationName?: string | undefined;
  readonly domainConfigurationArn?: string | undefined;
  readonly domainName?: string | undefined;
  readonly serverCertificates?: readonly ServerCertificateSummary[] | undefined;
  readonly authorizerConfig?: AuthorizerConfig | undefined;
  readonly domainConfigurationStatus?: "ENABLED" | "DISABLED" | undefined;
  readonly serviceType?: "DATA" | "CREDENTIAL_PROVIDER" | "JOBS" | undefined;
  readonly domainType?: "ENDPOINT" | "AWS_MANAGED" | "CUSTOMER_MANAGED" | undefined;
  readonly lastStatusChangeDate?: number | undefined;
  readonly tlsConfig?: TlsConfig | undefined;
  readonly serverCertificateConfig?: ServerCertificateConfig | undefined;
  readonly authenticationType?: "CUSTOM_AUTH_X509" | "CUSTOM_AUTH" | "AWS_X509" | "AWS_SIGV4" | "DEFAULT" | undefined;
  readonly applicationProtocol?: "SECURE_MQTT" | "MQTT_WSS" | "HTTPS" | "DEFAULT" | undefined;
  readonly clientCertificateConfig?: ClientCertificateConfig | undefined;
};

export type UpdateDomainConfigurationResponse = {
  readonly domainConfigurationName?: string | undefined;
  readonly domainConfigurationArn?: string | undefined;
};

export type DomainConfigurationSummary = {
  readonly domainConfigurationName?: string | undefined;
  readonly domainConfigurationArn?: string | undefined;
  readonly serviceType?: "DATA" | "CREDENTIAL_PROVIDER" | "JOBS" | undefined;
};

export type ListDomainConfigurationsResponse = {
  readonly domainConfigurations?: readonly DomainConfigurationSummary[] | undefined;
  readonly nextMarker?: string | undefined;
};

export type CreateCertificateProviderResponse = {
  readonly certificateProviderName?: string | undefined;
  readonly certificateProviderArn?: string | undefined;
};

export type DescribeCertificateProviderResponse = {
  readonly certificateProviderName?: string | undefined;
  readonly certificateProviderArn?: string | undefined;
  readonly lambdaFunctionArn?: string | undefined;
  readonly accountDefaultForOperations?: readonly "CreateCertificateFromCsr"[] | undefined;
  readonly creationDate?: number | undefined;
  readonly lastModifiedDate?: number | undefined;
};

export type UpdateCertificateProviderResponse = {
  readonly certificateProviderName?: string | undefined;
  readonly certificateProviderArn?: string | undefined;
};

export type CertificateProviderSummary = {
  readonly certificateProviderName?: string | undefined;
  readonly certificateProviderArn?: string | undefined;
};

export type ListCertificateProvidersResponse = {
  readonly certificateProviders?: readonly CertificateProviderSummary[] | undefined;
  readonly nextToken?: string | undefined;
};

export type Configuration = { readonly Enabled?: boolean | undefined };

export type DescribeEventConfigurationsResponse = {
  readonly eventConfigurations?: Readonly<Record<string, Configuration>> | undefined;
  readonly creationDate?: number | undefined;
  readonly lastModifiedDate?: number | undefined;
};

export type LogLevel = "DEBUG" | "INFO" | "WARN" | "ERROR" | "DISABLED";

export type GetV2LoggingOptionsResponse = {
  readonly roleArn?: string | undefined;
  readonly defaultLogLevel?: LogLevel | undefined;
  readonly disableAllLogs?: boolean | undefined;
};

export type GetLoggingOptionsResponse = {
  readonly roleArn?: string | undefined;
  readonly logLevel?: LogLevel | undefined;
};
