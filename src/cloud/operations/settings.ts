/** @table Domain configurations, certificate providers, event configurations, logging options. Paths, places, shapes and errors from AWS IoT's service model (botocore 1.43.11). */
import { body, OK, operation, payload, query, required, uri } from "./operation.ts";
import { boolean, integer, list, map, oneOf, record, string, unavailable } from "./shape.ts";
import type {
  CreateCertificateProviderResponse,
  CreateDomainConfigurationResponse,
  DescribeCertificateProviderResponse,
  DescribeDomainConfigurationResponse,
  DescribeEventConfigurationsResponse,
  ListCertificateProvidersResponse,
  ListDomainConfigurationsResponse,
  UpdateCertificateProviderResponse,
  GetLoggingOptionsResponse,
  GetV2LoggingOptionsResponse,
  UpdateDomainConfigurationResponse,
} from "./settings-results.ts";

const TAG_KEY = string({ min: 1, max: 128, pattern: /([\p{L}\p{Z}\p{N}_.:/=+\-@]*)/u });
const TAG_VALUE = string({ max: 256 });
const TAG = record({ Key: TAG_KEY, Value: TAG_VALUE }, ["Key"]);
const TAG_LIST = list(TAG, { max: 100 });
const PAGE_SIZE = integer({ min: 1, max: 250 });
const MARKER = string({ max: 1024, pattern: /[A-Za-z0-9+/]+={0,2}/ });
const DOMAIN_CONFIGURATION_NAME = string({ min: 1, max: 128, pattern: /[\w.-]+/ });
const DOMAIN_NAME = string({ min: 1, max: 253 });
const ACM_CERTIFICATE_ARN = string({
  min: 1,
  max: 2048,
  pattern:
    /arn:aws(-cn|-us-gov|-iso-b|-iso)?:acm:[a-z]{2}-(gov-|iso-|isob-)?[a-z]{4,9}-\d{1}:\d{12}:certificate\/[a-zA-Z0-9/-]+/,
});
const SERVER_CERTIFICATE_ARNS = list(ACM_CERTIFICATE_ARN, { min: 0, max: 1 });
const AUTHORIZER_NAME = string({ min: 1, max: 128, pattern: /[\w=,@-]+/ });
const AUTHORIZER_CONFIG = record({ defaultAuthorizerName: AUTHORIZER_NAME, allowAuthorizerOverride: boolean });
const SERVICE_TYPE = oneOf("DATA", "CREDENTIAL_PROVIDER", "JOBS");
const SECURITY_POLICY = string({ max: 128 });
const TLS_CONFIG = record({ securityPolicy: SECURITY_POLICY });
const OCSPLAMBDA_ARN = string({ max: 140 });
const SERVER_CERTIFICATE_CONFIG = record({
  enableOCSPCheck: boolean,
  ocspLambdaArn: OCSPLAMBDA_ARN,
  ocspAuthorizedResponderArn: ACM_CERTIFICATE_ARN,
});
const AUTHENTICATION_TYPE = oneOf("CUSTOM_AUTH_X509", "CUSTOM_AUTH", "AWS_X509", "AWS_SIGV4", "DEFAULT");
const APPLICATION_PROTOCOL = oneOf("SECURE_MQTT", "MQTT_WSS", "HTTPS", "DEFAULT");
const CLIENT_CERTIFICATE_CALLBACK_ARN = string({ max: 2048 });
const CLIENT_CERTIFICATE_CONFIG = record({ clientCertificateCallbackArn: CLIENT_CERTIFICATE_CALLBACK_ARN });
const RESERVED_DOMAIN_CONFIGURATION_NAME = string({ min: 1, max: 128, pattern: /[\w.:-]+/ });
const DOMAIN_CONFIGURATION_STATUS = oneOf("ENABLED", "DISABLED");
const CERTIFICATE_PROVIDER_NAME = string({ min: 1, max: 128, pattern: /[\w=,@-]+/ });
const CERTIFICATE_PROVIDER_FUNCTION_ARN = string({ max: 2048 });
const CERTIFICATE_PROVIDER_OPERATION = oneOf("CreateCertificateFromCsr");
const CERTIFICATE_PROVIDER_ACCOUNT_DEFAULT_FOR_OPERATIONS = list(CERTIFICATE_PROVIDER_OPERATION, { min: 1, max: 1 });
const CLIENT_TOKEN = string({ min: 36, max: 64, pattern: /\S{36,64}/ });
const EVENT_TYPE = oneOf(
  "THING",
  "THING_GROUP",
  "THING_TYPE",
  "THING_GROUP_MEMBERSHIP",
  "THING_GROUP_HIERARCHY",
  "THING_TYPE_ASSOCIATION",
  "JOB",
  "JOB_EXECUTION",
  "POLICY",
  "CERTIFICATE",
  "CA_CERTIFICATE",
);
const CONFIGURATION = record({ Enabled: boolean });
const EVENT_CONFIGURATIONS = map(EVENT_TYPE, CONFIGURATION, { max: 200 });

const AWS_ARN = string({ max: 2048 });
const LOG_LEVEL = oneOf("DEBUG", "INFO", "ERROR", "WARN", "DISABLED");

const LOGGING_OPTIONS = record({ roleArn: AWS_ARN, logLevel: LOG_LEVEL }, ["roleArn"]);

export const SETTING_OPERATIONS = {
  CreateDomainConfiguration: operation<CreateDomainConfigurationResponse>()({
    service: "iot",
    method: "POST",
    path: "/domainConfigurations/{domainConfigurationName}",
    input: {
      domainConfigurationName: uri(DOMAIN_CONFIGURATION_NAME),
      domainName: body(DOMAIN_NAME),
      serverCertificateArns: body(SERVER_CERTIFICATE_ARNS),
      validationCertificateArn: body(ACM_CERTIFICATE_ARN),
      authorizerConfig: body(AUTHORIZER_CONFIG),
      serviceType: body(SERVICE_TYPE),
      tags: body(TAG_LIST),
      tlsConfig: body(TLS_CONFIG),
      serverCertificateConfig: body(SERVER_CERTIFICATE_CONFIG),
      authenticationType: body(AUTHENTICATION_TYPE),
      applicationProtocol: body(APPLICATION_PROTOCOL),
      clientCertificateConfig: body(CLIENT_CERTIFICATE_CONFIG),
    },
    output: OK,
    errors: ["LimitExceededException", "CertificateValidationException", "ResourceAlreadyExistsException"],
  }),
  DescribeDomainConfiguration: operation<DescribeDomainConfigurationResponse>()({
    service: "iot",
    method: "GET",
    path: "/domainConfigurations/{domainConfigurationName}",
    input: { domainConfigurationName: uri(RESERVED_DOMAIN_CONFIGURATION_NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  UpdateDomainConfiguration: operation<UpdateDomainConfigurationResponse>()({
    service: "iot",
    method: "PUT",
    path: "/domainConfigurations/{domainConfigurationName}",
    input: {
      domainConfigurationName: uri(RESERVED_DOMAIN_CONFIGURATION_NAME),
      authorizerConfig: body(AUTHORIZER_CONFIG),
      domainConfigurationStatus: body(DOMAIN_CONFIGURATION_STATUS),
      removeAuthorizerConfig: body(boolean),
      tlsConfig: body(TLS_CONFIG),
      serverCertificateConfig: body(SERVER_CERTIFICATE_CONFIG),
      authenticationType: body(AUTHENTICATION_TYPE),
      applicationProtocol: body(APPLICATION_PROTOCOL),
      clientCertificateConfig: body(CLIENT_CERTIFICATE_CONFIG),
    },
    output: OK,
    errors: ["ResourceNotFoundException", "CertificateValidationException"],
  }),
  DeleteDomainConfiguration: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/domainConfigurations/{domainConfigurationName}",
    input: { domainConfigurationName: uri(DOMAIN_CONFIGURATION_NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  ListDomainConfigurations: operation<ListDomainConfigurationsResponse>()({
    service: "iot",
    method: "GET",
    path: "/domainConfigurations",
    input: { marker: query(MARKER), pageSize: query(PAGE_SIZE), serviceType: query(SERVICE_TYPE) },
    output: OK,
    errors: [],
  }),
  CreateCertificateProvider: operation<CreateCertificateProviderResponse>()({
    service: "iot",
    method: "POST",
    path: "/certificate-providers/{certificateProviderName}",
    input: {
      certificateProviderName: uri(CERTIFICATE_PROVIDER_NAME),
      lambdaFunctionArn: required(body(CERTIFICATE_PROVIDER_FUNCTION_ARN)),
      accountDefaultForOperations: required(body(CERTIFICATE_PROVIDER_ACCOUNT_DEFAULT_FOR_OPERATIONS)),
      clientToken: body(CLIENT_TOKEN),
      tags: body(TAG_LIST),
    },
    output: OK,
    errors: ["LimitExceededException", "ResourceAlreadyExistsException"],
  }),
  DescribeCertificateProvider: operation<DescribeCertificateProviderResponse>()({
    service: "iot",
    method: "GET",
    path: "/certificate-providers/{certificateProviderName}",
    input: { certificateProviderName: uri(CERTIFICATE_PROVIDER_NAME) },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  UpdateCertificateProvider: operation<UpdateCertificateProviderResponse>()({
    service: "iot",
    method: "PUT",
    path: "/certificate-providers/{certificateProviderName}",
    input: {
      certificateProviderName: uri(CERTIFICATE_PROVIDER_NAME),
      lambdaFunctionArn: body(CERTIFICATE_PROVIDER_FUNCTION_ARN),
      accountDefaultForOperations: body(CERTIFICATE_PROVIDER_ACCOUNT_DEFAULT_FOR_OPERATIONS),
    },
    output: OK,
    errors: ["ResourceNotFoundException"],
  }),
  DeleteCertificateProvider: operation<void>()({
    service: "iot",
    method: "DELETE",
    path: "/certificate-providers/{certificateProviderName}",
    input: { certificateProviderName: uri(CERTIFICATE_PROVIDER_NAME) },
    output: OK,
    errors: ["DeleteConflictException", "ResourceNotFoundException"],
  }),
  ListCertificateProviders: operation<ListCertificateProvidersResponse>()({
    service: "iot",
    method: "GET",
    path: "/certificate-providers/",
    input: { nextToken: query(MARKER), ascendingOrder: query(boolean, "isAscendingOrder") },
    output: OK,
    errors: [],
  }),
  DescribeEventConfigurations: operation<DescribeEventConfigurationsResponse>()({
    service: "iot",
    method: "GET",
    path: "/event-configurations",
    input: {},
    output: OK,
    errors: [],
  }),
  UpdateEventConfigurations: operation<void>()({
    service: "iot",
    method: "PATCH",
    path: "/event-configurations",
    input: { eventConfigurations: body(EVENT_CONFIGURATIONS) },
    output: OK,
    errors: [],
  }),
  GetV2LoggingOptions: operation<GetV2LoggingOptionsResponse>()({
    service: "iot",
    method: "GET",
    path: "/v2LoggingOptions",
    input: { verbose: query(boolean) },
    output: OK,
    errors: ["NotConfiguredException"],
  }),
  SetV2LoggingOptions: operation<void>()({
    service: "iot",
    method: "POST",
    path: "/v2LoggingOptions",
    input: {
      roleArn: body(AWS_ARN),
      defaultLogLevel: body(LOG_LEVEL),
      disableAllLogs: body(boolean),
      eventConfigurations: body(unavailable),
    },
    output: OK,
    errors: [],
  }),
  GetLoggingOptions: operation<GetLoggingOptionsResponse>()({
    service: "iot",
    method: "GET",
    path: "/loggingOptions",
    input: {},
    output: OK,
    errors: [],
  }),
  SetLoggingOptions: operation<void>()({
    service: "iot",
    method: "POST",
    path: "/loggingOptions",
    input: { loggingOptionsPayload: required(payload(LOGGING_OPTIONS)) },
    output: OK,
    errors: [],
  }),
} as const;
