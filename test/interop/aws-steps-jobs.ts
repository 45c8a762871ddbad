import { no, ok, words, type Step } from "./aws-steps.ts";

const DOCUMENT = '{"do":"it"}';

/** Jobs, from both sides: the operator's commands and, with the same keys, what a device asks. */
export const JOB_STEPS: readonly Step[] = [
  ok("iot create-thing --thing-name J", { thing: "thingArn" }),
  {
    args: [...words("iot create-job --job-id j1 --targets {thing} --description first --document"), DOCUMENT],
    save: { job: "jobArn" },
  },
  {
    args: [...words("iot create-job --job-id j1 --targets {thing} --document"), DOCUMENT],
    refused: "ResourceAlreadyExistsException",
  },
  no("InvalidRequestException", "iot create-job --job-id j2 --targets {thing} --document {"),
  ok("iot describe-job --job-id j1"),
  ok("iot get-job-document --job-id j1"),
  ok("iot list-jobs --status IN_PROGRESS --max-results 1"),
  ok("iot update-job --job-id j1 --timeout-config inProgressTimeoutInMinutes=5"),
  ok("iot describe-job-execution --job-id j1 --thing-name J"),
  ok("iot list-job-executions-for-job --job-id j1"),
  ok("iot list-job-executions-for-thing --thing-name J --status QUEUED"),
  ok("iot-jobs-data get-pending-job-executions --thing-name J"),
  ok("iot-jobs-data start-next-pending-job-execution --thing-name J --status-details step=one"),
  ok("iot-jobs-data describe-job-execution --thing-name J --job-id $next"),
  no("InvalidStateTransitionException", "iot cancel-job-execution --job-id j1 --thing-name J"),
  no("InvalidStateTransitionException", "iot delete-job --job-id j1"),
  ok("iot-jobs-data update-job-execution --thing-name J --job-id j1 --status SUCCEEDED --include-job-execution-state"),
  no(
    "InvalidStateTransitionException",
    "iot-jobs-data update-job-execution --thing-name J --job-id j1 --status FAILED",
  ),
  no("TerminalStateException", "iot-jobs-data describe-job-execution --thing-name J --job-id j1"),
  ok("iot create-job-template --job-template-id t1 --job-arn {job} --description template", {
    template: "jobTemplateArn",
  }),
  ok("iot describe-job-template --job-template-id t1"),
  ok("iot list-job-templates"),
  ok("iot create-job --job-id j2 --targets {thing} --job-template-arn {template} --target-selection CONTINUOUS"),
  ok("iot associate-targets-with-job --job-id j2 --targets {thing}"),
  ok("iot cancel-job-execution --job-id j2 --thing-name J"),
  ok("iot delete-job-execution --job-id j2 --thing-name J --execution-number 1"),
  ok("iot cancel-job --job-id j2 --reason-code DONE --comment enough"),
  ok("iot delete-job --job-id j2"),
  ok("iot delete-job --job-id j1"),
  no("ResourceNotFoundException", "iot describe-job --job-id j1"),
  ok("iot delete-job-template --job-template-id t1"),
  ok("iot delete-thing --thing-name J"),
];
