import { NotFound } from "../../../codec/index.ts";
import type { DomainChange, DomainConfiguration, Domains } from "../../domains/index.ts";
import { notImplemented } from "../../errors.ts";
import type { LoggingOptions } from "../../logging/index.ts";
import type { CertificateProviders } from "../../providers/index.ts";
import { EVENT_TYPES, type EventSwitches } from "../../registry-events/index.ts";
import { iotArn, type Registry } from "../../registry/index.ts";
import {
  type HandlersOf,
  type OperationInput,
  type SETTING_OPERATIONS,
  markerPage,
  pageRequestOf,
  tokenPage,
} from "../../operations/index.ts";

type Names = keyof typeof SETTING_OPERATIONS;

/** What an account has set, each with its effect elsewhere. */
export type Settings = {
  readonly domains: Domains;
  readonly providers: CertificateProviders;
  readonly switches: EventSwitches;
  readonly logging: LoggingOptions;
};

/** Domain configurations, certificate providers, event switches and logging options in AWS's words. */
export function settingHandlers(registry: Registry, settings: Settings): HandlersOf<Names> {
  return {
    ...domainHandlers(registry, settings.domains),
    ...providerHandlers(settings.providers),
    ...switchHandlers(settings.switches),
    ...loggingHandlers(settings.logging),
  };
}

function domainHandlers(
  { account }: Registry,
  domains: Domains,
): HandlersOf<Extract<Names, `${string}DomainConfiguration${string}`>> {
  const named = (domainConfigurationName: string) => ({
    domainConfigurationName,
    domainConfigurationArn: iotArn(account, "domainconfiguration", domainConfigurationName),
  });
  return {
    async CreateDomainConfiguration(input) {
      refuseCertificates(input);
      const { domainConfigurationName: name, domainName, serviceType, tags } = input;
      await domains.create(name, { domainName, serviceType, tags, ...changeOf(input) });
      return named(name);
    },
    async DescribeDomainConfiguration({ domainConfigurationName: name }) {
      return { ...named(name), ...described(await domains.describe(name)) };
    },
    async UpdateDomainConfiguration(input) {
      const { domainConfigurationName: name, domainConfigurationStatus: status, removeAuthorizerConfig } = input;
      await domains.update(name, { ...changeOf(input), status, removeAuthorizer: removeAuthorizerConfig });
      return named(name);
    },
    DeleteDomainConfiguration: ({ domainConfigurationName: name }) => domains.delete(name),
    async ListDomainConfigurations({ serviceType, ...input }) {
      const page = await domains.list({ ...pageRequestOf(input), serviceType });
      return markerPage("domainConfigurations", page, ({ name, body }) => {
        return { ...named(name), serviceType: body.serviceType };
      });
    },
  };
}

function described({ body }: DomainConfiguration) {
  const { domainName, authorizer, status, serviceType, statusChangedAt, securityPolicy } = body;
  return {
    ...(domainName !== null && { domainName }),
    serverCertificates: [],
    ...(authorizer && { authorizerConfig: authorizer }),
    domainConfigurationStatus: status,
    serviceType,
    domainType: domainName === null ? ("AWS_MANAGED" as const) : ("CUSTOMER_MANAGED" as const),
    lastStatusChangeDate: statusChangedAt / 1000,
    tlsConfig: { securityPolicy },
    authenticationType: "DEFAULT" as const,
    applicationProtocol: "DEFAULT" as const,
  };
}

type DomainInput = Pick<
  OperationInput<"CreateDomainConfiguration">,
  | "authorizerConfig"
  | "tlsConfig"
  | "serverCertificateConfig"
  | "authenticationType"
  | "applicationProtocol"
  | "clientCertificateConfig"
>;

function changeOf(input: DomainInput): Pick<DomainChange, "authorizer" | "securityPolicy"> {
  const { authenticationType = "DEFAULT", applicationProtocol = "DEFAULT" } = input;
  if (authenticationType !== "DEFAULT") throw notImplemented(`authenticationType ${authenticationType}`);
  if (applicationProtocol !== "DEFAULT") throw notImplemented(`applicationProtocol ${applicationProtocol}`);
  if (input.clientCertificateConfig) throw notImplemented("clientCertificateConfig");
  if (input.serverCertificateConfig?.enableOCSPCheck) throw notImplemented("serverCertificateConfig.enableOCSPCheck");
  return { authorizer: input.authorizerConfig, securityPolicy: input.tlsConfig?.securityPolicy };
}

/** The listeners' certificates are those of the data directory, for the names that `hawser up --server-name` gives. */
function refuseCertificates(input: OperationInput<"CreateDomainConfiguration">): void {
  const { serverCertificateArns = [], validationCertificateArn } = input;
  if (serverCertificateArns.length > 0) throw notImplemented("serverCertificateArns");
  if (validationCertificateArn !== undefined) throw notImplemented("validationCertificateArn");
}

function providerHandlers(
  providers: CertificateProviders,
): HandlersOf<Extract<Names, `${string}CertificateProvider${string}`>> {
  const named = (certificateProviderName: string) => ({
    certificateProviderName,
    certificateProviderArn: providers.arnOf(certificateProviderName),
  });
  return {
    async CreateCertificateProvider({ certificateProviderName: name, lambdaFunctionArn: functionArn, tags }) {
      await providers.create(name, { functionArn, tags });
      return named(name);
    },
    async DescribeCertificateProvider({ certificateProviderName: name }) {
      const { body, createdAt, modifiedAt } = await providers.describe(name);
      return {
        ...named(name),
        lambdaFunctionArn: body.functionArn,
        accountDefaultForOperations: ["CreateCertificateFromCsr"],
        creationDate: createdAt / 1000,
        lastModifiedDate: modifiedAt / 1000,
      };
    },
    async UpdateCertificateProvider({ certificateProviderName: name, lambdaFunctionArn }) {
      await providers.update(name, lambdaFunctionArn);
      return named(name);
    },
    DeleteCertificateProvider: ({ certificateProviderName: name }) => providers.delete(name),
    async ListCertificateProviders(input) {
      return tokenPage("certificateProviders", await providers.list(pageRequestOf(input)), ({ name }) => named(name));
    },
  };
}

function switchHandlers(switches: EventSwitches): HandlersOf<Extract<Names, `${string}EventConfigurations`>> {
  return {
    async DescribeEventConfigurations() {
      const { times } = switches;
      const states = EVENT_TYPES.map((type) => [type, { Enabled: switches.isOn(type) }] as const);
      return {
        eventConfigurations: Object.fromEntries(states),
        ...(times && { creationDate: times.createdAt / 1000, lastModifiedDate: times.modifiedAt / 1000 }),
      };
    },
    async UpdateEventConfigurations({ eventConfigurations = {} }) {
      const entries = Object.entries(eventConfigurations).map(
        ([type, { Enabled = false }]) => [type, Enabled] as const,
      );
      await switches.set(Object.fromEntries(entries));
    },
  };
}

function loggingHandlers(logging: LoggingOptions): HandlersOf<Extract<Names, `${string}LoggingOptions`>> {
  return {
    async GetV2LoggingOptions() {
      const { roleArn, level, allDisabled } = await logging.describe();
      return { ...(roleArn !== null && { roleArn }), defaultLogLevel: level, disableAllLogs: allDisabled };
    },
    SetV2LoggingOptions: ({ roleArn, defaultLogLevel: level, disableAllLogs: allDisabled }) =>
      logging.set({ roleArn, level, allDisabled }),
    async GetLoggingOptions() {
      try {
        const { roleArn, level, allDisabled } = await logging.describe();
        return { ...(roleArn !== null && { roleArn }), logLevel: allDisabled ? "DISABLED" : level };
      } catch (error) {
        // The older operation knows no such error: what nobody set is empty.
        if (error instanceof NotFound) return {};
        throw error;
      }
    },
    SetLoggingOptions: ({ loggingOptionsPayload }) =>
      logging.set({ roleArn: loggingOptionsPayload.roleArn, level: loggingOptionsPayload.logLevel }),
  };
}
