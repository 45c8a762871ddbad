import assert from "node:assert/strict";
import { test } from "node:test";

import { certificateFromPem, certificateToPem, createCsr, csrToPem, nameFromAttributes } from "../../../pki/index.ts";
import { Denied } from "../../../codec/index.ts";
import { createAuthorizer } from "../../authorizers/index.ts";
import { newCa, newLeaf, newSigner } from "../../registry/fixtures.test.ts";
import { newApi } from "../fixtures.test.ts";

const FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:f";

test("domain configurations are made, described, changed, listed by service and deleted once DISABLED", async (t) => {
  const api = await newApi(t);
  const open = { functionArn: FUNCTION, signingDisabled: true, status: "ACTIVE" as const };
  await createAuthorizer(api.registry, "who", open);
  const name = { domainConfigurationName: "shop" };
  const authorizerConfig = { defaultAuthorizerName: "who", allowAuthorizerOverride: false };
  const made = await api.call("CreateDomainConfiguration", {
    ...name,
    domainName: "Iot.Shop.Example",
    authorizerConfig,
    tags: [{ Key: "k", Value: "v" }],
  });
  assert.match(made.domainConfigurationArn ?? "", /:domainconfiguration\/shop$/);
  const described = await api.call("DescribeDomainConfiguration", name);
  assert.deepEqual(described, {
    ...made,
    domainName: "iot.shop.example",
    serverCertificates: [],
    authorizerConfig,
    domainConfigurationStatus: "ENABLED",
    serviceType: "DATA",
    domainType: "CUSTOMER_MANAGED",
    lastStatusChangeDate: api.clock.now() / 1000,
    tlsConfig: { securityPolicy: "IotSecurityPolicy_TLS13_1_2_2022_10" },
    authenticationType: "DEFAULT",
    applicationProtocol: "DEFAULT",
  });
  const again = { domainConfigurationName: "other", domainName: "iot.shop.example" };
  for (const twice of [{ ...name }, again]) {
    await assert.rejects(api.call("CreateDomainConfiguration", twice), { type: "ResourceAlreadyExistsException" });
  }
  assert.equal(api.settings.domains.forServerName("iot.SHOP.example")?.name, "shop");
  await assert.rejects(api.call("DeleteDomainConfiguration", name), { type: "InvalidRequestException" });
  api.clock.advance(5000);
  const tlsConfig = { securityPolicy: "IotSecurityPolicy_TLS13_1_3_2022_10" };
  const change = { domainConfigurationStatus: "DISABLED", removeAuthorizerConfig: true, tlsConfig } as const;
  await api.call("UpdateDomainConfiguration", { ...name, ...change });
  const after = await api.call("DescribeDomainConfiguration", name);
  assert.equal(after.authorizerConfig, undefined);
  assert.deepEqual(after.tlsConfig, tlsConfig);
  assert.equal(after.lastStatusChangeDate, api.clock.now() / 1000);
  await api.call("CreateDomainConfiguration", { domainConfigurationName: "jobs", serviceType: "JOBS" });
  const listed = async (serviceType?: "DATA" | "JOBS") =>
    (await api.call("ListDomainConfigurations", serviceType ? { serviceType } : {})).domainConfigurations?.map(
      (each) => each.domainConfigurationName,
    );
  assert.deepEqual([await listed("DATA"), await listed("JOBS"), (await listed())?.length], [["shop"], ["jobs"], 2]);
  await api.call("DeleteDomainConfiguration", name);
  assert.equal(api.settings.domains.forServerName("iot.shop.example"), undefined);
  await assert.rejects(api.call("DescribeDomainConfiguration", name), { type: "ResourceNotFoundException" });
});

test("a domain configuration promises nothing that no listener does", async (t) => {
  const api = await newApi(t);
  const make = (more: object) =>
    api.call("CreateDomainConfiguration", { domainConfigurationName: "d", domainName: "a.example", ...more });
  const arn = "arn:aws:acm:us-east-1:123456789012:certificate/x";
  for (const [more, type] of [
    [{ serverCertificateArns: [arn] }, "NotImplementedException"],
    [{ validationCertificateArn: arn }, "NotImplementedException"],
    [{ authenticationType: "AWS_X509" }, "NotImplementedException"],
    [{ applicationProtocol: "HTTPS" }, "NotImplementedException"],
    [{ clientCertificateConfig: { clientCertificateCallbackArn: FUNCTION } }, "NotImplementedException"],
    [{ serverCertificateConfig: { enableOCSPCheck: true } }, "NotImplementedException"],
    [{ tlsConfig: { securityPolicy: "IotSecurityPolicy_TLS12_1_0_2016_01" } }, "InvalidRequestException"],
    [{ domainName: "not a name" }, "InvalidRequestException"],
    [{ authorizerConfig: { defaultAuthorizerName: "nobody" } }, "InvalidRequestException"],
  ] as const) {
    await assert.rejects(make(more), { type }, JSON.stringify(more));
  }
  for (let i = 0; i < 10; i++) await api.call("CreateDomainConfiguration", { domainConfigurationName: `d${i}` });
  await assert.rejects(make({}), { type: "LimitExceededException" });
});

test("a certificate provider's function signs in place of the cloud's CA, and its certificate is checked", async (t) => {
  const ca = await newCa("Own CA");
  const device = newSigner();
  const csr = csrToPem(await createCsr({ subject: nameFromAttributes([["CN", "chip"]]), signer: device }));
  const leaf = await newLeaf({ issuer: ca, name: "chip", publicKey: device.publicKey });
  let answer: unknown = { certificatePem: certificateToPem(leaf) };
  const asked: unknown[] = [];
  const api = await newApi(t, {
    async ask(caller, functionArn, question) {
      asked.push([caller.sourceArn.split(":").at(-1), functionArn, question]);
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  const name = { certificateProviderName: "own" };
  const made = await api.call("CreateCertificateProvider", {
    ...name,
    lambdaFunctionArn: FUNCTION,
    accountDefaultForOperations: ["CreateCertificateFromCsr"],
    clientToken: "0".repeat(36),
  });
  const described = await api.call("DescribeCertificateProvider", name);
  assert.deepEqual(
    [described.lambdaFunctionArn, described.accountDefaultForOperations?.[0]],
    [FUNCTION, "CreateCertificateFromCsr"],
  );
  assert.deepEqual(await api.call("ListCertificateProviders", {}), { certificateProviders: [made] });
  const second = { certificateProviderName: "two", lambdaFunctionArn: FUNCTION };
  await assert.rejects(
    api.call("CreateCertificateProvider", { ...second, accountDefaultForOperations: ["CreateCertificateFromCsr"] }),
    { type: "LimitExceededException" },
  );
  const issue = () => api.call("CreateCertificateFromCsr", { certificateSigningRequest: csr, setAsActive: true });
  const issued = await issue();
  assert.equal(issued.certificateId, leaf.id);
  assert.deepEqual(certificateFromPem(issued.certificatePem).issuer.text, "CN=Own CA");
  const event = { certificateSigningRequest: csr, principalId: "", clientId: "" };
  assert.deepEqual(asked, [["certificateprovider/own", FUNCTION, { event, limitMs: 5000 }]]);
  const foreign = await newLeaf({ issuer: ca, name: "chip" });
  for (const [wrong, message] of [
    [{ certificatePem: certificateToPem(foreign) }, /is for another key than the request/],
    [{ certificatePem: "no PEM" }, /provider own gave no certificate: the provider's certificate holds no/],
    [{}, /it answered no certificatePem/],
    [null, /it answered no certificatePem/],
    [new Denied("function-refused", "it may not"), /provider own gave no certificate: it may not/],
  ] as const) {
    answer = wrong;
    await assert.rejects(issue(), { type: "InvalidRequestException", message });
  }
  await api.call("UpdateCertificateProvider", { ...name, lambdaFunctionArn: `${FUNCTION}2` });
  assert.equal((await api.call("DescribeCertificateProvider", name)).lambdaFunctionArn, `${FUNCTION}2`);
  await api.call("DeleteCertificateProvider", name);
  await assert.rejects(api.call("DeleteCertificateProvider", name), { type: "ResourceNotFoundException" });
  const own = certificateFromPem((await issue()).certificatePem);
  assert.notEqual(own.issuer.text, "CN=Own CA");
});

test("event switches are all off, switched one by one, and those without events stay off: not-implemented", async (t) => {
  const api = await newApi(t);
  const { eventConfigurations = {} } = await api.call("DescribeEventConfigurations", {});
  assert.equal(Object.keys(eventConfigurations).length, 11);
  assert.ok(Object.values(eventConfigurations).every(({ Enabled }) => Enabled === false));
  await api.call("UpdateEventConfigurations", { eventConfigurations: { THING: { Enabled: true } } });
  api.clock.advance(1000);
  await api.call("UpdateEventConfigurations", { eventConfigurations: { JOB: { Enabled: true }, POLICY: {} } });
  const after = await api.call("DescribeEventConfigurations", {});
  assert.deepEqual(
    [after.eventConfigurations?.["THING"], after.eventConfigurations?.["JOB"]],
    [{ Enabled: true }, { Enabled: true }],
  );
  assert.equal((after.lastModifiedDate ?? 0) - (after.creationDate ?? 0), 1);
  const promise = { eventConfigurations: { CERTIFICATE: { Enabled: true } } };
  await assert.rejects(api.call("UpdateEventConfigurations", promise), { type: "NotImplementedException" });
});

test("logging options reach the log when they are set; before that they are not-configured", async (t) => {
  const api = await newApi(t);
  await assert.rejects(api.call("GetV2LoggingOptions", {}), { type: "NotConfiguredException" });
  await assert.rejects(api.settings.logging.describe(), { code: "not-configured" });
  assert.deepEqual(await api.call("GetLoggingOptions", {}), {});
  const roleArn = "arn:aws:iam::123456789012:role/logs";
  await api.call("SetV2LoggingOptions", { roleArn, defaultLogLevel: "DEBUG" });
  const v2 = { roleArn, defaultLogLevel: "DEBUG", disableAllLogs: false } as const;
  assert.deepEqual(await api.call("GetV2LoggingOptions", {}), v2);
  await api.call("SetV2LoggingOptions", { disableAllLogs: true });
  assert.deepEqual(await api.call("GetLoggingOptions", {}), { roleArn, logLevel: "DISABLED" });
  await api.call("SetV2LoggingOptions", { disableAllLogs: false });
  await api.call("SetLoggingOptions", { loggingOptionsPayload: { roleArn, logLevel: "WARN" } });
  assert.deepEqual(api.levels, ["DEBUG", "DISABLED", "DEBUG", "WARN"]);
});
