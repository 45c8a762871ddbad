import { certificateFromPem } from "../../pki/index.ts";
import { invalidRequest } from "../errors.ts";
import { decide, policyContext, type PolicyContext } from "../policy/index.ts";
import {
  certificateIdOfArn,
  describeCertificate,
  findThing,
  nameOfArn,
  thingGroupNamed,
  type PolicyEntry,
  type Registry,
} from "../registry/index.ts";

/** Whom a question is about: a certificate or thing group by ARN, a thing's groups besides. */
export type Asked = { readonly principal?: string | undefined; readonly thingName?: string | undefined };

/** The policies in force of a principal and of a thing's groups, each once. Throws `NotFound`, `UsageError`. AWS IoT API, GetEffectivePolicies */
export async function effectivePolicies(registry: Registry, { principal, thingName }: Asked): Promise<PolicyEntry[]> {
  const { account, directory, store } = registry;
  if (principal === undefined && thingName === undefined) throw invalidRequest("principal or thingName is required");
  const names = new Set<string>();
  const group = principal === undefined ? undefined : nameOfArn(account, "thinggroup", principal);
  if (group !== undefined) {
    await thingGroupNamed(store.read, group);
    for (const { policies } of directory.groups.lineage(group)) for (const name of policies) names.add(name);
  } else if (principal !== undefined) {
    const { id } = await describeCertificate(registry, certificateIdOfArn(account, principal, "principal"));
    for (const { name } of directory.policiesOf(id)) names.add(name);
  }
  if (thingName !== undefined) for (const name of directory.groups.policiesOf([thingName])) names.add(name);
  return entriesOf(directory, [...names]);
}

/** What a client wants to do to some resources, ARNs. */
export type AuthorizationQuestion = {
  readonly action: "CONNECT" | "PUBLISH" | "SUBSCRIBE" | "RECEIVE";
  readonly resources: readonly string[];
};

/** The answer: the decision over all resources, and which policies led to it. */
export type AuthorizationAnswer = {
  readonly decision: "ALLOWED" | "EXPLICIT_DENY" | "IMPLICIT_DENY";
  readonly allowedBy: readonly string[];
  readonly deniedBy: readonly string[];
};

const ACTIONS = {
  CONNECT: "iot:Connect",
  PUBLISH: "iot:Publish",
  SUBSCRIBE: "iot:Subscribe",
  RECEIVE: "iot:Receive",
} as const;

export type AuthorizationTest = {
  readonly principal?: string | undefined;
  readonly clientId?: string | undefined;
  readonly questions: readonly AuthorizationQuestion[];
  readonly add?: readonly string[] | undefined;
  readonly skip?: readonly string[] | undefined;
};

/** Asks a principal's policies what they would say, with some added or left out. Throws `NotFound`. AWS IoT API, TestAuthorization */
export async function testAuthorization(registry: Registry, test: AuthorizationTest): Promise<AuthorizationAnswer[]> {
  const { directory } = registry;
  const own = test.principal === undefined ? [] : await effectivePolicies(registry, { principal: test.principal });
  const added = entriesOf(directory, test.add ?? []);
  const absent = (test.add ?? []).find((name) => !directory.policy(name));
  if (absent !== undefined) throw invalidRequest(`policyNamesToAdd: there is no policy ${absent}`);
  const documents = [...own, ...added].filter(({ name }) => !test.skip?.includes(name));
  const context = await contextOf(registry, test);
  return test.questions.map(({ action, resources }) => {
    const answers = resources.map((resource) => decide({ documents, context, action: ACTIONS[action], resource }));
    const denied = answers.filter((answer) => answer.reason === "explicit-deny");
    const allowed = answers.filter((answer) => answer.allowed);
    const isAllowed = answers.length > 0 && allowed.length === answers.length;
    const policiesOf = (some: typeof answers) => [...new Set(some.flatMap(({ statement }) => statement?.policy ?? []))];
    return {
      decision: isAllowed ? "ALLOWED" : denied.length > 0 ? "EXPLICIT_DENY" : "IMPLICIT_DENY",
      allowedBy: policiesOf(allowed),
      deniedBy: policiesOf(denied),
    };
  });
}

async function contextOf(registry: Registry, { principal, clientId = "" }: AuthorizationTest): Promise<PolicyContext> {
  const { account, directory } = registry;
  if (principal === undefined || nameOfArn(account, "thinggroup", principal) !== undefined) {
    return policyContext({ clientId });
  }
  const { id, pem } = await describeCertificate(registry, certificateIdOfArn(account, principal, "principal"));
  const isAttached = directory.certificate(id)?.things.includes(clientId) ?? false;
  const certificate = certificateFromPem(pem);
  const thing = isAttached ? await findThing(registry.store.read, clientId) : undefined;
  return policyContext({ clientId, certificate, ...(thing && { thing }) });
}

function entriesOf(directory: Registry["directory"], names: readonly string[]): PolicyEntry[] {
  return names.map((name) => directory.policy(name)).filter((each) => each !== undefined);
}
