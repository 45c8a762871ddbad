import { no, ok, words, type Step } from "./aws-steps.ts";

const ROLE = "arn:aws:iam::123456789012:role/provisioning";
const TEMPLATE = JSON.stringify({
  Parameters: { Name: { Type: "String" } },
  Resources: { thing: { Type: "AWS::IoT::Thing", Properties: { ThingName: { Ref: "Name" } } } },
});

/** Provisioning templates, claims, RegisterThing and bulk registration. `{ca}` is a registered CA. */
export const PROVISIONING_STEPS: readonly Step[] = [
  {
    args: [
      ...words("iot create-provisioning-template --template-name T --provisioning-role-arn"),
      ROLE,
      ...words("--enabled --tags Key=k,Value=v --template-body"),
      TEMPLATE,
    ],
  },
  ok("iot describe-provisioning-template --template-name T"),
  ok("iot update-provisioning-template --template-name T --description d --no-enabled"),
  ok("iot list-provisioning-templates"),
  {
    args: [
      ...words("iot create-provisioning-template-version --template-name T --set-as-default --template-body"),
      TEMPLATE,
    ],
    save: { version: "versionId" },
  },
  no("DeleteConflictException", "iot delete-provisioning-template --template-name T"),
  ok("iot describe-provisioning-template-version --template-name T --version-id 2"),
  ok("iot list-provisioning-template-versions --template-name T"),
  ok("iot delete-provisioning-template-version --template-name T --version-id 1"),
  ok("iot create-provisioning-claim --template-name T"),
  ok("iot delete-provisioning-template --template-name T"),
  { args: [...words("iot register-thing --parameters Name=by-template --template-body"), TEMPLATE] },
  no("ResourceRegistrationFailureException", `iot register-thing --template-body ${TEMPLATE}`),
  ok("iot delete-thing --thing-name by-template"),
  {
    args: [
      ...words("iot start-thing-registration-task --input-file-bucket bulk --input-file-key list.json --role-arn"),
      ROLE,
      "--template-body",
      TEMPLATE,
    ],
    save: { task: "taskId" },
  },
  ok("iot describe-thing-registration-task --task-id {task}"),
  ok("iot list-thing-registration-tasks"),
  ok("iot list-thing-registration-task-reports --task-id {task} --report-type RESULTS"),
  no("ResourceNotFoundException", "iot stop-thing-registration-task --task-id none"),
  {
    args: [
      ...words("iot update-ca-certificate --certificate-id {ca} --registration-config"),
      JSON.stringify({
        roleArn: ROLE,
        templateBody: JSON.stringify({
          Resources: {
            c: { Type: "AWS::IoT::Certificate", Properties: { CertificateId: { Ref: "AWS::IoT::Certificate::Id" } } },
          },
        }),
      }),
    ],
  },
  ok("iot describe-ca-certificate --certificate-id {ca}"),
  ok("iot update-ca-certificate --certificate-id {ca} --remove-auto-registration"),
];
