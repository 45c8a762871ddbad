import { no, ok, words, type Step } from "./aws-steps.ts";

const ROLE = "arn:aws:iam::123456789012:role/device";

/** Authorizers, questions to policies, role aliases, certificate transfer. `{arn}` is a certificate, rsa.pub a public key. */
export const AUTHORIZER_STEPS: readonly Step[] = [
  ok(
    "iot create-authorizer --authorizer-name A --authorizer-function-arn arn:aws:lambda:eu-central-1:123456789012:function:none --signing-disabled --tags Key=k,Value=v",
  ),
  ok("iot describe-authorizer --authorizer-name A"),
  ok("iot update-authorizer --authorizer-name A --status ACTIVE"),
  ok("iot list-authorizers --ascending-order"),
  ok("iot set-default-authorizer --authorizer-name A"),
  ok("iot describe-default-authorizer"),
  ok("iot clear-default-authorizer"),
  no("ResourceNotFoundException", "iot test-invoke-authorizer --authorizer-name A --token x"),
  ok("iot update-authorizer --authorizer-name A --status INACTIVE"),
  ok("iot delete-authorizer --authorizer-name A"),
  {
    args: [
      ...words("iot test-authorization --principal {arn} --client-id c --auth-infos"),
      '[{"actionType":"CONNECT","resources":["arn:aws:iot:eu-central-1:123456789012:client/c"]}]',
    ],
  },
  ok("iot get-effective-policies --principal {arn}"),
  ok(`iot create-role-alias --role-alias R --role-arn ${ROLE} --credential-duration-seconds 900`),
  ok("iot describe-role-alias --role-alias R"),
  ok(`iot update-role-alias --role-alias R --role-arn ${ROLE}`),
  ok("iot list-role-aliases"),
  ok("iot delete-role-alias --role-alias R"),
  ok("iot create-certificate-from-csr --certificate-signing-request file://chip.csr", { moving: "certificateId" }),
  ok("iot transfer-certificate --certificate-id {moving} --target-aws-account 111122223333 --transfer-message hello"),
  ok("iot list-outgoing-certificates"),
  ok("iot describe-certificate --certificate-id {moving}"),
  no("ResourceNotFoundException", "iot accept-certificate-transfer --certificate-id {moving}"),
  no("ResourceNotFoundException", "iot reject-certificate-transfer --certificate-id {moving}"),
  ok("iot cancel-certificate-transfer --certificate-id {moving}"),
  ok("iot delete-certificate --certificate-id {moving}"),
];
