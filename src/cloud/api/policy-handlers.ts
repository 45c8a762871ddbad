import {
  attachPolicy,
  createPolicy,
  createPolicyVersion,
  deletePolicy,
  deletePolicyVersion,
  describePolicy,
  detachPolicy,
  iotArn,
  listAttachedPolicies,
  listPolicies,
  listPolicyTargets,
  listPolicyVersions,
  setDefaultPolicyVersion,
  type Page,
  type PolicyVersion,
  type Registry,
} from "../registry/index.ts";
import { type HandlersOf, type POLICY_OPERATIONS, pageRequestOf } from "../operations/index.ts";

/** Policies in AWS's words; the older operations on principals are the newer ones on targets. */
export function policyHandlers(registry: Registry): HandlersOf<keyof typeof POLICY_OPERATIONS> {
  return { ...documentHandlers(registry), ...attachmentHandlers(registry) };
}

type DocumentNames =
  | "CreatePolicy"
  | "GetPolicy"
  | "DeletePolicy"
  | "ListPolicies"
  | "CreatePolicyVersion"
  | "GetPolicyVersion"
  | "ListPolicyVersions"
  | "SetDefaultPolicyVersion"
  | "DeletePolicyVersion";

function documentHandlers(registry: Registry): HandlersOf<DocumentNames> {
  const created = ({ policy, version }: PolicyVersion) => ({
    policyArn: iotArn(registry.account, "policy", policy.name),
    policyDocument: version.document,
    policyVersionId: String(version.version),
    isDefaultVersion: policy.default_version === version.version,
  });
  const dated = ({ policy, version }: PolicyVersion) => ({
    creationDate: version.created_at / 1000,
    lastModifiedDate: version.created_at / 1000,
    generationId: policy.generation_id,
  });
  return {
    async CreatePolicy({ policyName, policyDocument, tags }) {
      const made = created(await createPolicy(registry, policyName, policyDocument, tags));
      const { policyArn, policyVersionId } = made;
      return { policyName, policyArn, policyDocument, policyVersionId };
    },
    async GetPolicy({ policyName }) {
      const found = await describePolicy(registry, policyName);
      const { policyArn, policyDocument, policyVersionId } = created(found);
      return {
        policyName,
        policyArn,
        policyDocument,
        defaultVersionId: policyVersionId,
        creationDate: found.policy.created_at / 1000,
        lastModifiedDate: found.policy.modified_at / 1000,
        generationId: found.policy.generation_id,
      };
    },
    DeletePolicy: ({ policyName }) => deletePolicy(registry, policyName),
    async ListPolicies(input) {
      const { rows, ...page } = await listPolicies(registry, pageRequestOf(input));
      return policyPage(registry, { ...page, rows: rows.map((row) => row.name) });
    },
    async CreatePolicyVersion({ policyName, policyDocument, setAsDefault }) {
      return created(await createPolicyVersion(registry, policyName, { document: policyDocument, setAsDefault }));
    },
    async GetPolicyVersion({ policyName, policyVersionId }) {
      const found = await describePolicy(registry, policyName, Number(policyVersionId));
      return { policyName, ...created(found), ...dated(found) };
    },
    async ListPolicyVersions({ policyName }) {
      const { policy, versions } = await listPolicyVersions(registry, policyName);
      const policyVersions = versions.map(({ version, created_at }) => ({
        versionId: String(version),
        isDefaultVersion: policy.default_version === version,
        createDate: created_at / 1000,
      }));
      return { policyVersions };
    },
    SetDefaultPolicyVersion: ({ policyName, policyVersionId }) =>
      setDefaultPolicyVersion(registry, policyName, Number(policyVersionId)),
    DeletePolicyVersion: ({ policyName, policyVersionId }) =>
      deletePolicyVersion(registry, policyName, Number(policyVersionId)),
  };
}

function attachmentHandlers(registry: Registry): HandlersOf<Exclude<keyof typeof POLICY_OPERATIONS, DocumentNames>> {
  return {
    AttachPolicy: ({ policyName, target }) => attachPolicy(registry, policyName, target),
    DetachPolicy: ({ policyName, target }) => detachPolicy(registry, policyName, target),
    async ListAttachedPolicies({ target, recursive: isRecursive, ...input }) {
      return policyPage(
        registry,
        await listAttachedPolicies(registry, target, { ...pageRequestOf(input), isRecursive }),
      );
    },
    async ListTargetsForPolicy({ policyName, ...input }) {
      const { rows, next } = await listPolicyTargets(registry, policyName, pageRequestOf(input));
      return next === undefined ? { targets: rows } : { targets: rows, nextMarker: next };
    },
    AttachPrincipalPolicy: ({ policyName, principal }) => attachPolicy(registry, policyName, principal),
    DetachPrincipalPolicy: ({ policyName, principal }) => detachPolicy(registry, policyName, principal),
    async ListPrincipalPolicies({ principal, ...input }) {
      return policyPage(registry, await listAttachedPolicies(registry, principal, pageRequestOf(input)));
    },
    async ListPolicyPrincipals({ policyName, ...input }) {
      const { rows, next } = await listPolicyTargets(registry, policyName, pageRequestOf(input));
      return next === undefined ? { principals: rows } : { principals: rows, nextMarker: next };
    },
  };
}

function policyPage({ account }: Registry, { rows, next }: Page<string>) {
  const policies = rows.map((policyName) => ({ policyName, policyArn: iotArn(account, "policy", policyName) }));
  return next === undefined ? { policies } : { policies, nextMarker: next };
}
