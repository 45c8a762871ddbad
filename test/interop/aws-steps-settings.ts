import { no, ok, type Step } from "./aws-steps.ts";

const FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:none";
const PROVIDER = "--certificate-provider-name P";

/** Domain configurations, certificate providers, event switches, logging options. */
export const SETTING_STEPS: readonly Step[] = [
  ok("iot create-domain-configuration --domain-configuration-name D --domain-name a.example --service-type DATA"),
  ok("iot describe-domain-configuration --domain-configuration-name D"),
  ok("iot list-domain-configurations --service-type DATA"),
  no("InvalidRequestException", "iot delete-domain-configuration --domain-configuration-name D"),
  ok(
    "iot update-domain-configuration --domain-configuration-name D --domain-configuration-status DISABLED --remove-authorizer-config",
  ),
  ok("iot delete-domain-configuration --domain-configuration-name D"),
  {
    ...ok(
      `iot create-certificate-provider ${PROVIDER} --lambda-function-arn ${FUNCTION} --account-default-for-operations CreateCertificateFromCsr`,
    ),
    since: "CreateCertificateProvider",
  },
  { ...ok(`iot describe-certificate-provider ${PROVIDER}`), since: "DescribeCertificateProvider" },
  {
    ...ok(`iot update-certificate-provider ${PROVIDER} --lambda-function-arn ${FUNCTION}`),
    since: "UpdateCertificateProvider",
  },
  { ...ok("iot list-certificate-providers"), since: "ListCertificateProviders" },
  { ...ok(`iot delete-certificate-provider ${PROVIDER}`), since: "DeleteCertificateProvider" },
  ok("iot describe-event-configurations"),
  ok("iot update-event-configurations --event-configurations THING={Enabled=true}"),
  no("NotConfiguredException", "iot get-v2-logging-options"),
  ok("iot set-v2-logging-options --role-arn arn:aws:iam::123456789012:role/l --default-log-level INFO"),
  ok("iot get-v2-logging-options"),
  ok("iot set-logging-options --logging-options-payload roleArn=arn:aws:iam::123456789012:role/l,logLevel=DEBUG"),
  ok("iot get-logging-options"),
];
