import type { DeviceRegistries } from "../jwt/index.ts";
import { checkTags, iotArn, putTags, removeTags, type Registry } from "../registry/index.ts";
import type { Revocations } from "../revocation/index.ts";
import type { FleetIndex } from "../search/index.ts";
import type {
  DestinationOperations,
  FunctionService,
  Handlers,
  RecordingService,
  RuleService,
  StatusResult,
  Why,
} from "../operations/index.ts";
import { DeviceJobs, type Jobs } from "../jobs/index.ts";
import type { Shadows } from "../shadows/index.ts";
import type { AskFunction, RegistrationTasks, Workshop } from "../templates/index.ts";
import { authorizerHandlers } from "./authorizers/handlers.ts";
import { certificateHandlers } from "./certificate-handlers.ts";
import { dataHandlers, type MessagePublisher } from "./data-handlers.ts";
import { deviceRegistryHandlers } from "./device-registry-handlers.ts";
import { fleetHandlers } from "./fleet/handlers.ts";
import { functionHandlers } from "./function-handlers.ts";
import { hawserHandlers, type LedgerReader } from "./hawser-handlers.ts";
import { recordingHandlers } from "./recording-handlers.ts";
import { revocationHandlers } from "./revocation-handlers.ts";
import { policyHandlers } from "./policy-handlers.ts";
import { provisioningHandlers } from "./provisioning/handlers.ts";
import { deviceJobHandlers } from "./jobs/device-handlers.ts";
import { jobHandlers } from "./jobs/handlers.ts";
import { shadowHandlers } from "./shadow-handlers.ts";
import { roleAliasHandlers } from "./role-aliases/handlers.ts";
import { searchHandlers } from "./search/handlers.ts";
import { settingHandlers, type Settings } from "./settings/handlers.ts";
import { transferHandlers } from "./transfer/handlers.ts";
import { thingHandlers } from "./thing-handlers.ts";

/** What the control plane stands on. */
export type ControlPlaneServices = {
  readonly registry: Registry;
  readonly deviceRegistries: DeviceRegistries;
  /** The registry with the cloud's own CA for device certificates. */
  readonly shop: Workshop;
  readonly tasks: RegistrationTasks;
  readonly revocations: Revocations;
  readonly settings: Settings;
  readonly index: FleetIndex;
  /** Asks a function and waits for its answer. */
  readonly ask: AskFunction;
  readonly messages: MessagePublisher;
  readonly shadows: Shadows;
  readonly jobs: Jobs;
  readonly functions: FunctionService;
  readonly rules: RuleService;
  readonly destinations?: DestinationOperations;
  readonly recordings?: RecordingService;
  readonly why: Why;
  readonly ledger: LedgerReader;
  /** The host name that devices connect to, with a port only where it is not the usual one. */
  readonly dataEndpoint: string;
  /** The root that devices must trust, PEM. */
  readonly rootCertificate: string;
  /** What is true at this moment: sessions, and what is listened for. */
  readonly traffic: () => Pick<StatusResult, "sessions" | "listeners">;
};

/** All handlers over the rooms behind them. */
export function createHandlers(services: ControlPlaneServices): Handlers {
  const { functions, rules, destinations } = services;
  const { store, account } = services.registry;
  const ruleArn = (name: string) => iotArn(account, "rule", name);
  return {
    ...certificateHandlers(services.registry, services.shop.issuing, services.settings.providers),
    ...thingHandlers(services.registry),
    ...policyHandlers(services.registry),
    ...fleetHandlers(services.registry, services.index),
    ...searchHandlers(services),
    ...provisioningHandlers(services),
    ...transferHandlers(services.registry),
    ...authorizerHandlers(services),
    ...roleAliasHandlers(services.registry),
    ...settingHandlers(services.registry, services.settings),
    ...hawserHandlers(services),
    ...deviceRegistryHandlers(services.deviceRegistries),
    ...revocationHandlers(services.registry, services.revocations),
    ...recordingHandlers(services.recordings),
    ...dataHandlers(services),
    ...shadowHandlers(services.shadows),
    ...jobHandlers(services.registry, services.jobs),
    ...deviceJobHandlers(new DeviceJobs(services.jobs), services.registry.clock),
    async CreateTopicRule({ tags = [], ...rule }) {
      checkTags(tags);
      await rules.createTopicRule(rule);
      if (tags.length > 0) await store.write((queries) => putTags(queries, ruleArn(rule.ruleName), tags));
    },
    GetTopicRule: rules.getTopicRule?.bind(rules),
    ReplaceTopicRule: rules.replaceTopicRule?.bind(rules),
    ListTopicRules: rules.listTopicRules?.bind(rules),
    EnableTopicRule: rules.enableTopicRule?.bind(rules),
    DisableTopicRule: rules.disableTopicRule?.bind(rules),
    DeleteTopicRule:
      rules.deleteTopicRule &&
      (async (input) => {
        await rules.deleteTopicRule?.(input);
        await store.write((queries) => removeTags(queries, ruleArn(input.ruleName)));
      }),
    CreateTopicRuleDestination: destinations?.createTopicRuleDestination.bind(destinations),
    ConfirmTopicRuleDestination: destinations?.confirmTopicRuleDestination.bind(destinations),
    GetTopicRuleDestination: destinations?.getTopicRuleDestination.bind(destinations),
    UpdateTopicRuleDestination: destinations?.updateTopicRuleDestination.bind(destinations),
    ListTopicRuleDestinations: destinations?.listTopicRuleDestinations.bind(destinations),
    DeleteTopicRuleDestination: destinations?.deleteTopicRuleDestination.bind(destinations),
    ...functionHandlers(functions),
  };
}
